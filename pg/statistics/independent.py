"""Differences from an estimate that others made: independent of ours, and with an uncertainty of its own.

| difference of | interval and test |
|---|---|
| means | Welch's t |
| shares | Agresti and Caffo: Wald with a success and a failure added to each; of groups at their effective size |
| geometric means (a quotient) | Welch's t on logarithms |

If the other estimate has no uncertainty, as a closed form, these are the tests of one sample in `estimates` and
`shares`. Degenerate samples: `pg.statistics.intervals`; if all values are equal, p is the larger one of the sign test
and of Welch's t, whose interval is unbounded for fewer than six values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from pg.statistics import estimates, shares
from pg.statistics.intervals import (
    LEVEL,
    Test,
    all_equal,
    group_means,
    over_groups,
    problem_of,
    sign_test,
    undefined,
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of others.

    Attributes
    ----------
    value
        The estimate.
    error
        Its standard error; 0 if it is known exactly.
    n
        Size of the sample behind it: the standard error of a mean has n - 1 degrees of freedom. None if it is unknown;
        then the standard error is taken as known.
    is_count
        Whether it is the share of n trials, and its standard error follows from that alone.
    """

    value: float
    error: float = 0.0
    n: int | None = None
    is_count: bool = False


def mean_difference(
    values: ArrayLike, other: Estimate, *, groups: ArrayLike | None = None, null: float = 0.0, level: float = LEVEL
) -> Test:
    r"""Estimate and test the mean of values (n,) minus another estimate, by Welch's t.

    $t = (\bar x - m - \delta_0) / \sqrt{s^2/n + e^2}$ with Satterthwaite's degrees of freedom,
    $(s^2/n + e^2)^2 / (s^4/(n^2 (n-1)) + e^4/(n'-1))$. Parameters are those of `estimates.mean`.

    Source: Welch (1947), "The generalization of Student's problem", Biometrika 34, 28-35.
    """
    x = np.asarray(values, dtype=np.float64) - other.value
    if other.error == 0:
        return estimates.mean(x, groups=groups, null=null, level=level)
    if problem := problem_of(x):
        return undefined(len(x), problem)
    if groups is not None:
        shifted = Estimate(0.0, other.error, other.n)
        return over_groups(mean_difference(group_means(x, groups), shifted, null=null, level=level), len(x))
    if len(x) == 1:
        return sign_test(float(x[0]), 1, null)
    own, theirs = float(x.var(ddof=1)) / len(x), other.error**2
    spread = own**2 / (len(x) - 1) + (0.0 if other.n is None else theirs**2 / (other.n - 1))
    degrees, error = (own + theirs) ** 2 / spread if spread else math.inf, math.sqrt(own + theirs)
    test = _tested(float(x.mean()), error, degrees, len(x), "Welch's t", null, level)
    if not all_equal(x):
        return test
    equal = sign_test(test.estimate, len(x), null)
    p_less, p_greater = max(test.p_less, equal.p_less), max(test.p_greater, equal.p_greater)
    method = f"{test.method}, all values equal"
    return Test(test.estimate, min(test.low, equal.low), max(test.high, equal.high), len(x), method, p_less, p_greater)


def share_difference(
    successes: ArrayLike, other: Estimate, *, groups: ArrayLike | None = None, null: float = 0.0, level: float = LEVEL
) -> Test:
    """Estimate and test a share of ones (n,) minus a share of others, by Agresti and Caffo's method.

    Values in groups count as so many independent ones as `shares.effective_size` returns. A share whose standard error
    is not that of a count is compared by Welch's t. Parameters are those of `shares.share`.

    Source: Agresti and Caffo (2000), "Simple and effective confidence intervals for proportions and differences of
    proportions", Am. Stat. 54, 280-288.
    """
    x = np.asarray(successes, dtype=np.float64)
    if other.error == 0:
        found = shares.share(x, groups=groups, null=other.value + null, level=level)
        estimate, low, high = (end - other.value for end in (found.estimate, found.low, found.high))
        return Test(estimate, low, high, found.n, found.method, found.p_less, found.p_greater, groups=found.groups)
    if other.n is None or not other.is_count:
        return mean_difference(x, other, groups=groups, null=null, level=level)
    if problem := problem_of(x):
        return undefined(len(x), problem)
    values = x if groups is None else group_means(x, groups)
    share, size = float(values.mean()), len(x) if groups is None else shares.effective_size(x, values, level)
    added = [(share * size + 1, size + 2), (other.value * other.n + 1, other.n + 2)]
    (own, own_error), (theirs, their_error) = ((ones / n, ones / n * (1 - ones / n) / n) for ones, n in added)
    centre, error = float(own - theirs), math.sqrt(own_error + their_error)
    found = _tested(centre, error, math.inf, len(values), "Agresti-Caffo", null, level)
    low, high = max(found.low, -1.0), min(found.high, 1.0)
    test = Test(share - other.value, low, high, found.n, found.method, found.p_less, found.p_greater)
    return test if groups is None else over_groups(test, len(x))


def quotient(
    values: ArrayLike, other: Estimate, *, groups: ArrayLike | None = None, null: float = 1.0, level: float = LEVEL
) -> Test:
    """Estimate and test the geometric mean of values (n,) over another estimate, by Welch's t on logarithms.

    The standard error of the other estimate's logarithm is its relative standard error (delta method). Parameters are
    those of `estimates.geometric_mean`.
    """
    x = np.asarray(values, dtype=np.float64) / other.value
    if other.error == 0 or not (x > 0).all() or null <= 0:
        return estimates.geometric_mean(x, groups=groups, null=null, level=level)
    relative = Estimate(0.0, other.error / other.value, other.n)
    test = mean_difference(np.log(x), relative, groups=groups, null=math.log(null), level=level)
    estimate, low, high = (math.exp(end) for end in (test.estimate, test.low, test.high))
    method = f"{test.method} on logarithms"
    return Test(estimate, low, high, test.n, method, test.p_less, test.p_greater, groups=test.groups)


def _tested(centre: float, error: float, degrees: float, n: int, method: str, null: float, level: float) -> Test:
    quantile = special.ndtri if math.isinf(degrees) else lambda p: special.stdtrit(degrees, p)
    below = special.ndtr if math.isinf(degrees) else lambda t: special.stdtr(degrees, t)
    reach, t = float(quantile(0.5 + level / 2)) * error, (centre - null) / error
    return Test(centre, centre - reach, centre + reach, n, method, float(below(t)), float(below(-t)))
