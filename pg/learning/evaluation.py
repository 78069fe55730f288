"""Evaluate policies on whole episodes during training.

An evaluation has its own environments and generators, so that training is the same with and without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pg.core.randomness import generator
from pg.core.trajectories import Environments
from pg.environments.record import Environment
from pg.environments.stacked import make_environments
from pg.learning.job import Evaluate
from pg.learning.learner import Learner
from pg.learning.rollout import Generators, actor_of, collect


class Evaluator:
    """Evaluates each learner when its environment steps pass a multiple of `every_steps`, 0 included.

    Parameters
    ----------
    options
        The interval, the number of episodes, and whether actions are sampled or the most likely ones.
    environments
        Copies for all seeds, one for each of a seed's episodes.
    seeds
        Of the learners.
    stream
        Name of the stream of seeds.
    """

    def __init__(self, options: Evaluate, environments: Environments, seeds: Sequence[int], stream: str) -> None:
        self._options = options
        self._environments = environments
        self._due = dict.fromkeys(seeds, 0)
        purposes = ("evaluation starts", "evaluation actions")
        self._generators = {seed: Generators(*(generator(seed, stream, one) for one in purposes)) for seed in seeds}

    def evaluate(self, learners: Sequence[Learner]) -> Iterator[dict[str, float | int]]:
        """Yield a row per episode of the learners that are due. A batch that passes several multiples counts once."""
        due = [learner for learner in learners if learner.steps >= self._due[learner.seed]]
        if not due:
            return
        actor = actor_of([learner.policy for learner in due], is_deterministic=self._options.deterministic)
        episodes = collect(
            self._environments.resized(len(due)),
            actor,
            [self._generators[learner.seed] for learner in due],
        )
        for index, learner in enumerate(due):
            self._due[learner.seed] = (learner.steps // self._options.every_steps + 1) * self._options.every_steps
            for episode, value in enumerate(episodes.of_seed(index).returns[0].tolist(), start=1):
                yield {
                    "seed": learner.seed,
                    "iteration": learner.iteration,
                    "steps": learner.steps,
                    "episode": episode,
                    "return": value,
                }

    def state(self) -> dict[str, Any]:
        """Return the steps at which evaluations are due next, and the states of the generators."""
        drawn = {seed: [one.bit_generator.state for one in own.both] for seed, own in self._generators.items()}
        return {"due": self._due, "generators": drawn}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore a state."""
        self._due = dict(state["due"])
        for seed, former in state["generators"].items():
            for one, drawn in zip(self._generators[seed].both, former, strict=True):
                one.bit_generator.state = drawn


def make_evaluator(options: Evaluate, environment: Environment, seeds: Sequence[int], stream: str) -> Evaluator:
    """Return an evaluator with copies of the environment for all seeds at once."""
    environments = make_environments(options.judged_in(environment), len(seeds), options.episodes)
    return Evaluator(options, environments, seeds, stream)
