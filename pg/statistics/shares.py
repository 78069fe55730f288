"""Shares of runs that succeed: each run is 0 or 1.

| statistic | interval | test |
|---|---|---|
| share | Clopper-Pearson | exact binomial |
| share of values in groups | Korn-Graubard: Clopper-Pearson at the effective size | exact binomial at that size |
| difference of paired shares | Tango's score | exact McNemar; Tango's score for a null value other than 0 |
| difference of paired shares in groups | Student's t over groups, within -1 and 1 | Student's t over groups |

The percentile bootstrap of a small share covers 33 % instead of 95 % at n = 20, so it is not used. Student's t over
groups is not used for a single share: with 5 groups of 4 runs, it rejects a true share of 25 % in up to 8 % of samples
at a one-sided level of 2.5 %, and Korn and Graubard's test in at most 1.2 %. For differences the order is reversed:
Student's t keeps its level, and McNemar's test at the effective size rejects a difference of 0.75 in a third to two
thirds of the samples in which Student's t does (10 groups of 2 pairs, at a level of 0.17 %, the first step of Holm's
method over 29 claims).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from pg.statistics import estimates
from pg.statistics.intervals import (
    LEVEL,
    Array,
    Test,
    all_equal,
    group_means,
    over_groups,
    paired,
    problem_of,
    undefined,
)


def share(successes: ArrayLike, *, groups: ArrayLike | None = None, null: float = 0.5, level: float = LEVEL) -> Test:
    """Estimate the share of ones and test it by the exact binomial test.

    A null value outside [0, 1] is impossible: one p-value is 0 and the other is 1. A finite value that is
    neither 0 nor 1 raises a ValueError.

    Parameters
    ----------
    successes
        (n,), zeros and ones.
    groups
        (n,), labels of groups; values of different groups are independent. Default: every value is independent.
    null
        The value that the share is tested against.
    level
        Of the interval. With groups, the test is that of an interval of this level.
    """
    x = np.asarray(successes, dtype=np.float64)
    if problem := problem_of(x):
        return undefined(len(x), problem)
    _require_zeros_and_ones(x)
    at = min(max(null, 0.0), 1.0)
    test = (
        _share(int(x.sum()), len(x), at, level)
        if groups is None
        else _share_of_groups(x, group_means(x, groups), at, level)
    )
    return replace(test, p_less=test.p_less if null <= 1 else 0.0, p_greater=test.p_greater if null >= 0 else 0.0)


@cache  # a table has many shares of few counts, and SciPy takes milliseconds for each
def _share(count: int, n: int, null: float, level: float) -> Test:
    ends = stats.binomtest(count, n).proportion_ci(level, method="exact")
    p_less, p_greater = (float(stats.binomtest(count, n, null, side).pvalue) for side in ("less", "greater"))
    return Test(count / n, float(ends.low), float(ends.high), n, "Clopper-Pearson", p_less, p_greater)


def _share_of_groups(x: Array, shares: Array, null: float, level: float) -> Test:
    """Test the mean of the groups' shares (B,) like the share of a sample of the effective size."""
    share, size, tail = float(shares.mean()), effective_size(x, shares, level), (1 - level) / 2
    ones, zeros = share * size, (1 - share) * size
    low = float(special.betaincinv(ones, zeros + 1, tail)) if ones else 0.0
    high = float(special.betaincinv(ones + 1, zeros, 1 - tail)) if zeros else 1.0
    tails = _binomial_tails(ones, zeros, null)
    return Test(share, low, high, len(x), "Korn-Graubard", *tails, groups=len(shares))


def effective_size(x: Array, shares: Array, level: float = LEVEL) -> float:
    r"""Return how many independent zeros and ones determine a share as precisely as n of them in B groups.

    $n / d \cdot (t_{n-1} / t_{B-1})^2$, with quantiles t of Student's distribution, because the variance is estimated
    from few groups. The design effect d is the variance of the mean of the groups' shares over that of n independent
    values, at least 1. If all values are equal, the variance is unknown, and each group counts as one value.

    Source: Korn and Graubard (1998), "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24, 193-201.

    Parameters
    ----------
    x
        (n,), zeros and ones.
    shares
        (B,), the share of ones in each group.
    level
        Confidence level of the quantiles.
    """
    n, groups, share = len(x), len(shares), float(shares.mean())
    if groups < 2 or all_equal(x):
        return float(groups)
    design_effect = float(shares.var(ddof=1)) / groups / (share * (1 - share) / (n - 1))
    t_of_values, t_of_groups = special.stdtrit([n - 1, groups - 1], 0.5 + level / 2)
    return n / max(1.0, design_effect) * float(t_of_values / t_of_groups) ** 2


def _binomial_tails(ones: float, zeros: float, null: float) -> tuple[float, float]:
    r"""Return the one-sided p-values, less and greater, of numbers of ones and zeros that need not be integers.

    $P(X \ge k) = I_p(k, n - k + 1)$ for a binomial X, with the regularised incomplete beta function I.
    """
    p_less = float(special.betaincc(ones + 1, zeros, null)) if zeros else 1.0
    p_greater = float(special.betainc(ones, zeros + 1, null)) if ones else 1.0
    return p_less, p_greater


def difference(
    a: ArrayLike, b: ArrayLike, *, groups: ArrayLike | None = None, null: float = 0.0, level: float = LEVEL
) -> Test:
    """Estimate and test the difference of two paired shares, share(a) - share(b).

    The test against 0 is McNemar's exact test: among discordant pairs, the number in which only a succeeds is binomial
    with probability 1/2. The test against another difference is Tango's score test. The interval is Tango's, because
    McNemar's test, which conditions on the number of discordant pairs, has none.

    In groups, the differences of the groups' shares are tested by Student's t. If they are all equal, their variance is
    unknown, and each group counts as one pair. Parameters are those of `share`.

    Source: Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, equations 15 and 23.
    """
    x, y = paired(a, b)
    if problem := problem_of(np.concatenate([x, y])):
        return undefined(len(x), problem)
    _require_zeros_and_ones(np.concatenate([x, y]))
    only_a, only_b, n = int(np.sum(x > y)), int(np.sum(y > x)), len(x)
    if groups is None:
        return _difference_of_pairs(only_a, only_b, n, null, level)
    differences = group_means(x - y, groups)
    if all_equal(differences):
        pairs, size = len(differences), len(differences) / n
        return over_groups(_difference_of_pairs(only_a * size, only_b * size, pairs, null, level), n)
    test = estimates.mean(x - y, groups=groups, null=null, level=level)
    return replace(test, low=max(test.low, -1.0), high=min(test.high, 1.0))


def _difference_of_pairs(only_a: float, only_b: float, n: int, null: float, level: float) -> Test:
    method = "exact McNemar, Tango's interval" if null == 0 else "Tango's score"
    if null == 0:
        p_less, p_greater = _mcnemar(only_a, only_b)
    elif abs(null) >= 1:
        p_less, p_greater = (1.0, 0.0) if null < 0 else (0.0, 1.0)
    else:
        score = _tango_score(only_a, only_b, n, null)
        p_less, p_greater = float(stats.norm.cdf(score)), float(stats.norm.sf(score))
    low, high = _tango_interval(only_a, only_b, n, level)
    return Test((only_a - only_b) / n, low, high, n, method, p_less, p_greater)


def _mcnemar(only_a: float, only_b: float) -> tuple[float, float]:
    if only_a + only_b == 0:
        return 1.0, 1.0
    return _binomial_tails(only_a, only_b, 0.5)


def _require_zeros_and_ones(x: Array) -> None:
    if not np.isin(x, (0.0, 1.0)).all():
        raise ValueError("a share needs zeros and ones")


def _tango_score(only_a: float, only_b: float, n: int, delta: float) -> float:
    """Score of the difference delta, standard normal if delta is true (Tango 1998, equation 15)."""
    linear = -only_a - only_b + (2 * n - only_a + only_b) * delta
    constant = -only_b * delta * (1 - delta)
    q = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    excess = only_a - only_b - n * delta
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)


def _tango_interval(only_a: float, only_b: float, n: int, level: float) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.5 + level / 2))
    estimate = (only_a - only_b) / n

    def end(limit: float, score: float) -> float:
        if estimate == limit:
            return limit
        # The score is undefined at exactly -1 and 1.
        edge = math.copysign(1 - 1e-12, limit)
        return float(optimize.brentq(lambda delta: _tango_score(only_a, only_b, n, delta) - score, estimate, edge))

    return end(-1.0, z), end(1.0, -z)
