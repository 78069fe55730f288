"""Means and lines: known values, degenerate samples, and coverage."""

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


def test_geometric_mean_is_tested_on_logarithms():
    x = np.array([2.0, 3.5, 1.0, 7.0, 4.0])
    ours, theirs = estimates.geometric_mean(x, null=2), stats.ttest_1samp(np.log(x), math.log(2))
    assert (ours.p_greater, ours.p_less) == pytest.approx((theirs.pvalue / 2, 1 - theirs.pvalue / 2))


def test_geometric_mean_is_greater_than_a_negative_value():
    test = estimates.geometric_mean([1.0, 2.0, 3.0], null=-0.5)
    assert (test.p_less, test.p_greater) == (1.0, 0.0)


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


# Groups ---------------------------------------------------------------------------------------------------------------

GROUPS = np.arange(N) % 5
NOISE, SHIFTS = np.random.default_rng(4).normal(5, 1, (2, N)), np.random.default_rng(5).normal(0, 1, 5)
U, W = NOISE + SHIFTS[GROUPS]


def means(values):
    return [values[group == GROUPS].mean() for group in range(5)]


def geometric_means(values):
    return np.exp(means(np.log(values)))


IN_GROUPS = {
    "mean": (estimates.mean, [U], [means(U)]),
    "geometric mean": (estimates.geometric_mean, [U], [geometric_means(U)]),
    "ratio of means": (estimates.ratio_of_means, [U, W], [means(U), means(W)]),
}


@pytest.mark.parametrize("kind", IN_GROUPS)
def test_groups_are_tested_by_their_means(kind):
    statistic, values, of_groups = IN_GROUPS[kind]
    ours, theirs = statistic(*values, groups=GROUPS, null=0.9), statistic(*of_groups, null=0.9)
    assert (ours.n, ours.groups, ours.independent) == (N, 5, 5)
    assert ours.method == theirs.method.replace("Student's t", "Student's t over groups").replace(
        "Fieller", "Fieller over groups"
    )
    for name in ("estimate", "low", "high", "p_less", "p_greater"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name))


@pytest.mark.parametrize("kind", IN_GROUPS)
def test_groups_of_one_value_change_nothing_but_the_name(kind):
    statistic, values, _ = IN_GROUPS[kind]
    ours, theirs = statistic(*values, groups=np.arange(N)[::-1], null=0.9), statistic(*values, null=0.9)
    assert (ours.estimate, ours.low, ours.high, ours.p_less) == pytest.approx(
        (theirs.estimate, theirs.low, theirs.high, theirs.p_less)
    )
    assert theirs.groups == 0


def test_groups_of_different_sizes_count_alike():
    test = estimates.mean([1.0, 1.0, 1.0, 4.0, 10.0], groups=["a", "a", "a", "b", "c"])
    assert test.estimate == 5
    assert test.p_less == pytest.approx(estimates.mean([1.0, 4.0, 10.0]).p_less)


def test_equal_groups_are_judged_by_the_sign_test_over_groups():
    test = estimates.mean([1.0, 3.0] * 6, groups=np.repeat(np.arange(6), 2))
    assert (test.low, test.high, test.p_greater) == (2, 2, 2**-6)
    assert test.method == "sign test, all values equal over groups"


def test_problems_of_values_in_groups_are_counted_by_value():
    test = estimates.mean([1.0, math.nan, 2.0, 3.0], groups=[0, 0, 1, 1])
    assert (test.method, test.n) == ("undefined: 1 of 4 values not finite", 4)
    zero = estimates.ratio_of_means([1, 2, 3, 4], [1, -1, 1, -0.9], groups=[0, 0, 1, 1])
    assert zero.method == "undefined: the denominator's 95% interval holds 0"
    with pytest.raises(ValueError, match="not 2 groups for 3 values"):
        estimates.mean([1.0, 2.0, 3.0], groups=[0, 1])


def clustered(generator, groups, between):
    """Return groups of four normal values; `between` is the part of the variance that a group shares."""
    size = N // groups
    shared = generator.normal(0, math.sqrt(between), groups).repeat(size)
    return shared + generator.normal(0, math.sqrt(1 - between), N), np.arange(groups).repeat(size)


@pytest.mark.long
@pytest.mark.parametrize("groups", [5, 10])
@pytest.mark.parametrize("between", [0.0, 0.5, 1.0])
def test_mean_of_groups_is_rejected_at_the_level_whatever_they_share(groups, between):
    generator = np.random.default_rng(24)
    for level in (0.05, 0.005):
        samples = (clustered(generator, groups, between) for _ in range(4000))
        rejected = sum(estimates.mean(values, groups=labels).p_less < level for values, labels in samples)
        assert stats.binomtest(rejected, 4000, level).pvalue > 0.001


def test_ignored_groups_make_a_mean_false_too_often():
    generator = np.random.default_rng(25)
    samples = (clustered(generator, 5, 0.5) for _ in range(500))
    assert sum(estimates.mean(values).p_less < 0.025 for values, _ in samples) > 3 * 0.025 * 500


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


@pytest.mark.parametrize("statistic", [estimates.mean, estimates.geometric_mean, shares.share])
@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.nan, 1.0]])
def test_samples_without_an_estimate_are_undefined(statistic, values):
    interval = statistic(values)
    assert not interval.defined
    assert math.isnan(interval.low)
    assert interval.n == len(values)
    assert interval.method.startswith("undefined: ")


@pytest.mark.parametrize("values", [[1.0, math.inf], [math.inf, -math.inf], [math.inf, math.inf]])
def test_infinite_values_have_no_mean(values):
    assert not any(one(values).defined for one in (estimates.mean, estimates.geometric_mean, shares.share))


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
def test_equal_values_are_bounded_from_six(n, bounded):
    assert estimates.mean(np.full(n, 2.0)).high == (2 if bounded else math.inf)


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
