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
