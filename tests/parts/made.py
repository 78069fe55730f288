"""Trajectories and ratios out of tensors."""

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


def ratios(logs: torch.Tensor, mask: torch.Tensor, states: torch.Tensor | None = None) -> Ratios:
    """Return ratios of trajectories without rewards."""
    return Ratios(trajectories(torch.zeros_like(logs), mask), logs, states)
