"""Evaluate policies on whole episodes during training.

Evaluations use separate environments and generators, so training is the same with and without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pg.environments.record import Environment
from pg.environments.stacked import make_environments
from pg.learning.job import Evaluate
from pg.learning.learner import Learner
from pg.learning.rollout import Generators, actor_of, collect


class Evaluator:
    """Evaluate each learner at step 0, and whenever its environment steps pass a multiple of `every_steps`.

    Parameters
    ----------
    options
        The interval, the number of episodes, and whether actions are sampled or the most likely ones.
    environment
        The environment of training; evaluations may have another horizon.
    seeds
        The learners' seeds.
    stream
        Name of the stream of random numbers.
    """

    def __init__(self, options: Evaluate, environment: Environment, seeds: Sequence[int], stream: str) -> None:
        self._options = options
        self._environments = make_environments(options.evaluated(environment), len(seeds), options.episodes)
        self._due = dict.fromkeys(seeds, 0)
        self._generators = {seed: Generators.of(seed, stream, prefix="evaluation ") for seed in seeds}

    def evaluate(self, learners: Sequence[Learner]) -> Iterator[dict[str, float | int]]:
        """Yield a row per episode of each learner that is due: once, also if a batch passes several multiples."""
        due = [learner for learner in learners if learner.steps >= self._due[learner.seed]]
        if not due:
            return
        actor = actor_of([learner.policy for learner in due], is_deterministic=self._options.deterministic)
        copies = self._environments.resized(len(due))
        episodes = collect(copies, actor, [self._generators[learner.seed] for learner in due])
        for index, learner in enumerate(due):
            self._due[learner.seed] = (learner.steps // self._options.every_steps + 1) * self._options.every_steps
            where = {"seed": learner.seed, "iteration": learner.iteration, "steps": learner.steps}
            for episode, value in enumerate(episodes.of_seed(index).returns[0].tolist(), start=1):
                yield {**where, "episode": episode, "return": value}

    def state(self) -> dict[str, Any]:
        """Return the step of each learner's next evaluation, and the states of the generators."""
        return {"due": self._due, "generators": {seed: pair.state() for seed, pair in self._generators.items()}}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self._due = dict(state["due"])
        for seed, saved in state["generators"].items():
            self._generators[seed].load(saved)
