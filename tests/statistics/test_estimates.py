"""Means, medians and lines: known values, degenerate samples, and coverage."""

import math

import numpy as np
import pytest
from pg.statistics import estimates, shares
from scipy import stats

N = 20
LEVELS = np.array([-2.0, 0.0, 1.0, 4.0])

# Known values ---------------------------------------------------------------------------------------------------------


def test_mean_agrees_with_scipy():
    x = np.array([2.0, 3.5, 1.0, 7.0, 4.0])
    ours, theirs = estimates.mean(x, null=2), stats.ttest_1samp(x, 2)
    assert (ours.p_greater, ours.p_less) == pytest.approx((theirs.pvalue / 2, 1 - theirs.pvalue / 2))
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_geometric_mean_is_symmetric_in_numerator_and_denominator():
    ratios = np.array([0.5, 0.25, 0.8, 0.4])
    one, other = estimates.geometric_mean(ratios), estimates.geometric_mean(1 / ratios)
    assert one.estimate == pytest.approx(0.04**0.25)
    assert (one.low, one.high, one.p_less) == pytest.approx((1 / other.high, 1 / other.low, other.p_greater))


def test_geometric_mean_is_greater_than_a_negative_value():
    test = estimates.geometric_mean([1.0, 2.0, 3.0], null=-0.5)
    assert (test.p_less, test.p_greater) == (1.0, 0.0)


@pytest.mark.parametrize("null", [0.0, 2.0, 2.5, 3.0, 9.0])
def test_sign_test_counts_ties_for_neither_side(null):
    values = [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0]
    test = estimates.median(values, null=null)
    below, above = (int(np.sum(side)) for side in (np.less(values, null), np.greater(values, null)))
    assert test.p_less == pytest.approx(stats.binomtest(below, 7, alternative="greater").pvalue)
    assert test.p_greater == pytest.approx(stats.binomtest(above, 7, alternative="greater").pvalue)
    assert (test.estimate, test.low, test.high) == (3, 1, 4)


def test_median_is_rejected_exactly_outside_its_interval():
    values = np.random.default_rng(3).permutation(np.arange(1.0, 21.0))
    for null in np.arange(0.25, 21, 0.5):
        test = estimates.median(values, null=null)
        assert (test.estimate, test.low, test.high) == (10.5, 6, 15)
        assert (2 * min(test.p_less, test.p_greater) <= 0.05) == (not 6 <= null <= 15)


@pytest.mark.long
def test_true_median_is_rejected_at_the_level_whatever_the_ties():
    generator = np.random.default_rng(7)
    # Half of the mass is at the median itself, as if half of the runs were censored.
    samples = np.minimum(generator.exponential(1 / np.log(2), (2000, 20)), 1.0)
    rejected = sum(2 * estimates.median(sample, null=1.0).p_less < 0.05 for sample in samples)
    assert rejected <= stats.binom.ppf(0.999, 2000, 0.025)
    assert rejected >= stats.binom.ppf(0.001, 2000, stats.binom.sf(14, 20, 0.5))


def test_fiellers_ends_are_the_ratios_that_t_just_rejects():
    generator = np.random.default_rng(1)
    w = generator.normal(5, 1, 20)
    u = 0.4 * w + generator.normal(0, 1, 20)
    test = estimates.ratio_of_means(u, w, null=0.4)
    assert test.low < test.estimate < test.high
    for end in (test.low, test.high):
        assert stats.ttest_1samp(u - end * w, 0).pvalue == pytest.approx(0.05)
    assert test.p_less == pytest.approx(estimates.mean(u - 0.4 * w).p_less)


def test_ratio_keeps_its_direction_with_a_negative_denominator():
    generator = np.random.default_rng(2)
    w = generator.normal(-5, 1, 20)
    u = 0.9 * w + generator.normal(0, 0.1, 20)
    assert estimates.ratio_of_means(u, w, null=0.5).p_greater < 1e-6
    assert estimates.ratio_of_means(u, w, null=1.5).p_less < 1e-6


def test_exact_ratio_has_no_width():
    w = np.arange(1.0, 9.0)
    interval = estimates.ratio_of_means(3 * w, w)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((3, 3, 3))


def test_pairs_must_be_pairs():
    with pytest.raises(ValueError, match="not 2 and 3"):
        estimates.ratio_of_means([1, 2], [1, 2, 3])


# Lines and parabolas --------------------------------------------------------------------------------------------------


def test_slope_is_that_of_the_least_squares_line():
    assert estimates.slope([0, 1, 2, 3], [1.0, -1.1, -2.9, -5.0]) == pytest.approx(
        np.polyfit(range(4), [1, -1.1, -2.9, -5], 1)[0]
    )
    assert estimates.slope([0, 2], [0, 1]) == 0.5
    assert np.isnan([estimates.slope(*line) for line in (([1, 1], [1, 2]), ([], []), ([1, 2], [1, math.inf]))]).all()


def test_points_on_a_parabola_are_fitted_exactly():
    at = np.linspace(-2, 4, 7)
    found = estimates.parabola(LEVELS, 3 + LEVELS + 2 * LEVELS**2, at)
    np.testing.assert_allclose(found, 3 + at + 2 * at**2, rtol=1e-12)


def test_fit_of_a_parabola_minimises_squared_relative_errors():
    values = 3 + LEVELS + 2 * LEVELS**2 + 0.1 * np.abs(LEVELS) ** 3
    errors = estimates.parabola(LEVELS, values, LEVELS) / values - 1
    for power in range(3):
        assert abs((errors * LEVELS**power / values).sum()) < 1e-12


def test_fit_of_a_parabola_is_undefined_unless_positive():
    levels, values = np.array([-1.0, 0.0, 1.0, 3.0]), np.array([0.0, 1.0, 4.0, 16.0])
    np.testing.assert_allclose(estimates.parabola(levels, values, np.array([2.0])), [9.0])
    assert np.isnan(estimates.parabola(levels[:3], values[:3], levels)).all(), "two points are too few"
    assert np.isnan(estimates.parabola(np.arange(3.0), np.array([1.0, 0.01, 2.0]), np.array([0.7]))).all()


# Degenerate samples ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", [estimates.mean, estimates.geometric_mean, estimates.median, shares.share])
@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.nan, 1.0]])
def test_samples_without_an_estimate_are_undefined(statistic, values):
    interval = statistic(values)
    assert not interval.defined
    assert math.isnan(interval.low)
    assert interval.n == len(values)
    assert interval.method.startswith("undefined: ")


@pytest.mark.parametrize("values", [[1.0, math.inf], [math.inf, -math.inf], [math.inf, math.inf]])
def test_infinite_values_have_a_median_and_no_mean(values):
    assert not any(one(values).defined for one in (estimates.mean, estimates.geometric_mean, shares.share))
    assert estimates.median([*values, 4, 4, 4, -math.inf]).estimate == 4


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (estimates.geometric_mean([1.0, 2.0, 0.0]), "1 of 3 values not positive"),
        (estimates.geometric_mean([-1.0, 2.0, -1.0]), "2 of 3 values not positive"),
        (estimates.ratio_of_means([1, 2, 3, 4], [1, -1, 1, -0.9]), "the denominator's 95% interval holds 0"),
        (estimates.ratio_of_means([1.0], [2.0]), "the denominator's 95% interval holds 0"),
        (estimates.ratio_of_means([], []), "no values"),
    ],
)
def test_undefined_estimates_say_why(test, why):
    assert not test.defined
    assert test.method == f"undefined: {why}"


def test_interval_of_one_value_is_unbounded():
    test, ratio = estimates.mean([3.0]), estimates.geometric_mean([3.0])
    assert (test.estimate, test.low, test.high) == (3, -math.inf, math.inf)
    assert min(test.p_less, test.p_greater) == 0.5
    assert (ratio.low, ratio.high) == (0, math.inf)
    assert test.method == "sign test, one value has no interval"


def test_equal_values_are_judged_by_the_sign_test():
    test = estimates.mean(np.full(10, 0.1 + 0.2))
    assert (test.low, test.high) == (test.estimate, test.estimate)
    assert (test.p_less, test.p_greater) == (1, 2**-10)
    assert estimates.mean(np.full(10, -7.0)).p_less == 2**-10
    assert test.method == "sign test, all values equal"
    at_the_null = estimates.mean(np.zeros(20))
    assert (at_the_null.estimate, at_the_null.p_less, at_the_null.p_greater) == (0, 1, 1)


@pytest.mark.parametrize(("n", "bounded"), [(2, False), (5, False), (6, True)])
def test_median_and_equal_values_are_bounded_from_six(n, bounded):
    median, equal = estimates.median(np.arange(float(n))), estimates.mean(np.full(n, 2.0))
    assert (median.low, median.high) == ((0.0, n - 1.0) if bounded else (-math.inf, math.inf))
    assert equal.high == (2 if bounded else math.inf)


# Coverage at n = 20 ---------------------------------------------------------------------------------------------------


def discordant(generator):
    only_a, only_b, _ = generator.multinomial(N, [0.3, 0.1, 0.6])
    place = np.arange(N)
    return place < only_a, (place >= only_a) & (place < only_a + only_b)


def proportional(generator):
    w = generator.normal(5, 2, N)
    return 0.4 * w + generator.normal(0, 1, N), w


COVERAGE = {
    "mean": (estimates.mean, lambda g: [g.normal(3, 1, N)], 3),
    "geometric mean": (estimates.geometric_mean, lambda g: [g.lognormal(1, 2, N)], math.e),
    "median": (estimates.median, lambda g: [g.lognormal(0, 1, N)], 1),
    "share": (shares.share, lambda g: [g.random(N) < 0.1], 0.1),
    "restricted mean": (estimates.mean, lambda g: [np.minimum(g.exponential(1, N), 1.5)], 1 - math.exp(-1.5)),
    "difference of shares": (shares.difference, discordant, 0.2),
    "ratio of means": (estimates.ratio_of_means, proportional, 0.4),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", COVERAGE)
def test_interval_covers_the_truth_as_often_as_it_promises(kind):
    statistic, draw, truth = COVERAGE[kind]
    generator = np.random.default_rng(20)
    intervals = [statistic(*draw(generator)) for _ in range(1000)]
    covered = sum(bool(one.low <= truth <= one.high) for one in intervals)
    # Not below 95 % by more than chance; exact intervals may cover more.
    assert stats.binomtest(covered, 1000, 0.95, "less").pvalue > 0.001
    assert covered < 1000


@pytest.mark.long
@pytest.mark.parametrize("side", ["p_less", "p_greater"])
def test_one_sided_p_values_are_uniform_under_the_null(side):
    generator = np.random.default_rng(22)
    rejected = sum(getattr(estimates.mean(generator.normal(0, 1, N)), side) < 0.05 for _ in range(1000))
    assert stats.binomtest(rejected, 1000, 0.05).pvalue > 0.001


# Steps to threshold, censored at a budget -----------------------------------------------------------------------------


BUDGET = 80_000.0
SHARED = pytest.mark.parametrize("shared", [0.0, 0.7], ids=["independent", "paired"])


def restricted_mean_of(log_mean, spread):
    """E[min(X, budget)] of a lognormal X: the part below the budget, and the budget for X above it."""
    below = stats.norm.cdf((math.log(BUDGET) - log_mean - spread**2) / spread)
    above = stats.norm.sf((math.log(BUDGET) - log_mean) / spread)
    return math.exp(log_mean + spread**2 / 2) * below + BUDGET * above


def censored_means_tested(log_means, spread, shared):
    """Return the true ratio of means of 20 pairs of lognormal steps, and replicated tests of it."""
    generator = np.random.default_rng(23)
    truth = restricted_mean_of(log_means[0], spread) / restricted_mean_of(log_means[1], spread)
    common = generator.normal(0, math.sqrt(shared), (2000, N, 1))
    noise = common + generator.normal(0, math.sqrt(1 - shared), (2000, N, 2))
    steps = np.minimum(BUDGET, np.exp(log_means + spread * noise))
    return truth, [estimates.ratio_of_means(one[:, 0], one[:, 1], null=truth) for one in steps]


@pytest.mark.long
@SHARED
@pytest.mark.parametrize(("log_mean", "spread"), [(10.5, 0.4), (11, 0.8)], ids=["2 %", "36 %"])
def test_equal_censored_means_are_rejected_at_the_level(log_mean, spread, shared):
    truth, tests = censored_means_tested((log_mean, log_mean), spread, shared)
    assert truth == 1
    covered = sum(test.low <= truth <= test.high for test in tests)
    assert stats.binomtest(covered, len(tests), 0.95).pvalue > 0.001
    for side in ("p_less", "p_greater"):
        rejected = sum(getattr(test, side) < 0.05 for test in tests)
        assert stats.binomtest(rejected, len(tests), 0.05).pvalue > 0.001


@pytest.mark.long
@SHARED
@pytest.mark.parametrize(("log_means", "spread", "least"), [((10.0, 11.0), 0.4, 0.94), ((9.5, 11.5), 0.8, 0.90)])
def test_ratio_of_unequal_censored_means_is_nearly_covered(log_means, spread, least, shared):
    """The interval is a little short if one side is skewed and the other censored."""
    truth, tests = censored_means_tested(log_means, spread, shared)
    covered = sum(test.low <= truth <= test.high for test in tests)
    assert stats.binomtest(covered, len(tests), least, "less").pvalue > 0.001
