"""Every interval has an answer for degenerate samples, and covers the truth where that is known."""

import math

import numpy as np
import pytest
from pg.statistics import estimates as statistics
from pg.statistics import shares
from scipy import stats

# Degenerate samples ---------------------------------------------------------------------------------------------------


ONE_SAMPLE = [
    statistics.mean,
    statistics.geometric_mean,
    statistics.median,
    shares.share,
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
@pytest.mark.parametrize("statistic", [statistics.mean, statistics.geometric_mean, shares.share])
def test_no_mean_is_estimated_from_infinite_values(statistic, values):
    assert not statistic(values).defined


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_geometric_mean_needs_positive_values(bad):
    assert statistics.geometric_mean([1.0, 2.0, bad]).method == "undefined: 1 of 3 values not positive"


def test_one_value_bounds_nothing():
    test = statistics.mean_test([3.0])
    assert (test.estimate, test.low, test.high) == (3, -math.inf, math.inf)
    assert min(test.p_less, test.p_greater) == 0.5
    assert statistics.geometric_mean([3.0]).low == 0
    assert statistics.geometric_mean([3.0]).high == math.inf
    assert test.method == "sign test, one value has no interval"
    assert statistics.mean_test([3.0, 3.0]).method == "sign test, all values equal"


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


# Coverage at n = 20 ---------------------------------------------------------------------------------------------------


N = 20


def pairs_of_shares(generator):
    return generator.multinomial(N, [0.3, 0.1, 0.6])


def covers_paired_share(generator):
    only_a, only_b, rest = pairs_of_shares(generator)
    test = shares.paired_share_test(
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


def covers(statistic, draw, truth):
    def replicate(generator):
        interval = statistic(draw(generator))
        return interval.low <= truth <= interval.high

    return replicate


def restricted(generator):
    return np.minimum(generator.exponential(1, N), 1.5)


COVERAGE = {
    "mean": covers(statistics.mean, lambda g: g.normal(3, 1, N), 3),
    "geometric mean": covers(statistics.geometric_mean, lambda g: g.lognormal(1, 2, N), math.e),
    "median": covers(statistics.median, lambda g: g.lognormal(0, 1, N), 1),
    "share": covers(shares.share, lambda g: g.random(N) < 0.1, 0.1),
    "restricted mean": covers(statistics.mean, restricted, 1 - math.exp(-1.5)),
    "paired share": covers_paired_share,
    "ratio of means": covers_ratio,
    "slope": covers_slope,
}


@pytest.mark.long
@pytest.mark.parametrize("kind", COVERAGE)
def test_an_interval_covers_the_truth_as_often_as_it_says(kind):
    generator = np.random.default_rng(20)
    covered = sum(bool(COVERAGE[kind](generator)) for _ in range(1000))
    # Not below 95 % by more than chance; exact intervals may lie above.
    assert stats.binomtest(covered, 1000, 0.95, "less").pvalue > 0.001
    assert covered < 1000


@pytest.mark.long
@pytest.mark.parametrize("side", ["p_less", "p_greater"])
def test_one_sided_p_values_are_as_rare_as_they_say(side):
    generator = np.random.default_rng(22)
    rejected = sum(getattr(statistics.mean_test(generator.normal(0, 1, N)), side) < 0.05 for _ in range(1000))
    assert stats.binomtest(rejected, 1000, 0.05).pvalue > 0.001
