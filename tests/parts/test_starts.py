"""A policy may begin with given outputs."""

from __future__ import annotations

import pytest
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces
from pg.learning.policies import Policy
from pg.parts.starts.given import Given
from pg.parts.variant import PolicyOptions
from torch.distributions import Independent


@pytest.mark.parametrize("hidden", [(), (5,), (5, 5)])
def test_given_logits_are_the_policys_in_every_state(hidden: tuple[int, ...]) -> None:
    policy = Policy(PolicyOptions(hidden=hidden), Spaces(4, 3), torch_generator(0, "policy"))
    Given(outputs=(0.0, 3.0, 5.0)).begin(policy, None)
    states = torch.randn(7, 4)
    expected = torch.tensor([0.0, 3.0, 5.0]).log_softmax(0).expand(7, 3)
    found = torch.stack([policy.log_prob(states, torch.full((7,), action)) for action in range(3)], dim=-1)
    assert torch.allclose(found, expected)


def test_given_means_leave_the_standard_deviation() -> None:
    policy = Policy(PolicyOptions(initial_std=0.5), Spaces(4, None, 2), torch_generator(0, "policy"))
    Given(outputs=(1.0, -2.0)).begin(policy, None)
    found = policy.distribution(torch.randn(3, 4))
    assert isinstance(found, Independent)
    assert torch.allclose(found.mean, torch.tensor([1.0, -2.0]).expand(3, 2))
    assert torch.allclose(found.stddev, torch.full((3, 2), 0.5))
