"""Shares of zeros and ones: known values, small samples, and the ends of the scale."""

import math

import numpy as np
import pytest
from pg.statistics import shares
from scipy import optimize, stats


def pairs(only_a, only_b, n):
    """Paired zeros and ones with so many discordant pairs of each kind."""
    place = np.arange(n)
    return place < only_a, (place >= only_a) & (place < only_a + only_b)


def test_share_has_an_exact_test_and_clopper_pearsons_interval():
    interval = shares.share(np.ones(20))
    assert (interval.estimate, interval.high) == (1, 1)
    assert interval.low == pytest.approx(0.025 ** (1 / 20))
    test = shares.share([1, 1, 1, 0], null=0.5)
    assert test.p_greater == pytest.approx(5 / 16)
    assert test.p_less == pytest.approx(15 / 16)


@pytest.mark.parametrize(("null", "p_less", "p_greater"), [(-0.1, 1, 0), (1.1, 0, 1), (0, 1, 0), (1, 0, 1)])
def test_null_value_outside_the_scale_of_a_share_is_rejected(null, p_less, p_greater):
    test = shares.share([1, 0, 1], null=null)
    assert (test.p_less, test.p_greater) == (p_less, p_greater)


def test_share_refuses_values_other_than_zero_and_one():
    with pytest.raises(ValueError, match="zeros and ones"):
        shares.share([0, 0.5])


def test_mcnemar_counts_discordant_pairs_only():
    test = shares.difference(*pairs(5, 1, 20))
    assert test.estimate == pytest.approx(4 / 20)
    assert test.p_greater == pytest.approx(7 / 64)
    assert test.p_less == pytest.approx(63 / 64)


def test_no_discordant_pair_gives_p_1_and_a_wide_interval():
    test = shares.difference(np.ones(20), np.ones(20))
    assert (test.p_less, test.p_greater) == (1, 1)
    # Tango's bounds without discordance: z² / (n + z²).
    z = stats.norm.ppf(0.975)
    assert (test.low, test.high) == pytest.approx((-(z**2) / (20 + z**2), z**2 / (20 + z**2)), abs=1e-6)


def constrained_score(counts, delta):
    """Score of a difference, its nuisance parameter found by maximising the likelihood numerically."""
    only_a, only_b, n = counts

    def loss(p_b):
        terms = ((only_a, p_b + delta), (only_b, p_b), (n - only_a - only_b, 1 - 2 * p_b - delta))
        return -sum(count * math.log(p) for count, p in terms if count)

    low, high = max(0.0, -delta), (1 - delta) / 2
    p_b = optimize.minimize_scalar(loss, bounds=(low + 1e-9, high - 1e-9), options={"xatol": 1e-12}).x
    return (only_a - only_b - n * delta) / math.sqrt(n * (2 * p_b + delta - delta**2))


@pytest.mark.parametrize("counts", [(8, 2, 20), (1, 5, 20), (3, 3, 12)])
def test_ends_of_tangos_interval_have_the_quantile_as_score(counts):
    a, b = pairs(*counts)
    test = shares.difference(a, b)
    for delta, quantile in ((test.low, 1.959964), (test.high, -1.959964)):
        assert constrained_score(counts, delta) == pytest.approx(quantile, abs=1e-4)
    assert shares.difference(a, b, null=test.low).p_greater == pytest.approx(0.025)


def test_tangos_interval_exists_for_every_small_sample():
    for n in range(1, 13):
        for only_a in range(n + 1):
            for only_b in range(n + 1 - only_a):
                a, b = pairs(only_a, only_b, n)
                test, mirrored = shares.difference(a, b), shares.difference(b, a)
                assert -1 <= test.low <= test.estimate <= test.high <= 1
                assert (test.low, test.p_less) == pytest.approx((-mirrored.high, mirrored.p_greater), abs=1e-9)


@pytest.mark.parametrize(("null", "expected"), [(-1, (1, 0)), (1, (0, 1)), (1.5, (0, 1))])
def test_null_value_at_either_end_of_the_scale_is_rejected(null, expected):
    test = shares.difference([1, 0, 1], [0, 0, 1], null=null)
    assert (test.p_less, test.p_greater) == expected


# Groups ---------------------------------------------------------------------------------------------------------------

GROUPS = np.arange(20) % 5


def in_groups(*counts, size=4):
    """Return zeros and ones with so many ones in each group, and the labels of the groups."""
    return np.concatenate([np.arange(size) < count for count in counts]).astype(float), np.arange(len(counts)).repeat(
        size
    )


@pytest.mark.parametrize("count", [0, 1, 7, 20])
def test_share_of_groups_of_one_value_is_the_exact_one(count):
    x = np.arange(20) < count
    for null in (0.5, 0.1, -1, 2, 0, 1):
        ours, theirs = shares.share(x, groups=np.arange(20), null=null), shares.share(x, null=null)
        for name in ("estimate", "low", "high", "p_less", "p_greater"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-12)
        assert (ours.method, ours.groups, theirs.groups) == ("Korn-Graubard", 20, 0)


def test_effective_size_is_that_of_korn_and_graubard():
    x, groups = in_groups(0, 1, 2, 4, 4)
    share, of_groups = 11 / 20, np.array([0, 1, 2, 4, 4]) / 4
    design_effect = of_groups.var(ddof=1) / 5 / (share * (1 - share) / 19)
    expected = 20 / design_effect * (stats.t.ppf(0.975, 19) / stats.t.ppf(0.975, 4)) ** 2
    assert design_effect > 1
    assert shares.effective_size(x, of_groups) == pytest.approx(expected)
    test = shares.share(x, groups=groups, null=0.2)
    ones, zeros = share * expected, (1 - share) * expected
    assert (test.low, test.high) == pytest.approx(
        (stats.beta.ppf(0.025, ones, zeros + 1), stats.beta.ppf(0.975, ones + 1, zeros))
    )
    assert test.p_greater == pytest.approx(stats.beta.cdf(0.2, ones, zeros + 1))
    assert test.p_less == pytest.approx(stats.beta.sf(0.2, ones + 1, zeros))


def test_groups_that_agree_by_chance_gain_no_precision():
    ratio = (stats.t.ppf(0.975, 19) / stats.t.ppf(0.975, 4)) ** 2
    x, _ = in_groups(1, 1, 1, 1, 1)
    assert shares.effective_size(x, np.full(5, 0.25)) == pytest.approx(20 * ratio)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_groups_without_any_variation_count_once(value):
    test = shares.share(np.full(20, value), groups=GROUPS, null=0.5)
    assert min(test.p_less, test.p_greater) == pytest.approx(2**-5)
    assert shares.share(np.full(20, value), groups=np.zeros(20)).n == 20


def test_test_of_a_share_of_groups_is_that_of_its_interval():
    x, groups = in_groups(0, 1, 3, 4, 1)
    for level in (0.95, 0.9):
        interval = shares.share(x, groups=groups, level=level)
        at_low = shares.share(x, groups=groups, level=level, null=interval.low)
        assert at_low.p_greater == pytest.approx((1 - level) / 2)


def test_difference_of_shares_in_groups_is_tested_over_their_differences():
    (a, groups), (b, _) = in_groups(4, 4, 3, 2, 4), in_groups(0, 1, 0, 1, 2)
    test = shares.difference(a, b, groups=groups, null=0.1)
    theirs = stats.ttest_1samp(np.array([4, 3, 3, 1, 2]) / 4, 0.1, alternative="greater")
    assert (test.estimate, test.p_greater) == pytest.approx((13 / 20, theirs.pvalue))
    assert test.high == 1
    assert (test.n, test.groups) == (20, 5)


def test_pairs_of_groups_without_variation_count_once():
    ones, zeros = np.ones(20), np.zeros(20)
    apart, alike = (shares.difference(ones, other, groups=GROUPS) for other in (zeros, ones))
    five = shares.difference(np.ones(5), np.ones(5))
    assert apart.p_greater == pytest.approx(2**-5)
    assert (alike.p_less, alike.low, alike.high) == (1, five.low, five.high)
    assert (alike.n, alike.groups) == (20, 5)


def thresholds_of(generator, share, groups, between):
    """Draw 20 zeros and ones from normal values of which a group shares a part of the variance."""
    shared = generator.normal(0, math.sqrt(between), groups).repeat(20 // groups)
    return shared + generator.normal(0, math.sqrt(1 - between), 20) < stats.norm.ppf(share)


@pytest.mark.long
@pytest.mark.parametrize("groups", [5, 10])
@pytest.mark.parametrize("between", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("true", [0.1, 0.5])
def test_shares_in_groups_are_rejected_at_most_at_the_level(groups, between, true):
    generator, labels, rejected = np.random.default_rng(26), np.arange(groups).repeat(20 // groups), np.zeros(4)
    for _ in range(2000):
        a, b = (thresholds_of(generator, true, groups, between) for _ in range(2))
        one, two = shares.share(a, groups=labels, null=true), shares.difference(a, b, groups=labels)
        rejected += np.array([one.p_less, one.p_greater, two.p_less, two.p_greater]) < 0.025
    assert all(stats.binomtest(int(count), 2000, 0.025, "greater").pvalue > 0.001 for count in rejected)
