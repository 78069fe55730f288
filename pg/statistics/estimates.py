"""Means, medians and slopes, each with the interval and test that covers best at small n.

| statistic | interval | test |
|---|---|---|
| mean, mean paired difference, steps restricted to the budget | Student's t | Student's t |
| geometric mean (of values or of paired ratios) | t on logarithms | t on logarithms |
| ratio of paired means | Fieller | t on u - r w |
| median, median paired difference | order statistics with exact binomial ranks | exact sign test |
| slope of a line | t | |

The percentile bootstrap of a mean covers 91 % instead of 95 % at n = 20; hence the list. Of steps that are restricted
to a budget, a censored run counts as the budget, so that the mean is one over all runs. The bootstrap-t has no standard
error for resamples in which every run is censored; values that are bounded keep Student's t honest.

How often each interval does hold the truth, `pg.statistics.coverage` says; what stands for degenerate samples,
`pg.statistics.intervals`. Shares of zeros and ones are in `pg.statistics.shares`, statistics over several environments
in `pg.statistics.across_environments`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from pg.statistics.intervals import (
    LEVEL,
    Array,
    Interval,
    Test,
    all_equal,
    counted,
    paired,
    problem_of,
    sign_test,
    undefined,
)


def mean(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean with Student's t interval."""
    return mean_test(values, level=level)


def mean_test(values: ArrayLike, null: float = 0.0, level: float = LEVEL) -> Test:
    """Test a mean (of paired differences, say) against a null value by Student's t."""
    x = np.asarray(values, dtype=np.float64)
    if problem := problem_of(x):
        return undefined(len(x), problem)
    centre = float(x.mean())
    if all_equal(x):
        return sign_test(centre, len(x), null)
    error, degrees = float(x.std(ddof=1)) / math.sqrt(len(x)), len(x) - 1
    reach, t = _t_quantile(level, degrees) * error, (centre - null) / error
    p_less, p_greater = float(special.stdtr(degrees, t)), float(special.stdtr(degrees, -t))
    return Test(centre, centre - reach, centre + reach, len(x), "Student's t", p_less, p_greater)


def _t_quantile(level: float, degrees: int) -> float:
    """Return what Student's t stays within, either way, with the probability of the level."""
    # `stats.t` gives the same number fifty times as slowly, and figures ask for thousands.
    return float(special.stdtrit(degrees, 0.5 + level / 2))


def geometric_mean(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Geometric mean of positive values with Student's t interval on the logarithms."""
    return geometric_mean_test(values, level=level)


def geometric_mean_test(values: ArrayLike, null: float = 1.0, level: float = LEVEL) -> Test:
    """Test a geometric mean (of paired ratios, say) against a null value by t on the logarithms.

    Every positive mean is certainly greater than a null value of 0 or less.
    """
    x = np.asarray(values, dtype=np.float64)
    if problem := problem_of(x) or counted(x <= 0, "not positive"):
        return undefined(len(x), problem)
    test = mean_test(np.log(x), math.log(null) if null > 0 else 0.0, level)
    with np.errstate(over="ignore"):
        estimate, low, high = (float(np.exp(end)) for end in (test.estimate, test.low, test.high))
    p_less, p_greater = (test.p_less, test.p_greater) if null > 0 else (1.0, 0.0)
    return Test(estimate, low, high, test.n, f"{test.method} on logarithms", p_less, p_greater)


def ratio_of_means(numerators: ArrayLike, denominators: ArrayLike, level: float = LEVEL) -> Interval:
    """Ratio of two paired means with Fieller's interval; see `ratio_of_means_test`."""
    return ratio_of_means_test(numerators, denominators, level=level)


def ratio_of_means_test(
    numerators: ArrayLike, denominators: ArrayLike, null: float = 0.0, level: float = LEVEL
) -> Test:
    r"""Test the ratio r = E[u] / E[w] of paired means against a null value.

    Fieller's interval holds every r that Student's t does not reject in E[u - r w] = 0: it lies between the roots of
    $(\bar u - r\bar w)^2 = t^2 (s_{uu} - 2 r s_{uw} + r^2 s_{ww}) / n$. Where the interval of E[w] holds 0 that set is
    unbounded, and the result undefined.

    Like every t interval it is a little short where values are skewed. In simulation of 20 pairs of lognormal steps,
    censored at a budget, it covers 95 % where the means are equal; where they differ by a factor of 2.5 and steps
    spread by a factor of 1.5 (one standard deviation) 94 %, by a factor of 5 and of 2.2 still 90 to 92 %.

    Source: Fieller (1954), "Some problems in interval estimation", J. R. Stat. Soc. B 16, section 3.
    """
    u, w = paired(numerators, denominators)
    if problem := problem_of(np.concatenate([u, w])):
        return undefined(len(u), problem)
    denominator = mean_test(w, level=level)
    if denominator.low <= 0 <= denominator.high:
        return undefined(len(u), f"the denominator's {level:.0%} interval holds 0")
    estimate = float(u.mean() / w.mean())
    # Dividing by E[w] turns the inequality round where it is negative.
    test = mean_test(math.copysign(1.0, denominator.estimate) * (u - null * w), level=level)
    low, high = _fieller(u, w, estimate, level)
    return Test(estimate, low, high, len(u), "Fieller", test.p_less, test.p_greater)


def _fieller(u: Array, w: Array, ratio: float, level: float) -> tuple[float, float]:
    """Solve Fieller's quadratic, written around the estimate so that an exact ratio gives an interval of width 0."""
    t = _t_quantile(level, len(u) - 1)
    residual = u - ratio * w
    residual_variance, covariance, variance = (
        t**2 * float(np.cov(x, y)[0, 1]) / len(u) for x, y in ((residual, residual), (residual, w), (w, w))
    )
    # With r = ratio + d:  d² w̄² = t²(s_ee - 2 d s_ew + d² s_ww)/n.
    leading = float(w.mean()) ** 2 - variance
    root = math.sqrt(max(0.0, covariance**2 + leading * residual_variance))
    ends = ((-covariance - root) / leading, (-covariance + root) / leading)
    return ratio + ends[0], ratio + ends[1]


def median(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Median with the interval between two order statistics, their ranks from the binomial distribution.

    Infinite values are welcome; ends are infinite where n is too small (below six at 95 %).
    """
    return median_test(values, level=level)


def median_test(values: ArrayLike, null: float = 0.0, level: float = LEVEL) -> Test:
    """Test a median (of paired differences, say) against a null value by the sign test.

    Were the median at least the null value, each value would lie below it with a probability of at most 1/2: p_less
    is the binomial probability of as many values below, or more. A value equal to the null value counts for neither
    side, so that the test holds its level whatever the ties.

    Source: Conover (1999), "Practical nonparametric statistics", section 3.2.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) == 0 or np.isnan(x).any():
        return undefined(len(x), problem_of(x))
    with np.errstate(invalid="ignore"):
        estimate = float(np.median(x))
    ends: Any = stats.quantile_test(x, p=0.5).confidence_interval(level)
    low, high = (-math.inf if np.isnan(ends.low) else ends.low), (math.inf if np.isnan(ends.high) else ends.high)
    p_less, p_greater = (
        float(stats.quantile_test(x, q=null, p=0.5, alternative=side).pvalue) for side in ("less", "greater")
    )
    return Test(estimate, float(low), float(high), len(x), "order statistics", p_less, p_greater)


def slope(x: ArrayLike, y: ArrayLike, level: float = LEVEL) -> Interval:
    """Slope of the least-squares line of y on x, with Student's t interval on n - 2 degrees of freedom.

    Unbounded for two points; undefined where all x are equal.
    """
    at, values = paired(x, y)
    if problem := problem_of(np.concatenate([at, values])):
        return undefined(len(at), problem)
    if all_equal(at):
        return undefined(len(at), "all x are equal")
    fit: Any = stats.linregress(at, values)
    reach = _t_quantile(level, len(at) - 2) * float(fit.stderr) if len(at) > 2 else math.inf
    return Interval(float(fit.slope), float(fit.slope) - reach, float(fit.slope) + reach, len(at), "Student's t")
