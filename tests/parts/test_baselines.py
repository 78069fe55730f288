"""Baselines and normalisation, by hand."""

from typing import Any

import pytest
import torch
from pg.core.trajectories import Trajectories
from pg.parts.batch import Batch, ScoreProducts
from pg.parts.estimator import standardisation
from pg.parts.variant import Variant
from tests.parts.made import batch


def tensor(values: list[Any]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def normalised_by(advantages: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    mean, deviation = standardisation(advantages, mask)
    return (advantages - mean) / deviation * mask


def subtracted(name: str, trajectories: Trajectories, products: ScoreProducts | None = None) -> torch.Tensor:
    variant = Variant(baseline=name)
    return variant.baseline(Batch(variant, trajectories, None if products is None else lambda _: products))


TOTALS = [[3.0], [6.0], [0.0]]


def optimal(weighted: list[Any], squared: list[Any]) -> torch.Tensor:
    trajectories = batch(*[[[0.0]] * 3] * len(weighted))
    return subtracted("optimal", trajectories, ScoreProducts(tensor(weighted), tensor(squared)))


def test_leave_one_out_scales_the_deviation_from_the_average() -> None:
    """Leaving one out is the average reward's estimate times N / (N - 1)."""
    trajectories = batch(TOTALS)
    plain = trajectories.rewards - subtracted("average_reward", trajectories)
    found = trajectories.rewards - subtracted("leave_one_out", trajectories)
    torch.testing.assert_close(found, plain * 3 / 2)


def test_optimal_is_a_quotient_of_sums_over_the_others() -> None:
    found = optimal([[6, 4, 2]], [[2, 1, 3]])
    torch.testing.assert_close(found, tensor([[[6 / 4], [8 / 5], [10 / 3]]]))


def test_optimal_is_zero_where_the_scores_of_all_others_vanish() -> None:
    found = optimal([[10, 0, 0], [0, 0, 0]], [[5, 0, 0], [0, 0, 0]])
    assert found.squeeze(-1).tolist() == [[0, 2, 2], [0, 0, 0]]


def test_optimal_does_not_lose_small_scores_next_to_a_large_one() -> None:
    torch.testing.assert_close(optimal([[0.1, 3e-30, 0]], [[0.3, 1e-30, 0]])[0, 0], tensor([3]))


@pytest.mark.parametrize("name", ["leave_one_out", "per_step_leave_one_out"])
def test_own_rewards_do_not_enter_a_baseline_that_leaves_one_out(name: str) -> None:
    drawn = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    changed = drawn.clone()
    changed[:, 1] += 5
    difference = subtracted(name, batch(*changed.tolist())) - subtracted(name, batch(*drawn.tolist()))
    assert difference[:, 1].abs().max() < 1e-12
    assert difference[:, [0, 2, 3]].abs().min() > 1


def test_normalised_advantages_by_hand() -> None:
    advantages, mask = tensor([[[1, 3], [5, 100]]]), torch.tensor([[[True, True], [True, False]]])
    deviation = (8 / 3) ** 0.5
    torch.testing.assert_close(normalised_by(advantages, mask), tensor([[[-2, 0], [2, 0]]]) / deviation)


def test_normalised_advantages_have_mean_0_and_deviation_1() -> None:
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


def test_normalisation_of_equal_advantages_leaves_other_batches() -> None:
    advantages, mask = tensor([[[2, 2]], [[0, 4]]]), torch.ones(2, 1, 2, dtype=torch.bool)
    assert normalised_by(advantages, mask).tolist() == [[[0, 0]], [[-1, 1]]]
