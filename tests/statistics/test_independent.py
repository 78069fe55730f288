"""Differences from estimates of others: known values, coverage, and the limit of an exact value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pg.statistics import estimates, shares
from pg.statistics.independent import Estimate, mean_difference, quotient, share_difference
from scipy import stats

OURS = np.array([2.0, 3.5, 1.0, 7.0, 4.0])
THEIRS = np.array([5.0, 6.5, 4.0, 9.0, 8.0, 7.5, 3.0])
SUMMARY = Estimate(float(THEIRS.mean()), float(THEIRS.std(ddof=1)) / math.sqrt(7), 7)


@pytest.mark.parametrize("null", [0.0, -2.0, 1.5])
def test_a_difference_of_means_is_welchs_test_of_both_samples(null: float) -> None:
    ours, theirs = mean_difference(OURS, SUMMARY, null=null), stats.ttest_ind(OURS - null, THEIRS, equal_var=False)
    interval = stats.ttest_ind(OURS, THEIRS, equal_var=False).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert 2 * min(ours.p_less, ours.p_greater) == pytest.approx(theirs.pvalue)
    assert (ours.p_less < 0.5) == (theirs.statistic < 0)


def test_an_exact_value_leaves_the_test_of_one_sample() -> None:
    exact = Estimate(3.0)
    assert mean_difference(OURS, exact) == estimates.mean(OURS - 3)
    assert quotient(OURS, exact) == estimates.geometric_mean(OURS / 3)
    ones = np.array([1.0, 0, 1, 1, 0, 1])
    found, alone = share_difference(ones, Estimate(0.5)), shares.share(ones, null=0.5)
    assert (found.estimate + 0.5, found.low + 0.5, found.p_less) == pytest.approx(
        (alone.estimate, alone.low, alone.p_less)
    )
    # A small error, or one of a large sample, changes little.
    near = mean_difference(OURS, Estimate(3.0, 1e-9))
    assert (near.low, near.p_less) == pytest.approx((estimates.mean(OURS - 3).low, estimates.mean(OURS - 3).p_less))


def test_an_error_without_a_sample_is_taken_as_known() -> None:
    many = mean_difference(OURS, Estimate(3.0, 0.5, 10**9))
    assert mean_difference(OURS, Estimate(3.0, 0.5)).low == pytest.approx(many.low)


def test_equal_values_have_the_uncertainty_of_the_other_estimate() -> None:
    found = mean_difference(np.full(20, 500.0), Estimate(488.8, 10.6, 3))
    assert (found.low, found.high) == pytest.approx(tuple(stats.t(2, 11.2, 10.6).interval(0.95)))
    # A few equal values do not show that the spread is small.
    few = mean_difference(np.full(5, 500.0), Estimate(488.8, 1e-6))
    assert (few.low, few.high, few.p_greater) == (-math.inf, math.inf, 0.5**5)


def test_one_value_has_an_estimate_without_bounds() -> None:
    for compare in (mean_difference, share_difference):
        found = compare([1.0], Estimate(0.25, 0.1))
        assert (found.estimate, found.low, found.high, found.p_less) == (0.75, -math.inf, math.inf, 1.0)


def test_a_quotient_is_the_difference_of_logarithms() -> None:
    found = quotient(OURS, Estimate(2.0, 0.2, 10), null=0.5)
    logs = mean_difference(np.log(OURS), Estimate(math.log(2), 0.1, 10), null=math.log(0.5))
    assert (math.log(found.low), found.p_greater) == pytest.approx((logs.low, logs.p_greater))
    assert not quotient([1.0, -1.0], Estimate(2.0, 0.2)).defined


def test_groups_are_the_sample() -> None:
    groups = np.repeat(np.arange(5), 4)
    values = np.random.default_rng(1).normal(size=20) + np.repeat([0.0, 1, 2, 3, 4], 4)
    found = mean_difference(values, SUMMARY, groups=groups)
    means = mean_difference(values.reshape(5, 4).mean(axis=1), SUMMARY)
    assert (found.low, found.p_less, found.n, found.groups) == (means.low, means.p_less, 20, 5)
    ones = (values > 1).astype(float)
    assert share_difference(ones, Estimate(0.5, 0.1, 25), groups=groups).groups == 5


def test_a_difference_of_shares_adds_a_success_and_a_failure_to_each() -> None:
    ones = np.repeat([1.0, 0.0], [7, 13])
    found = share_difference(ones, Estimate(0.4, 0.1, 10, is_count=True))
    own, theirs = 8 / 22, 5 / 12
    reach = stats.norm.ppf(0.975) * math.sqrt(own * (1 - own) / 22 + theirs * (1 - theirs) / 12)
    assert found.estimate == pytest.approx(0.35 - 0.4)
    assert (found.low, found.high) == pytest.approx((own - theirs - reach, own - theirs + reach))
    assert share_difference(np.ones(3), Estimate(0.0, 0.1, 3, is_count=True)).high == 1
    # A standard error of its own counts.
    wide, narrow = (share_difference(ones, Estimate(0.4, error, 10)) for error in (0.3, 0.001))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.parametrize(("ours", "theirs", "n", "m"), [(0.5, 0.95, 20, 40), (0.1, 0.1, 20, 20), (0.8, 0.3, 50, 10)])
def test_intervals_of_shares_cover_the_difference(ours: float, theirs: float, n: int, m: int) -> None:
    counts = np.arange(n + 1), np.arange(m + 1)
    covered = 0.0
    for one, p_one in zip(counts[0], stats.binom.pmf(counts[0], n, ours), strict=True):
        for other, p_other in zip(counts[1], stats.binom.pmf(counts[1], m, theirs), strict=True):
            published = Estimate(other / m, 1.0, m, is_count=True)
            found = share_difference(np.repeat([1.0, 0.0], [one, n - one]), published)
            covered += p_one * p_other * (found.low <= ours - theirs <= found.high)
    assert covered > 0.94


def test_a_share_in_groups_counts_as_its_effective_size() -> None:
    published, labels = Estimate(0.9, 0.1, 20, is_count=True), np.repeat([0, 1, 2, 3, 4], 4)
    # Groups of equal values count once each, and the interval has ends.
    found, five = (share_difference(np.ones(n), published, groups=g) for n, g in ((20, labels), (5, None)))
    assert (found.low, found.high, found.p_greater) == (five.low, five.high, five.p_greater)
    assert (found.estimate, found.n, found.groups) == (pytest.approx(0.1), 20, 5)
    assert -1 < found.low < 0.1 < found.high
    # So do groups of one value.
    ones = np.repeat([1.0, 0.0], [7, 13])
    single = share_difference(ones, published, groups=np.arange(20))
    alone = share_difference(ones, published)
    assert (single.low, single.high, single.p_less) == pytest.approx((alone.low, alone.high, alone.p_less))


@pytest.mark.long
@pytest.mark.parametrize("groups", [2, 5, 10])
@pytest.mark.parametrize("between", [0.0, 0.5, 0.999])
def test_intervals_of_shares_in_groups_cover_the_difference(groups: int, between: float) -> None:
    generator, labels, covered = np.random.default_rng(3), np.arange(groups).repeat(20 // groups), 0
    for _ in range(1000):
        shared = generator.normal(0, math.sqrt(between), groups).repeat(20 // groups)
        ones = shared + generator.normal(0, math.sqrt(1 - between), 20) < 0
        published = Estimate(generator.binomial(40, 0.8) / 40, 1.0, 40, is_count=True)
        found = share_difference(ones, published, groups=labels)
        covered += found.low <= 0.5 - 0.8 <= found.high
    assert stats.binomtest(covered, 1000, 0.94, "less").pvalue > 0.001


def test_a_sample_without_an_estimate_is_undefined() -> None:
    assert not mean_difference([math.nan, 1.0], SUMMARY).defined
    assert not share_difference([math.nan], Estimate(0.5, 0.1, 10, is_count=True)).defined
