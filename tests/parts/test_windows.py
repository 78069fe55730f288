"""What the ratios of a window divide by, by hand, in its limits, and for long trajectories."""

import math
from itertools import pairwise

import pytest
import torch
from pg.parts.windows.balance import Balance
from pg.parts.windows.base import Window
from pg.parts.windows.own import Own

BOTH = [Balance(batches=2), Own(batches=2)]


def drawn(policies: int, steps: int = 6, trajectories: int = 4) -> torch.Tensor:
    """Draw log-probabilities (B, 1, N, T) of trajectories whose last one ends early."""
    generator = torch.Generator().manual_seed(policies)
    logs = torch.rand(policies, 1, trajectories, steps, dtype=torch.float64, generator=generator).log()
    logs[:, :, -1, steps // 2 :] = 0
    return logs


@pytest.mark.parametrize("window", BOTH, ids=lambda one: one.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_policy_is_divided_by_exactly(window: Window, dtype: torch.dtype) -> None:
    logs = drawn(1).to(dtype)
    assert torch.equal(window(logs), logs[0])


@pytest.mark.parametrize("window", BOTH, ids=lambda one: one.name)
def test_equal_policies_are_one(window: Window) -> None:
    logs = drawn(1).expand(2, -1, -1, -1)
    torch.testing.assert_close(window(logs), logs[0], rtol=1e-14, atol=1e-15)


def test_own_policies_are_those_of_the_batches() -> None:
    logs = torch.arange(18.0).reshape(3, 1, 6, 1)
    assert Own(batches=3)(logs).flatten().tolist() == [0, 1, 8, 9, 16, 17]


def test_the_mixture_is_that_computed_by_hand() -> None:
    """Two policies take the actions with probabilities 0.2, 0.5 and 0.8, 0.25; then 1."""
    logs = torch.tensor([[[[0.2, 0.5, 1.0]]], [[[0.8, 0.25, 1.0]]]], dtype=torch.float64).log()
    first, second = (0.2 + 0.8) / 2, (0.2 * 0.5 + 0.8 * 0.25) / (0.2 + 0.8)
    assert Balance(batches=2)(logs).exp().flatten().tolist() == pytest.approx([first, second, 1])


@pytest.mark.parametrize("policies", [2, 3, 5])
def test_products_up_to_each_step_are_mean_products(policies: int) -> None:
    logs = drawn(policies, trajectories=2 * policies)
    found = Balance(batches=policies)(logs).cumsum(-1).exp()
    torch.testing.assert_close(found, logs.cumsum(-1).exp().mean(0), rtol=1e-12, atol=0)


def test_a_policy_that_never_acts_so_leaves_the_mixture() -> None:
    logs = drawn(2)
    logs[1, :, :, 1] = -math.inf
    found = Balance(batches=2)(logs)
    torch.testing.assert_close(found[..., 2:], logs[0, ..., 2:], rtol=1e-12, atol=1e-15)
    assert found.isfinite().all()


def test_a_long_trajectory_is_as_exact_as_single_precision() -> None:
    """Sums of 2,000 logarithms in single precision would lose four digits of a step's probability."""
    single = (drawn(2, steps=2000) / 100).float()
    found = Balance(batches=2)(single).double()
    torch.testing.assert_close(found, Balance(batches=2)(single.double()), rtol=1e-6, atol=0)


def test_the_mixture_approaches_the_policy_that_collected() -> None:
    """With more steps, a trajectory tells more clearly which policy acted."""
    likelier = math.log(0.6) * torch.ones(200, dtype=torch.float64)
    logs = torch.stack([likelier, torch.full_like(likelier, math.log(0.4))])[:, None, None]
    errors = (Balance(batches=2)(logs) - likelier).abs()[0, 0, [0, 10, 30]].tolist()
    assert all(later < before / 10 for before, later in pairwise(errors))
