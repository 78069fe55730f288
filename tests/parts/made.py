"""Trajectories and ratios out of tensors."""

from collections.abc import Sequence
from typing import Any

import torch
from pg.core.trajectories import Trajectories
from pg.parts.corrections.base import Ratios


def trajectories(rewards: torch.Tensor, mask: torch.Tensor | None = None, **others: Any) -> Trajectories:
    """Return trajectories, by default of full length, all terminated, and with the rewards as observations.

    `truncated` says which are truncated instead; other fields are as given.
    """
    mask = torch.ones(rewards.shape, dtype=torch.bool) if mask is None else mask
    truncated = others.pop("truncated", torch.zeros(mask.shape[:2], dtype=torch.bool))
    default = {"observations": rewards.detach().unsqueeze(-1), "actions": torch.zeros(rewards.shape, dtype=torch.int64)}
    return Trajectories(rewards=rewards, mask=mask, terminated=~truncated, truncated=truncated, **{**default, **others})


def batch(*seeds: Sequence[Sequence[float]]) -> Trajectories:
    """Return S batches of trajectories out of lists of rewards, each list as long as its trajectory."""
    longest = max(len(rewards) for rows in seeds for rewards in rows)
    padded = [[[*rewards, *[0.0] * (longest - len(rewards))] for rewards in rows] for rows in seeds]
    lengths = torch.tensor([[len(rewards) for rewards in rows] for rows in seeds])
    return trajectories(torch.tensor(padded, dtype=torch.float64), torch.arange(longest) < lengths.unsqueeze(-1))


def ratios(logs: torch.Tensor, mask: torch.Tensor, states: torch.Tensor | None = None) -> Ratios:
    """Return ratios of trajectories without rewards."""
    return Ratios(trajectories(torch.zeros_like(logs), mask), logs, states)
