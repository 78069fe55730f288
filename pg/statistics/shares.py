"""Shares of runs that succeed: each run is 0 or 1.

| statistic | interval | test |
|---|---|---|
| share | Clopper-Pearson | exact binomial |
| difference of paired shares | Tango's score | exact McNemar; Tango's score for a null value other than 0 |

The percentile bootstrap of a small share covers 33 % instead of 95 % at n = 20, so it is not used.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from pg.statistics.intervals import LEVEL, Array, Test, paired, problem_of, undefined


def share(successes: ArrayLike, *, null: float = 0.5, level: float = LEVEL) -> Test:
    """Estimate the share of ones and test it by the exact binomial test.

    A null value outside [0, 1] is impossible: one p-value is 0 and the other is 1. A finite value that is
    neither 0 nor 1 raises a ValueError.
    """
    x = np.asarray(successes, dtype=np.float64)
    if problem := problem_of(x):
        return undefined(len(x), problem)
    _require_zeros_and_ones(x)
    count, at = int(x.sum()), min(max(null, 0.0), 1.0)
    ends = stats.binomtest(count, len(x)).proportion_ci(level, method="exact")
    p_less = float(stats.binomtest(count, len(x), at, "less").pvalue) if null <= 1 else 0.0
    p_greater = float(stats.binomtest(count, len(x), at, "greater").pvalue) if null >= 0 else 0.0
    return Test(count / len(x), float(ends.low), float(ends.high), len(x), "Clopper-Pearson", p_less, p_greater)


def difference(a: ArrayLike, b: ArrayLike, *, null: float = 0.0, level: float = LEVEL) -> Test:
    """Estimate and test the difference of two paired shares, share(a) - share(b).

    The test against 0 is McNemar's exact test: among discordant pairs, the number in which only a succeeds is binomial
    with probability 1/2. The test against another difference is Tango's score test. The interval is Tango's, because
    McNemar's test, which conditions on the number of discordant pairs, has none.

    Source: Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, equations 15 and 23.
    """
    x, y = paired(a, b)
    if problem := problem_of(np.concatenate([x, y])):
        return undefined(len(x), problem)
    _require_zeros_and_ones(np.concatenate([x, y]))
    only_a, only_b, n = int(np.sum(x > y)), int(np.sum(y > x)), len(x)
    method = "exact McNemar, Tango's interval" if null == 0 else "Tango's score"
    if null == 0 and only_a + only_b > 0:
        p_less, p_greater = (
            float(stats.binomtest(only_a, only_a + only_b, alternative=side).pvalue) for side in ("less", "greater")
        )
    elif null == 0:
        p_less, p_greater = 1.0, 1.0
    elif abs(null) >= 1:
        p_less, p_greater = (1.0, 0.0) if null < 0 else (0.0, 1.0)
    else:
        score = _tango_score(only_a, only_b, n, null)
        p_less, p_greater = float(stats.norm.cdf(score)), float(stats.norm.sf(score))
    low, high = _tango_interval(only_a, only_b, n, level)
    return Test((only_a - only_b) / n, low, high, n, method, p_less, p_greater)


def _require_zeros_and_ones(x: Array) -> None:
    if not np.isin(x, (0.0, 1.0)).all():
        raise ValueError("a share needs zeros and ones")


def _tango_score(only_a: int, only_b: int, n: int, delta: float) -> float:
    """Score of the difference delta, standard normal if delta is true (Tango 1998, equation 15)."""
    linear = -only_a - only_b + (2 * n - only_a + only_b) * delta
    constant = -only_b * delta * (1 - delta)
    q = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    excess = only_a - only_b - n * delta
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)


def _tango_interval(only_a: int, only_b: int, n: int, level: float) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.5 + level / 2))
    estimate = (only_a - only_b) / n

    def end(limit: float, score: float) -> float:
        if estimate == limit:
            return limit
        # The score is undefined at exactly -1 and 1.
        edge = math.copysign(1 - 1e-12, limit)
        return float(optimize.brentq(lambda delta: _tango_score(only_a, only_b, n, delta) - score, estimate, edge))

    return end(-1.0, z), end(1.0, -z)
