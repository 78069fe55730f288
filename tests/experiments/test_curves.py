"""Metrics of a single learning curve, on curves by hand."""

import numpy as np
import pandas as pd
import pytest
from pg.experiments.train import curves, metrics
from tests.experiments.rows import FINITE

STEPS = np.array([10.0, 30.0, 60.0])
RETURNS = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(("budget", "total"), [(60, 10 + 40 + 90), (100, 10 + 40 + 90 + 120), (40, 10 + 40 + 30)])
def test_the_area_weights_batches_by_their_steps_up_to_the_budget(budget, total):
    # 10 steps at 1, 20 at 2, 30 at 3; the last value is held to the budget, or cut at it.
    assert curves.area(STEPS, RETURNS, budget) == pytest.approx(total / budget)


def test_the_area_is_the_mean_of_the_curve_on_a_fine_grid():
    grid = np.arange(1, 101)
    assert curves.area(STEPS, RETURNS, 100) == pytest.approx(curves.interpolate(STEPS, RETURNS, grid).mean())


def test_the_curve_shows_the_batch_collected_and_then_the_last_one():
    grid = np.array([1, 10, 11, 30, 31, 60, 61, 100])
    assert curves.interpolate(STEPS, RETURNS, grid).tolist() == [1, 1, 2, 2, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("tenths", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 10], False),
        ([0, 5, 10, 10, 10, 10, 10, 10, 8, 5], False),
        ([0, 5, 10, 10, 10, 10, 10, 10, 8, 4.9], True),
        ([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], False),
        ([3, 3, 3, 3, 3, 3, 3, 3, 3, 3], False),
        ([-8, 0, 0, 0, 0, 0, 0, 0, 0, -5], True),
    ],
    ids=["rises", "keeps half", "keeps less", "never gains", "flat", "negative returns"],
)
def test_a_run_that_keeps_less_than_half_of_its_gain_has_collapsed(tenths, expected):
    for offset in (0, 1000, -1000):
        assert metrics.collapsed(np.repeat(np.array(tenths, dtype=float), 3) + offset) is expected, offset


def test_a_spike_shorter_than_a_tenth_is_averaged():
    returns = np.zeros(100)
    returns[50] = 100
    returns[90:] = 6
    # The best later tenth is 10, of which the last keeps 6.
    assert not metrics.collapsed(returns)


@pytest.mark.parametrize(
    ("returns", "expected"),
    [([5.0], False), ([0.0, 10.0, 4.0], True), ([0.0, 10.0, 5.0], False), ([1.0, 2.0, np.nan], True)],
)
def test_each_iteration_of_a_short_run_is_a_tenth(returns, expected):
    assert metrics.collapsed(np.array(returns)) is expected


# Runs that diverged ---------------------------------------------------------------------------------------------------


def rows(**last):
    fine = {"return_mean": 1.0, **FINITE, "kl_old_new": 0.1}
    return pd.DataFrame([fine, fine | last])


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({}, False),
        ({"gradient_norm": np.nan}, True),
        ({"gradient_norm": np.inf}, True),
        ({"kl_new_old": np.nan}, True),
        ({"kl_old_new": np.nan}, True),
        ({"kl_new_old": np.inf}, False),
        ({"kl_new_old": np.inf, "kl_old_new": np.inf}, False),
        ({"return_mean": np.nan}, True),
    ],
)
def test_a_run_has_diverged_if_its_last_update_is_not_finite(last, expected):
    assert curves.has_diverged(rows(**last)) is expected
    assert not curves.has_diverged(rows(**last).iloc[::-1]), "only the last update counts"


def test_a_curve_is_continued_at_the_worst_until_the_budget():
    steps, returns = curves.continued(STEPS, RETURNS, 100, -7)
    assert (steps.tolist(), returns.tolist()) == ([10, 30, 60, 100], [1, 2, 3, -7])
    assert curves.area(steps, returns, 100) == pytest.approx((10 + 40 + 90 - 280) / 100)
    spent = curves.continued(STEPS, RETURNS, 40, -7)
    assert curves.area(*spent, 40) == curves.area(STEPS, RETURNS, 40), "no width is left"


# Evaluations ----------------------------------------------------------------------------------------------------------


def evaluations(returns):
    """Evaluations from {steps: mean return}."""
    return metrics.Evaluations(np.array([*returns], dtype=float), np.array([*returns.values()], dtype=float))


def test_the_final_return_averages_the_evaluations_of_the_last_tenth():
    assert metrics.final_return(evaluations({0: 1, 50: 1, 90: 2, 91: 5, 102: 9}), 100) == 7.0
    assert metrics.final_return(evaluations({0: 1, 60: 2, 90: 3}), 100) == 3.0, "the last one: the last tenth has none"
    assert metrics.final_return(evaluations({0: 1}), 100) == 1.0


def test_the_first_evaluation_at_the_level_counts():
    rising = evaluations({0: 0, 20: 79.9, 45: 80, 60: 0, 80: 100})
    assert metrics.steps_to(80, rising, 100) == 45
    assert metrics.steps_to(0, rising, 100) == 0, "the evaluation before the first update"
    assert metrics.steps_to(100.1, rising, 100) is None


def test_a_level_is_reached_within_the_budget():
    late = evaluations({0: 0, 104: 9})
    assert metrics.steps_to(9, late, 104) == 104
    assert metrics.steps_to(9, late, 103) is None
