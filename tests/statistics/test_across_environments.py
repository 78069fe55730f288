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


def test_improvement_is_averaged_over_environments():
    better = across_environments.probability_of_improvement([[2], [2], [0]], [[1], [1], [1]], generator())
    assert better.estimate == pytest.approx(2 / 3)


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


# Groups ---------------------------------------------------------------------------------------------------------------


def test_whole_groups_are_resampled():
    # The mean of groups whose runs are equal: the interval is that of one run per group.
    values = np.arange(10.0)
    strata = [np.full(10, -100.0), values, values, np.full(10, 100.0)]
    alone = across_environments.interquartile_mean(strata, generator())
    labels = [np.arange(10).repeat(3)] * 4
    together = across_environments.interquartile_mean([one.repeat(3) for one in strata], generator(), labels)
    assert (together.low, together.estimate, together.high) == pytest.approx((alone.low, alone.estimate, alone.high))
    assert (together.n, together.groups, together.method) == (120, 40, "stratified bootstrap of groups")


def test_runs_are_in_the_rows_of_their_groups():
    rows = across_environments._by_group(np.array([1.0, 2.0, 3.0]), ["b", "a", "b"])
    np.testing.assert_array_equal(rows, [[2.0, math.nan], [1.0, 3.0]])


def test_groups_of_one_run_change_nothing_but_the_name():
    x, y = np.random.default_rng(1).normal(0, 1, (2, 2, 12))
    alone, labels = across_environments.probability_of_improvement(x, y, generator()), [np.arange(12)] * 2
    for groups in ((labels, labels), (labels, None), (None, labels)):
        ours = across_environments.probability_of_improvement(x, y, generator(), groups)
        assert (ours.low, ours.estimate, ours.high) == (alone.low, alone.estimate, alone.high)
    assert (ours.groups, alone.groups) == (48, 0)


def test_groups_may_have_different_sizes():
    strata, labels = [[1.0, 2.0, 3.0, 4.0, 50.0]], [[7, 3, 3, 7, 1]]
    interval = across_environments.interquartile_mean(strata, generator(), labels)
    assert interval.estimate == 3
    better = across_environments.probability_of_improvement(strata, [[2.5]], generator(), (labels, None))
    assert better.estimate == pytest.approx(3 / 5)
    one_group = across_environments.interquartile_mean(strata, generator(), [[0] * 5])
    assert (one_group.low, one_group.high) == (-math.inf, math.inf)


def test_profile_of_groups_keeps_environments_apart():
    strata, labels = [[0.0, 1.0, 1.0, 2.0], [1.0, 1.0, 2.0, 2.0]], [[0, 0, 1, 1]] * 2
    (profile,) = across_environments.performance_profile(strata, [0.5], labels)
    assert profile == shares.share([0, 1, 1, 1, 1, 1, 1, 1], groups=[0, 0, 1, 1, 2, 2, 3, 3])


# Degenerate samples ---------------------------------------------------------------------------------------------------


def test_degenerate_strata_are_undefined_or_unbounded():
    assert across_environments.interquartile_mean([], generator()).method == "undefined: no values"
    nan = across_environments.interquartile_mean([[1, math.nan], [1, 2]], generator())
    assert nan.method == "undefined: 1 of 4 values not finite"
    (share,) = across_environments.performance_profile([[0.0, math.nan]], [0.5])
    assert share.method == "undefined: 1 of 2 values not finite"
    single = across_environments.interquartile_mean([[1.0], [1.0, 2.0]], generator())
    assert (single.low, single.high) == (-math.inf, math.inf)
