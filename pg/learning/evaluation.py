"""Evaluate policies on whole episodes during training.

Evaluations use separate environments and generators, so training is the same with and without them.
"""

from __future__ import annotations

from collections.abc import Iterator

from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.learning.job import Evaluate
from pg.learning.learner import Learner
from pg.learning.rollout import actor_of, collect


class Evaluator:
    """Evaluate a learner at step 0, and whenever its environment steps pass a multiple of `every_steps`.

    Parameters
    ----------
    options
        The interval, the number of episodes, and whether actions are sampled or the most likely ones.
    environment
        The environment of training; evaluations may have another horizon.
    """

    def __init__(self, options: Evaluate, environment: Environment) -> None:
        self._options = options
        self._environments = make_environments(options.evaluated(environment), options.episodes)

    def evaluate(self, learner: Learner) -> Iterator[dict[str, float | int]]:
        """Yield a row per episode if an evaluation is due. Passing several multiples in one batch makes one due."""
        every_steps = self._options.every_steps
        if learner.steps < learner.next_evaluation:
            return
        learner.next_evaluation = (learner.steps // every_steps + 1) * every_steps
        actor = actor_of(learner.policy, is_deterministic=self._options.deterministic)
        episodes = collect(self._environments, actor, learner.evaluation_generators)
        where = {"seed": learner.seed, "iteration": learner.iteration, "steps": learner.steps}
        for episode, value in enumerate(episodes.returns[0].tolist(), start=1):
            yield {**where, "episode": episode, "return": value}
