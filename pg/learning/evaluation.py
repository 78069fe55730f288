"""Evaluate policies on whole episodes during training.

Evaluations use separate environments and generators, so training is the same with and without them.
"""

from __future__ import annotations

import torch

from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.learning.job import Budget, Evaluate
from pg.learning.learner import Learner
from pg.learning.rollout import actor_of, collect


class Evaluator:
    """Evaluate a learner before its first update, whenever its steps pass a multiple of the spacing, and at its end.

    Parameters
    ----------
    options
        The spacing, the number of episodes, and whether actions are sampled or the most likely ones.
    environment
        The environment of training; evaluations may have another horizon.
    budget
        The budget of a run.
    """

    def __init__(self, options: Evaluate, environment: Environment, budget: Budget) -> None:
        self._options, self._budget, self._spacing = options, budget, options.spacing(budget)
        self._environments = make_environments(options.evaluated(environment), options.episodes)

    def evaluate(self, learner: Learner) -> dict[str, float | int] | None:
        """Return the row of an evaluation if one is due. Passing several multiples in one batch makes one due."""
        if learner.diverged or (learner.steps < learner.next_evaluation and not learner.has_ended(self._budget)):
            return None
        learner.next_evaluation = (learner.steps // self._spacing + 1) * self._spacing
        actor = actor_of(learner.policy, is_deterministic=self._options.deterministic)
        returns = collect(self._environments, actor, learner.evaluation_generators).returns.to(torch.float64)
        return {
            "seed": learner.seed,
            "iteration": learner.iteration,
            "steps": learner.steps,
            "return_mean": returns.mean().item(),
            "return_min": returns.min().item(),
            "return_max": returns.max().item(),
        }
