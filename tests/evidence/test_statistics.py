"""Intervals and tests: known values, degenerate samples, and coverage where the truth is known."""

import math

import numpy as np
import pytest
from pg.evidence import statistics
from scipy import optimize, stats

# Known values ---------------------------------------------------------------------------------------------------------


def test_the_mean_agrees_with_scipy():
    x = np.array([2.0, 3.5, 1.0, 7.0, 4.0])
    ours, theirs = statistics.mean_test(x, null=2), stats.ttest_1samp(x, 2)
    assert ours.p_greater == pytest.approx(theirs.pvalue / 2)
    assert ours.p_less == pytest.approx(1 - theirs.pvalue / 2)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_the_paired_difference_is_a_minus_b():
    a, b = np.array([5.0, 6.0, 9.0]), np.array([1.0, 1.0, 3.0])
    assert statistics.paired_difference(a, b) == statistics.mean([4, 5, 6])
    assert statistics.paired_difference(a, b).estimate == 5


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


def test_a_share_that_never_failed_is_bounded_below_by_the_rule_of_clopper_and_pearson():
    interval = statistics.share(np.ones(20))
    assert (interval.estimate, interval.high) == (1, 1)
    assert interval.low == pytest.approx(0.025 ** (1 / 20))


def test_a_share_is_tested_exactly():
    test = statistics.share_test([1, 1, 1, 0], null=0.5)
    assert test.p_greater == pytest.approx(5 / 16)
    assert test.p_less == pytest.approx(15 / 16)


@pytest.mark.parametrize(("null", "p_less", "p_greater"), [(-0.1, 1, 0), (1.1, 0, 1), (0, 1, 0), (1, 0, 1)])
def test_a_share_passes_null_values_beyond_its_scale(null, p_less, p_greater):
    test = statistics.share_test([1, 0, 1], null=null)
    assert (test.p_less, test.p_greater) == (p_less, p_greater)


def test_a_share_refuses_what_is_neither_zero_nor_one():
    with pytest.raises(ValueError, match="zeros and ones"):
        statistics.share([0, 0.5])


def test_mcnemar_counts_discordant_pairs_only():
    a, b = np.repeat([1, 1, 0, 0], [7, 5, 1, 7]), np.repeat([1, 0, 1, 0], [7, 5, 1, 7])
    test = statistics.paired_share_test(a, b)
    assert test.estimate == pytest.approx(4 / 20)
    assert test.p_greater == pytest.approx(7 / 64)
    assert test.p_less == pytest.approx(63 / 64)


def test_no_discordant_pair_is_no_evidence_but_leaves_a_wide_interval():
    test = statistics.paired_share_test(np.ones(20), np.ones(20))
    assert (test.p_less, test.p_greater) == (1, 1)
    # Tango's bounds without discordance: z² / (n + z²).
    z = stats.norm.ppf(0.975)
    assert (test.low, test.high) == pytest.approx((-(z**2) / (20 + z**2), z**2 / (20 + z**2)), abs=1e-6)


def constrained_score(only_a, only_b, n, delta):
    """Score of a difference, its nuisance parameter found by maximising the likelihood numerically."""

    def loss(p_b):
        terms = ((only_a, p_b + delta), (only_b, p_b), (n - only_a - only_b, 1 - 2 * p_b - delta))
        return -sum(count * math.log(p) for count, p in terms if count)

    low, high = max(0.0, -delta), (1 - delta) / 2
    p_b = optimize.minimize_scalar(loss, bounds=(low + 1e-9, high - 1e-9), options={"xatol": 1e-12}).x
    return (only_a - only_b - n * delta) / math.sqrt(n * (2 * p_b + delta - delta**2))


@pytest.mark.parametrize("counts", [(8, 2, 20), (1, 5, 20), (3, 3, 12)])
def test_the_ends_of_tangos_interval_have_the_score_of_the_normal_quantile(counts):
    only_a, only_b, n = counts
    rest = n - only_a - only_b
    a, b = np.repeat([1, 0, 0], [only_a, only_b, rest]), np.repeat([0, 1, 0], [only_a, only_b, rest])
    test = statistics.paired_share_test(a, b)
    assert constrained_score(only_a, only_b, n, test.low) == pytest.approx(1.959964, abs=1e-4)
    assert constrained_score(only_a, only_b, n, test.high) == pytest.approx(-1.959964, abs=1e-4)
    assert statistics.paired_share_test(a, b, null=test.low).p_greater == pytest.approx(0.025)


def test_tangos_interval_exists_for_every_outcome_of_small_samples():
    for n in range(1, 13):
        for only_a in range(n + 1):
            for only_b in range(n + 1 - only_a):
                rest = n - only_a - only_b
                a, b = np.repeat([1, 0, 0], [only_a, only_b, rest]), np.repeat([0, 1, 0], [only_a, only_b, rest])
                test, mirrored = statistics.paired_share_test(a, b), statistics.paired_share_test(b, a)
                assert -1 <= test.low <= test.estimate <= test.high <= 1
                assert (test.low, test.p_less) == pytest.approx((-mirrored.high, mirrored.p_greater), abs=1e-9)


@pytest.mark.parametrize(("null", "expected"), [(-1, (1, 0)), (1, (0, 1)), (1.5, (0, 1))])
def test_a_difference_of_shares_passes_null_values_at_the_ends_of_its_scale(null, expected):
    test = statistics.paired_share_test([1, 0, 1], [0, 0, 1], null=null)
    assert (test.p_less, test.p_greater) == expected


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


def test_the_restricted_mean_counts_censored_runs_at_the_budget():
    assert statistics.restricted_mean([100, 300, math.inf, 500], budget=400).estimate == 300


def test_the_interquartile_mean_ignores_the_outer_quarters_of_the_pool():
    strata = [np.array([-1e9, 1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0, 1e9])]
    interval = statistics.interquartile_mean(strata, np.random.default_rng(0))
    assert interval.estimate == 2.5
    assert interval == statistics.interquartile_mean(strata, np.random.default_rng(0))


def test_the_interquartile_mean_resamples_within_environments():
    # Resampling across environments would move the mean; within them nothing can change.
    interval = statistics.interquartile_mean([np.zeros(8), np.ones(8)], np.random.default_rng(0))
    assert (interval.low, interval.estimate, interval.high) == (0.5, 0.5, 0.5)


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
        statistics.paired_difference([1, 2], [1, 2, 3])


# Decisions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.2], [0.2]),
        ([0.01, 0.01, 0.01, 0.9], [0.04, 0.04, 0.04, 0.9]),
        ([], []),
    ],
)
def test_holm_steps_down(p, expected):
    assert statistics.holm(p) == pytest.approx(expected)


@pytest.mark.parametrize("shift", np.linspace(-2, 2, 41))
def test_equivalence_agrees_with_the_90_percent_interval(shift):
    x = np.array([-0.3, 0.1, 0.4, -0.2, 0.2, 0.05]) + shift
    within, outside = statistics.equivalence(lambda null: statistics.mean_test(x, null), 0, 1)
    interval = statistics.mean(x, level=0.9)
    assert (within < 0.05) == (interval.low > -1 and interval.high < 1)
    assert (outside < 0.05) == (interval.high < -1 or interval.low > 1)


# Degenerate samples ---------------------------------------------------------------------------------------------------

ONE_SAMPLE = [
    statistics.mean,
    statistics.geometric_mean,
    statistics.median,
    statistics.share,
    statistics.restricted_mean,
]


@pytest.mark.parametrize("statistic", ONE_SAMPLE)
@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.nan, 1.0]])
def test_nothing_is_estimated_from_no_values_or_from_nan(statistic, values):
    interval = statistic(values)
    assert not interval.defined
    assert math.isnan(interval.low)
    assert interval.n == len(values)
    assert interval.method.startswith("undefined: ")


@pytest.mark.parametrize("values", [[1.0, math.inf], [math.inf, -math.inf], [math.inf, math.inf]])
@pytest.mark.parametrize("statistic", [statistics.mean, statistics.geometric_mean, statistics.share])
def test_no_mean_is_estimated_from_infinite_values(statistic, values):
    assert not statistic(values).defined


def test_infinite_pairs_have_no_difference():
    assert statistics.paired_difference([1, math.inf], [1, math.inf]).method == "undefined: 1 of 2 values not finite"


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_geometric_mean_needs_positive_values(bad):
    assert statistics.geometric_mean([1.0, 2.0, bad]).method == "undefined: 1 of 3 values not positive"


def test_one_value_bounds_nothing():
    test = statistics.mean_test([3.0])
    assert (test.estimate, test.low, test.high) == (3, -math.inf, math.inf)
    assert min(test.p_less, test.p_greater) == 0.5
    assert statistics.geometric_mean([3.0]).low == 0
    assert statistics.geometric_mean([3.0]).high == math.inf


def test_equal_values_are_judged_by_the_sign_test():
    test = statistics.mean_test(np.full(10, 0.1 + 0.2))
    assert (test.low, test.high) == (test.estimate, test.estimate)
    assert (test.p_less, test.p_greater) == (1, 2**-10)
    assert statistics.mean_test(np.full(10, -7.0)).p_less == 2**-10


def test_equal_values_at_the_null_value_are_no_evidence():
    test = statistics.mean_test(np.zeros(20))
    assert (test.estimate, test.p_less, test.p_greater) == (0, 1, 1)


def test_fewer_than_six_equal_values_have_no_bounds():
    assert statistics.mean(np.full(5, 2.0)).high == math.inf
    assert statistics.mean(np.full(6, 2.0)).high == 2


def test_degenerate_lines_are_undefined_or_flat():
    assert not statistics.slope([1, 1, 1], [1, 2, 3]).defined
    assert not statistics.slope([], []).defined
    assert statistics.slope([1, 2, 3], [4, 4, 4]).estimate == 0


def test_a_ratio_needs_a_second_pair():
    assert not statistics.ratio_of_means([1.0], [2.0]).defined
    assert not statistics.ratio_of_means([], []).defined


def test_degenerate_strata_are_undefined_or_unbounded():
    generator = np.random.default_rng(0)
    assert not statistics.interquartile_mean([], generator).defined
    assert not statistics.interquartile_mean([[1, math.nan], [1, 2]], generator).defined
    assert statistics.interquartile_mean([[1.0], [1.0, 2.0]], generator).high == math.inf


# Coverage at n = 20 ---------------------------------------------------------------------------------------------------

N = 20


def pairs_of_shares(generator):
    return generator.multinomial(N, [0.3, 0.1, 0.6])


def covers_paired_share(generator):
    only_a, only_b, rest = pairs_of_shares(generator)
    test = statistics.paired_share_test(
        np.repeat([1, 0, 0], [only_a, only_b, rest]), np.repeat([0, 1, 0], [only_a, only_b, rest])
    )
    return test.low <= 0.2 <= test.high


def covers_ratio(generator):
    w = generator.normal(5, 2, N)
    interval = statistics.ratio_of_means(0.4 * w + generator.normal(0, 1, N), w)
    return interval.low <= 0.4 <= interval.high


def covers_slope(generator):
    x = np.arange(float(N))
    interval = statistics.slope(x, -x + generator.normal(0, 3, N))
    return interval.low <= -1 <= interval.high


def covers_paired_difference(generator):
    shared = generator.normal(0, 10, N)
    interval = statistics.paired_difference(shared + generator.normal(1, 2, N), shared)
    return interval.low <= 1 <= interval.high


def covers(statistic, draw, truth):
    def replicate(generator):
        interval = statistic(draw(generator))
        return interval.low <= truth <= interval.high

    return replicate


def restricted(generator):
    return np.minimum(generator.exponential(1, N), 1.5)


COVERAGE = {
    "mean": covers(statistics.mean, lambda g: g.normal(3, 1, N), 3),
    "paired difference": covers_paired_difference,
    "geometric mean": covers(statistics.geometric_mean, lambda g: g.lognormal(1, 2, N), math.e),
    "median": covers(statistics.median, lambda g: g.lognormal(0, 1, N), 1),
    "share": covers(statistics.share, lambda g: g.random(N) < 0.1, 0.1),
    "restricted mean": covers(statistics.restricted_mean, restricted, 1 - math.exp(-1.5)),
    "paired share": covers_paired_share,
    "ratio of means": covers_ratio,
    "slope": covers_slope,
}


@pytest.mark.parametrize("kind", COVERAGE)
def test_an_interval_covers_the_truth_as_often_as_it_says(kind):
    generator = np.random.default_rng(20)
    covered = sum(bool(COVERAGE[kind](generator)) for _ in range(1000))
    # Not below 95 % by more than chance; exact intervals may lie above.
    assert stats.binomtest(covered, 1000, 0.95, "less").pvalue > 0.001
    assert covered < 1000


def test_the_bootstrap_of_the_interquartile_mean_covers_nearly_as_often_as_it_says():
    generator = np.random.default_rng(21)
    # The middle half of the pool of two distant environments is symmetric about the midpoint.
    replications = 300
    covered = 0
    for _ in range(replications):
        strata = [generator.normal(0, 1, N), generator.normal(2, 1, N)]
        interval = statistics.interquartile_mean(strata, generator, resamples=400)
        covered += interval.low <= 1 <= interval.high
    # Percentile intervals are known to be a little short: 93 % is what can be asked.
    assert stats.binomtest(covered, replications, 0.93, "less").pvalue > 0.001


@pytest.mark.parametrize("side", ["p_less", "p_greater"])
def test_one_sided_p_values_are_as_rare_as_they_say(side):
    generator = np.random.default_rng(22)
    rejected = sum(getattr(statistics.mean_test(generator.normal(0, 1, N)), side) < 0.05 for _ in range(1000))
    assert stats.binomtest(rejected, 1000, 0.05).pvalue > 0.001


# Steps to threshold, censored at a budget -----------------------------------------------------------------------------

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
    return truth, [statistics.ratio_of_means_test(*one.T, truth) for one in steps]


SHARED = pytest.mark.parametrize("shared", [0.0, 0.7], ids=["independent", "paired"])


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
