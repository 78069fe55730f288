"""Whole episodes of the present policies, apart from the batches that they learn from.

An evaluation has environments and generators of its own: what is trained is the same, with and without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pg.core.randomness import generator
from pg.core.trajectories import Environments
from pg.environments.record import Environment
from pg.environments.stacked import make_environments
from pg.experiments.records import Evaluate
from pg.learning.learner import Learner
from pg.learning.rollout import Generators, MostLikely, actor_of, collect


class Evaluator:
    """Evaluates learners as their environment steps pass the multiples of `every_steps`, 0 among them.

    Parameters
    ----------
    options
        How often, on how many episodes, and how policies act there.
    environments
        Copies for all seeds, as many for each as there are episodes: made once, used in every evaluation.
    seeds
        Of the learners.
    stream
        The stream of seeds that the generators belong to.
    """

    def __init__(self, options: Evaluate, environments: Environments, seeds: Sequence[int], stream: str) -> None:
        self._options = options
        self._environments = environments
        self._due = dict.fromkeys(seeds, 0)
        self._generators = {seed: _generators(seed, stream) for seed in seeds}

    def evaluate(self, learners: Sequence[Learner]) -> Iterator[dict[str, float | int]]:
        """Collect the episodes of those learners whose evaluation is due; yield a row for each.

        A batch that passes several multiples is followed by one evaluation.
        """
        due = [learner for learner in learners if learner.steps >= self._due[learner.seed]]
        if not due:
            return
        actor = actor_of([learner.policy for learner in due])
        episodes = collect(
            self._environments.resized(len(due)),
            MostLikely(actor) if self._options.deterministic else actor,
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
        """Return what must be remembered between two evaluations: when the next is due, and the generators."""
        drawn = {seed: [one.bit_generator.state for one in _both(own)] for seed, own in self._generators.items()}
        return {"due": self._due, "generators": drawn}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that was remembered."""
        self._due = dict(state["due"])
        for seed, former in state["generators"].items():
            for one, drawn in zip(_both(self._generators[seed]), former, strict=True):
                one.bit_generator.state = drawn


def make_evaluator(options: Evaluate, environment: Environment, seeds: Sequence[int], stream: str) -> Evaluator:
    """Return an evaluator with as many copies of the environment as all seeds need at once."""
    environments = make_environments(options.judged_in(environment), len(seeds), options.episodes)
    return Evaluator(options, environments, seeds, stream)


def _both(generators: Generators) -> tuple[np.random.Generator, np.random.Generator]:
    return generators.starts, generators.actions


def _generators(seed: int, stream: str) -> Generators:
    return Generators(generator(seed, stream, "evaluation starts"), generator(seed, stream, "evaluation actions"))
