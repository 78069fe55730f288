"""The columns of the rows that training writes, and why a row's update has diverged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

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

EVALUATION_COLUMNS = ("seed", "iteration", "steps", "return_mean", "return_min", "return_max")


def cause_of_divergence(row: Mapping[Any, float]) -> str | None:
    """Return why a run diverged in the update of a row; None if it did not.

    The first of these causes is returned: rewards of the batch are not finite; importance weights are not, so that the
    update was abandoned; the loss is not; its gradient is not; the KL divergence from the old policy is NaN. An
    infinite KL divergence is not a failure: the new policy gives an action probability 0.
    """
    if not math.isfinite(row["return_mean"]):
        return "returns are not finite"
    if math.isnan(row["gradient_steps"]):
        return "importance weights are not finite"
    if not math.isfinite(row["surrogate"]):
        return "the loss is not finite"
    if not math.isfinite(row["gradient_norm"]):
        return "the gradient is not finite"
    return "the policy is not finite" if math.isnan(row["kl_new_old"] + row["kl_old_new"]) else None
