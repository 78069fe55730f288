"""The state of a training run between two iterations, as bytes from which the run continues bit for bit.

Every batch starts with a reset, so environments have no state. The format is torch's archive of tensors, numbers and
names, which is read without running any code in it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from pg.learning.evaluation import Evaluator
from pg.learning.learner import Learner


class Keeper(Protocol):
    """Stores the state of a run, and returns what an earlier run of the same job stored."""

    def kept(self) -> bytes | None:
        """Return the stored state; None if there is none."""

    def iteration(self, state: Callable[[], bytes]) -> None:
        """Report a complete iteration. Call `state` before this returns, or not at all."""


def state_of(learners: Sequence[Learner], evaluator: Evaluator | None) -> bytes:
    """Return the state of the learners that are still training, and of their evaluator."""
    archive = io.BytesIO()
    learning = [learner.state() for learner in learners]
    torch.save({"learners": learning, "evaluator": None if evaluator is None else evaluator.state()}, archive)
    return archive.getvalue()


def resumed(new: Sequence[Learner], evaluator: Evaluator | None, state: bytes) -> list[Learner]:
    """Restore a state: return those of the new learners that were still training, and load the evaluator's state."""
    stored = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    if evaluator is not None:
        evaluator.load(stored["evaluator"])
    by_identity = {(learner.seed, learner.learning_rate): learner for learner in new}
    resumed = []
    for one in stored["learners"]:
        learner = by_identity[one["seed"], one["learning_rate"]]
        learner.load(one)
        resumed.append(learner)
    return resumed
