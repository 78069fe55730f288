"""Trajectories and ratios out of tensors."""

import torch
from pg.core.trajectories import Trajectories
from pg.parts.corrections.base import Ratios


def trajectories(rewards: torch.Tensor, mask: torch.Tensor) -> Trajectories:
    """Return trajectories that terminate, with the rewards as observations."""
    ended = torch.ones(mask.shape[:2], dtype=torch.bool)
    return Trajectories(
        observations=rewards.detach().unsqueeze(-1),
        actions=torch.zeros(rewards.shape, dtype=torch.int64),
        rewards=rewards,
        mask=mask,
        terminated=ended,
        truncated=~ended,
    )


def ratios(logs: torch.Tensor, mask: torch.Tensor, states: torch.Tensor | None = None) -> Ratios:
    """Return ratios of trajectories without rewards."""
    return Ratios(trajectories(torch.zeros_like(logs), mask), logs, states)
