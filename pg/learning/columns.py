"""The columns of the rows that training writes."""

from __future__ import annotations

RUN_COLUMNS = (
    "seed",
    "iteration",
    "steps",
    "episodes",
    "return_mean",
    "return_min",
    "return_max",
    "length_mean",
    "surrogate",
    "gradient_norm",
    "entropy",
    "kl_new_old",
    "kl_old_new",
    "gradient_steps",
    "effective_share",
    "largest_weight",
    "penalty",
    "learning_rate",
    "demonstration_steps",
    "demonstrator_return",
    "imitation_training_loss",
    "imitation_loss",
    "explained_variance",
)

EVALUATION_COLUMNS = ("seed", "iteration", "steps", "episode", "return")
