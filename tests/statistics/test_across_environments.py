"""Statistics across environments, on cases worked out by hand."""

import math

import numpy as np
import pytest
from pg.statistics import across_environments, estimates, shares
from scipy import stats


def generator():
    return np.random.default_rng(0)


# Scores ---------------------------------------------------------------------------------------------------------------


def test_score_is_0_at_the_initial_policy_and_1_at_the_threshold():
    assert across_environments.score([20, 475, 247.5, 500], 20, 475).tolist() == pytest.approx([0, 1, 0.5, 480 / 455])
    assert across_environments.score([-500, -100, -300], -500, -100).tolist() == [0, 1, 0.5]


@pytest.mark.parametrize("threshold", [20, 10])
def test_score_is_undefined_if_the_initial_policy_solves(threshold):
    scores = across_environments.score([20.0, 30.0], 20, threshold)
    assert np.isnan(scores).all()
    assert not across_environments.interquartile_mean([scores, [0.0, 1.0]], generator()).defined


# Interquartile mean ---------------------------------------------------------------------------------------------------


def test_interquartile_mean_ignores_the_outer_quarters():
    # Sorted: -1e9 1 | 2 2 3 3 | 4 1e9.
    strata = [[-1e9, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 1e9]]
    interval = across_environments.interquartile_mean(strata, generator())
    assert interval.estimate == 2.5
    assert interval == across_environments.interquartile_mean(strata, generator())


def test_resamples_stay_within_environments_of_equal_weight():
    # Resampling across environments would change the mean.
    interval = across_environments.interquartile_mean([np.zeros(8), np.ones(8)], generator())
    assert (interval.n, interval.method) == (16, "stratified bootstrap")
    better = across_environments.probability_of_improvement([[1] * 2, [0] * 20], [[0] * 2, [1] * 20], generator())
    for found in (interval, better):
        assert (found.low, found.estimate, found.high) == (0.5, 0.5, 0.5)


def test_percentiles_are_expanded_to_the_width_of_students_t():
    # The outer quarters are environments without spread: the mean of two times ten values remains.
    middle = np.arange(10.0)
    strata = [np.full(10, -100.0), middle, middle, np.full(10, 100.0)]
    interval = across_environments.interquartile_mean(strata, generator())
    theirs = estimates.mean(middle)
    assert interval.estimate == theirs.estimate
    assert interval.high - interval.low == pytest.approx((theirs.high - theirs.low) / math.sqrt(2), rel=0.05)


# Probability of improvement -------------------------------------------------------------------------------------------


def test_improvement_counts_pairs_and_half_of_ties():
    # 3 > {1, 2} and ties with 3; 1 ties with 1: (2 + 1/2 + 1/2) / 6.
    assert across_environments.probability_of_improvement([[3, 1]], [[1, 2, 3]], generator()).estimate == 0.5
    # 1 in the first environment, 1/4 in the second.
    both = across_environments.probability_of_improvement([[2, 3], [1, 4]], [[0, 1], [3, 9]], generator())
    assert both.estimate == pytest.approx((1 + 1 / 4) / 2)
    assert both.n == 8


def test_improvement_is_mann_and_whitneys_statistic():
    x, y = np.random.default_rng(1).integers(0, 9, (2, 12)).astype(float)
    ours = across_environments.probability_of_improvement([x], [y], generator())
    assert ours.estimate == pytest.approx(stats.mannwhitneyu(x, y).statistic / 144)
    theirs = across_environments.probability_of_improvement([y], [x], generator())
    assert ours.estimate + theirs.estimate == pytest.approx(1)
    assert 0 <= ours.low < ours.estimate < ours.high <= 1


def test_improvement_needs_the_same_environments():
    with pytest.raises(ValueError, match="not 1 and 2"):
        across_environments.probability_of_improvement([[1.0]], [[1.0], [2.0]], generator())


# Performance profile --------------------------------------------------------------------------------------------------


def test_profile_counts_the_runs_that_score_more():
    profile = across_environments.performance_profile([[0.0, 0.5, 1.0], [0.5, 2.0]], [-1, 0, 0.5, 1.5, 2])
    assert [one.estimate for one in profile] == [1, 4 / 5, 2 / 5, 1 / 5, 0]
    assert profile[2] == shares.share([0, 0, 1, 0, 1])


# Degenerate samples ---------------------------------------------------------------------------------------------------


def test_degenerate_strata_are_undefined_or_unbounded():
    assert across_environments.interquartile_mean([], generator()).method == "undefined: no values"
    nan = across_environments.interquartile_mean([[1, math.nan], [1, 2]], generator())
    assert nan.method == "undefined: 1 of 4 values not finite"
    (share,) = across_environments.performance_profile([[0.0, math.nan]], [0.5])
    assert share.method == "undefined: 1 of 2 values not finite"
    single = across_environments.interquartile_mean([[1.0], [1.0, 2.0]], generator())
    assert (single.low, single.high) == (-math.inf, math.inf)
