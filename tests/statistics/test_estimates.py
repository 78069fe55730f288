"""Means, medians and slopes: known values, and coverage of means of censored steps."""

import math

import numpy as np
import pytest
from pg.statistics import estimates as statistics
from scipy import stats

# Known values ---------------------------------------------------------------------------------------------------------


def test_the_mean_agrees_with_scipy():
    x = np.array([2.0, 3.5, 1.0, 7.0, 4.0])
    ours, theirs = statistics.mean_test(x, null=2), stats.ttest_1samp(x, 2)
    assert ours.p_greater == pytest.approx(theirs.pvalue / 2)
    assert ours.p_less == pytest.approx(1 - theirs.pvalue / 2)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_the_geometric_mean_of_ratios_is_symmetric_in_numerator_and_denominator():
    ratios = np.array([0.5, 0.25, 0.8, 0.4])
    one, other = statistics.geometric_mean_test(ratios), statistics.geometric_mean_test(1 / ratios)
    assert one.estimate == pytest.approx(0.04**0.25)
    assert (one.low, one.high) == pytest.approx((1 / other.high, 1 / other.low))
    assert one.p_less == pytest.approx(other.p_greater)


def test_a_geometric_mean_is_certainly_greater_than_nothing():
    test = statistics.geometric_mean_test([1.0, 2.0, 3.0], null=-0.5)
    assert (test.p_less, test.p_greater) == (1.0, 0.0)


def test_the_median_lies_between_the_sixth_and_the_fifteenth_of_twenty():
    interval = statistics.median(np.random.default_rng(0).permutation(np.arange(1.0, 21.0)))
    assert (interval.estimate, interval.low, interval.high) == (10.5, 6, 15)


@pytest.mark.parametrize(("n", "bounded"), [(1, False), (5, False), (6, True)])
def test_the_median_of_fewer_than_six_is_unbounded(n, bounded):
    interval = statistics.median(np.arange(float(n)))
    assert (interval.low, interval.high) == ((0.0, n - 1.0) if bounded else (-math.inf, math.inf))


def test_the_median_takes_infinite_values():
    assert statistics.median([1, 2, 3, 4, math.inf, math.inf, math.inf]).estimate == 4


@pytest.mark.parametrize("null", [0.0, 2.0, 2.5, 3.0, 9.0])
def test_a_median_is_tested_by_counting_signs_and_ties_count_for_neither_side(null):
    values = [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0]
    test = statistics.median_test(values, null)
    below, above = (int(np.sum(side)) for side in (np.less(values, null), np.greater(values, null)))
    assert test.p_less == pytest.approx(stats.binomtest(below, 7, alternative="greater").pvalue)
    assert test.p_greater == pytest.approx(stats.binomtest(above, 7, alternative="greater").pvalue)
    assert (test.estimate, test.low, test.high) == (3, 1, 4)


def test_a_median_is_rejected_exactly_where_its_interval_does_not_hold_the_null_value():
    values = np.random.default_rng(3).permutation(np.arange(1.0, 21.0))
    for null in np.arange(0.25, 21, 0.5):
        test = statistics.median_test(values, null)
        assert (2 * min(test.p_less, test.p_greater) <= 0.05) == (not test.low <= null <= test.high)


@pytest.mark.long
def test_a_true_median_is_rejected_no_more_often_than_allowed_whatever_the_ties():
    generator = np.random.default_rng(7)
    # Half of the mass lies at the median itself, as where half of the runs are censored.
    samples = np.minimum(generator.exponential(1 / np.log(2), (2000, 20)), 1.0)
    rejected = sum(2 * statistics.median_test(sample, 1.0).p_less < 0.05 for sample in samples)
    assert rejected <= stats.binom.ppf(0.999, 2000, 0.025)
    assert rejected >= stats.binom.ppf(0.001, 2000, stats.binom.sf(14, 20, 0.5))


def test_fiellers_ends_are_the_ratios_that_t_just_rejects():
    generator = np.random.default_rng(1)
    w = generator.normal(5, 1, 20)
    u = 0.4 * w + generator.normal(0, 1, 20)
    test = statistics.ratio_of_means_test(u, w, null=0.4)
    assert test.low < test.estimate < test.high
    for end in (test.low, test.high):
        assert stats.ttest_1samp(u - end * w, 0).pvalue == pytest.approx(0.05)
    assert test.p_less == pytest.approx(statistics.mean_test(u - 0.4 * w).p_less)


def test_a_ratio_keeps_its_direction_where_the_denominator_is_negative():
    generator = np.random.default_rng(2)
    w = generator.normal(-5, 1, 20)
    u = 0.9 * w + generator.normal(0, 0.1, 20)
    assert statistics.ratio_of_means_test(u, w, null=0.5).p_greater < 1e-6
    assert statistics.ratio_of_means_test(u, w, null=1.5).p_less < 1e-6


def test_a_ratio_is_undefined_where_the_denominator_may_be_zero():
    test = statistics.ratio_of_means_test([1, 2, 3, 4], [1, -1, 1, -0.9])
    assert not test.defined
    assert test.method == "undefined: the denominator's 95% interval holds 0"


def test_an_exact_ratio_has_no_width():
    w = np.arange(1.0, 9.0)
    interval = statistics.ratio_of_means(3 * w, w)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((3, 3, 3))


def test_a_line_has_its_slope():
    interval = statistics.slope([0, 1, 2, 3], [1.0, -1.1, -2.9, -5.0])
    theirs = stats.linregress([0, 1, 2, 3], [1.0, -1.1, -2.9, -5.0])
    assert interval.estimate == pytest.approx(theirs.slope)
    assert interval.high - interval.low == pytest.approx(2 * stats.t.ppf(0.975, 2) * theirs.stderr)


def test_two_points_give_a_slope_without_bounds():
    interval = statistics.slope([0, 2], [0, 1])
    assert (interval.estimate, interval.low, interval.high) == (0.5, -math.inf, math.inf)


def test_pairs_must_be_pairs():
    with pytest.raises(ValueError, match="not 2 and 3"):
        statistics.ratio_of_means([1, 2], [1, 2, 3])


# Steps to threshold, censored at a budget -----------------------------------------------------------------------------


N = 20

BUDGET = 80_000.0


def restricted_mean_of(log_mean, spread):
    """E[min(X, budget)] of a lognormal X: the part below the budget, and the budget where X lies above it."""
    below = stats.norm.cdf((math.log(BUDGET) - log_mean - spread**2) / spread)
    above = stats.norm.sf((math.log(BUDGET) - log_mean) / spread)
    return math.exp(log_mean + spread**2 / 2) * below + BUDGET * above


def censored_means_tested(log_means, spread, shared, replications=2000):
    """Test the true ratio of means on 20 pairs of lognormal steps, again and again; return it and the tests."""
    generator = np.random.default_rng(23)
    truth = restricted_mean_of(log_means[0], spread) / restricted_mean_of(log_means[1], spread)
    common = generator.normal(0, math.sqrt(shared), (replications, N, 1))
    noise = common + generator.normal(0, math.sqrt(1 - shared), (replications, N, 2))
    steps = np.minimum(BUDGET, np.exp(log_means + spread * noise))
    return truth, [statistics.ratio_of_means_test(one[:, 0], one[:, 1], truth) for one in steps]


SHARED = pytest.mark.parametrize("shared", [0.0, 0.7], ids=["independent", "paired"])


@pytest.mark.long
@SHARED
@pytest.mark.parametrize(("log_mean", "spread"), [(10.5, 0.4), (11, 0.8)], ids=["2 %", "36 %"])
def test_equal_means_of_censored_steps_are_told_apart_as_rarely_as_the_test_says(log_mean, spread, shared):
    truth, tests = censored_means_tested((log_mean, log_mean), spread, shared)
    assert truth == 1
    covered = sum(test.low <= truth <= test.high for test in tests)
    assert stats.binomtest(covered, len(tests), 0.95).pvalue > 0.001
    for side in ("p_less", "p_greater"):
        rejected = sum(getattr(test, side) < 0.05 for test in tests)
        assert stats.binomtest(rejected, len(tests), 0.05).pvalue > 0.001


@pytest.mark.long
@SHARED
@pytest.mark.parametrize(
    ("log_means", "spread", "least"),
    [((10.0, 11.0), 0.4, 0.94), ((9.5, 11.5), 0.8, 0.90)],
)
def test_the_ratio_of_unequal_means_of_censored_steps_is_covered_nearly_as_often_as_its_interval_says(
    log_means, spread, least, shared
):
    """Where one side is skewed and the other censored the interval is a little short: this is what can be asked."""
    truth, tests = censored_means_tested(log_means, spread, shared)
    covered = sum(test.low <= truth <= test.high for test in tests)
    assert stats.binomtest(covered, len(tests), least, "less").pvalue > 0.001
