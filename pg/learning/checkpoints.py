"""The state of a training run between two iterations, as bytes from which the run continues bit for bit.

Every batch starts with a reset, so environments have no state. The format is torch's archive of tensors, numbers and
names, which is read without running any code in it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch

from pg.learning.learner import Learner


class Keeper(Protocol):
    """Stores the state of a run, and returns what an earlier run of the same job stored."""

    def kept(self) -> bytes | None:
        """Return the stored state; None if there is none."""

    def iteration(self, state: Callable[[], bytes]) -> None:
        """Note that an iteration is complete. `state` may be called only before this method returns."""


def write_state(complete: int, ended: Sequence[tuple[int, float]], learners: Iterable[Learner]) -> bytes:
    """Return the state of a job.

    Parameters
    ----------
    complete
        The number of its parts that are complete.
    ended
        Seed and learning rate of the learners that have ended.
    learners
        The others.
    """
    archive = io.BytesIO()
    states = [learner.state() for learner in learners]
    torch.save({"complete": complete, "ended": [*ended], "learners": states}, archive)
    return archive.getvalue()


def read_state(state: bytes) -> tuple[int, list[tuple[int, float]], list[Mapping[str, Any]]]:
    """Return the complete parts, the learners that have ended, and the states of the others."""
    content = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    return content["complete"], content["ended"], content["learners"]
