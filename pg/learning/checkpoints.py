"""The state of a training run between two iterations, as bytes from which the run continues bit for bit.

Every batch starts with a reset, so environments have no state. The format is torch's archive of tensors, numbers and
names, which is read without running any code in it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Protocol

import torch

from pg.learning.learner import Learner


class Keeper(Protocol):
    """Stores the state of a run, and returns what an earlier run of the same job stored."""

    def kept(self) -> bytes | None:
        """Return the stored state; None if there is none."""

    def iteration(self, state: Callable[[], bytes]) -> None:
        """Note that an iteration is complete. `state` may be called only before this method returns."""


def state_of(ended: int, learner: Learner) -> bytes:
    """Return the state of a run: the number of learners that have ended, and the state of the one in training."""
    archive = io.BytesIO()
    torch.save({"ended": ended, "learner": learner.state()}, archive)
    return archive.getvalue()


def ended_in(state: bytes) -> int:
    """Return the number of learners that had ended."""
    return _read(state)["ended"]


def resume(learner: Learner, state: bytes) -> None:
    """Load the state of the learner that was in training into a new learner."""
    learner.load(_read(state)["learner"])


def _read(state: bytes) -> dict[str, Any]:
    return torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
