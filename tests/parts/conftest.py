"""Batches small enough to be worked out by hand."""

from collections.abc import Callable, Sequence

import pytest
import torch
from pg.core.trajectories import Trajectories
from tests.parts.made import trajectories

Rows = Sequence[Sequence[float]]


@pytest.fixture
def batch() -> Callable[..., Trajectories]:
    """Make S batches of trajectories out of lists of rewards, each list as long as its trajectory."""

    def make(*seeds: Rows) -> Trajectories:
        longest = max(len(rewards) for rows in seeds for rewards in rows)
        padded = [[[*rewards, *[0.0] * (longest - len(rewards))] for rewards in rows] for rows in seeds]
        lengths = torch.tensor([[len(rewards) for rewards in rows] for rows in seeds])
        return trajectories(torch.tensor(padded, dtype=torch.float64), torch.arange(longest) < lengths.unsqueeze(-1))

    return make
