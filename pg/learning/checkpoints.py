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
        """Report a complete iteration. Call `state` before this returns, or not at all."""


def state_of(ended: int, learner: Learner) -> bytes:
    """Return the state of the learner that is training, after `ended` earlier ones."""
    archive = io.BytesIO()
    torch.save({"ended": ended, "learner": learner.state()}, archive)
    return archive.getvalue()


def ended_in(state: bytes) -> int:
    """Return how many learners had ended."""
    return _read(state)["ended"]


def resume(learner: Learner, state: bytes) -> None:
    """Give a new learner the state of the one that was training."""
    learner.load(_read(state)["learner"])


def _read(state: bytes) -> dict[str, Any]:
    return torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
