"""Baselines and normalisation, by hand."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pg.parts.baselines import (
    ScoreProducts,
    average_reward,
    leave_one_out,
    optimal,
    per_step,
    per_step_leave_one_out,
    standardisation,
)


def tensor(values: list[Any]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def normalised_by(advantages: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    mean, deviation = standardisation(advantages, mask)
    return (advantages - mean) / deviation * mask


TOTALS = tensor([[3, 6, 0]])
# Rewards-to-go of trajectories of three steps, two and one.
TO_GO = tensor([[[3, 2, 1], [6, 4, 0], [9, 0, 0]]])


def test_average_reward_is_one_number_per_batch() -> None:
    assert average_reward(tensor([[3, 6, 0], [1, 1, 4]])).tolist() == [[[3]], [[2]]]


def test_leave_one_out_averages_the_others() -> None:
    assert leave_one_out(TOTALS).tolist() == [[[3], [1.5], [4.5]]]


def test_per_step_counts_finished_trajectories_as_zero() -> None:
    assert per_step(TO_GO).tolist() == [[[6, 2, 1 / 3]]]


def test_per_step_leave_one_out_averages_the_others_at_each_step() -> None:
    expected = [[[7.5, 2, 0], [6, 1, 0.5], [4.5, 3, 0.5]]]
    assert per_step_leave_one_out(TO_GO).tolist() == expected


def test_leave_one_out_stretches_the_deviation_from_the_average() -> None:
    """Leaving one out is the average reward's estimate times N / (N - 1)."""
    plain = TOTALS.unsqueeze(-1) - average_reward(TOTALS)
    torch.testing.assert_close(TOTALS.unsqueeze(-1) - leave_one_out(TOTALS), plain * 3 / 2)


def test_optimal_is_a_quotient_of_sums_over_the_others() -> None:
    products = ScoreProducts(weighted=tensor([[6, 4, 2]]), squared=tensor([[2, 1, 3]]))
    torch.testing.assert_close(optimal(products), tensor([[[6 / 4], [8 / 5], [10 / 3]]]))


def test_optimal_is_zero_where_the_scores_of_all_others_vanish() -> None:
    products = ScoreProducts(weighted=tensor([[10, 0, 0], [0, 0, 0]]), squared=tensor([[5, 0, 0], [0, 0, 0]]))
    assert optimal(products).squeeze(-1).tolist() == [[0, 2, 2], [0, 0, 0]]


def test_optimal_does_not_lose_small_scores_beside_a_large_one() -> None:
    products = ScoreProducts(weighted=tensor([[0.1, 3e-30, 0]]), squared=tensor([[0.3, 1e-30, 0]]))
    torch.testing.assert_close(optimal(products)[0, 0], tensor([3]))


@pytest.mark.parametrize("baseline", [leave_one_out, per_step_leave_one_out])
def test_own_rewards_do_not_enter_a_baseline_that_leaves_one_out(baseline: Callable[..., torch.Tensor]) -> None:
    returns = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    if baseline is leave_one_out:
        returns = returns[..., 0]
    changed = returns.clone()
    changed[:, 1] += 5
    difference = baseline(changed) - baseline(returns)
    assert difference[:, 1].abs().max() < 1e-12
    assert difference[:, [0, 2, 3]].abs().min() > 1


def test_own_scores_do_not_enter_the_optimal_baseline() -> None:
    products = ScoreProducts(weighted=tensor([[6, 4, 2]]), squared=tensor([[2, 1, 3]]))
    changed = ScoreProducts(weighted=tensor([[6, 400, 2]]), squared=tensor([[2, 7, 3]]))
    assert optimal(products)[0, 1] == optimal(changed)[0, 1]


def test_normalised_advantages_by_hand() -> None:
    advantages, mask = tensor([[[1, 3], [5, 100]]]), torch.tensor([[[True, True], [True, False]]])
    deviation = (8 / 3) ** 0.5
    torch.testing.assert_close(normalised_by(advantages, mask), tensor([[[-2, 0], [2, 0]]]) / deviation)


def test_normalised_advantages_have_mean_0_and_standard_deviation_1_in_each_batch() -> None:
    advantages = 7 + 3 * torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mask = torch.arange(6) < torch.arange(2, 7).unsqueeze(-1).expand(3, 5, 1)
    normalised = normalised_by(advantages, mask)
    for seed in range(3):
        steps = normalised[seed][mask[seed]]
        assert steps.mean().abs() < 1e-12
        assert steps.std(correction=0).item() == pytest.approx(1)
    assert (normalised[~mask] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_advantages_become_zeros(dtype: torch.dtype) -> None:
    """The computed mean of equal numbers may differ from them by a rounding error, which must not be scaled up."""
    mask = torch.arange(7) < torch.arange(1, 8).unsqueeze(-1)
    normalised = normalised_by(torch.full((1, 7, 7), 0.1, dtype=dtype), mask.unsqueeze(0))
    assert (normalised == 0).all()


def test_a_batch_of_equal_advantages_leaves_its_neighbour_alone() -> None:
    advantages, mask = tensor([[[2, 2]], [[0, 4]]]), torch.ones(2, 1, 2, dtype=torch.bool)
    assert normalised_by(advantages, mask).tolist() == [[[0, 0]], [[-1, 1]]]
