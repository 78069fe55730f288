"""Weights of whole trajectories, by hand."""

import math

import pytest
import torch
from pg.estimators.importance import NonFiniteWeights, trajectory

MASK = torch.tensor([[[True, True, True], [True, False, False]]])


def test_a_trajectory_counts_as_the_product_of_its_ratios() -> None:
    ratios = torch.tensor([[[2.0, 0.5, 3.0], [0.25, 7.0, 9.0]]], dtype=torch.float64)
    torch.testing.assert_close(trajectory(ratios.log(), MASK), torch.tensor([[[3.0], [0.25]]], dtype=torch.float64))


def test_ratios_of_one_count_as_one() -> None:
    assert torch.equal(trajectory(torch.zeros(1, 2, 3), MASK), torch.ones(1, 2, 1))


def test_products_that_pass_through_very_small_numbers_come_back() -> None:
    logs = torch.tensor([[[-2000.0, 2000.0, 1.0]]], dtype=torch.float64)
    weight = trajectory(logs, torch.ones(1, 1, 3, dtype=torch.bool)).item()
    assert weight == pytest.approx(math.e)


def test_what_lies_behind_the_end_does_not_matter() -> None:
    logs = torch.tensor([[[0.0, 0.0, 0.0], [1.0, math.inf, math.nan]]])
    assert trajectory(logs, MASK)[0, 1].item() == pytest.approx(math.e)


def test_an_overflow_is_reported_with_its_step() -> None:
    logs = torch.tensor([[[400.0, 500.0, 1.0], [0.0, 0.0, 0.0]]], dtype=torch.float64)
    with pytest.raises(NonFiniteWeights, match="from step 1 on") as caught:
        trajectory(logs, MASK)
    assert caught.value.step == 1
