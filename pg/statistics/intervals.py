"""Estimates with intervals and tests, and their values for degenerate samples.

Degenerate samples have defined results and cause no warnings:

- The result is *undefined* (all numbers NaN, `method` starts with "undefined") for an empty sample, a value that is NaN
  or infinite, a geometric mean of a value that is not positive, and a ratio whose denominator may be 0.
- An end of an interval is infinite if n is too small to bound it, as that of a single value.
- If all values are equal, the standard deviation does not estimate the spread, and the sign test replaces Student's t:
  each one-sided p is 2^-n or 1, and the interval is the value itself, or unbounded for fewer than six values.

Values in *groups* are independent between groups, and may depend on each other within one, such as runs that share a
learning rate. The means of the groups are then the sample, and each group counts once, whatever its size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LEVEL = 0.95
_BOUNDED = 6  # least n at which the sign test bounds a value at 95 %


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with a two-sided confidence interval.

    Attributes
    ----------
    estimate, low, high
        The statistic and the ends of the interval.
    n
        Number of values (of pairs, if paired).
    method
        The kind of interval, in words.
    groups
        Number of groups of the values; 0 if every value is independent.
    """

    estimate: float
    low: float
    high: float
    n: int
    method: str
    groups: int = field(default=0, kw_only=True)

    @property
    def independent(self) -> int:
        """Number of independent values: of groups, or n."""
        return self.groups or self.n

    @property
    def defined(self) -> bool:
        """Whether the sample has an estimate."""
        return not math.isnan(self.estimate)


@dataclass(frozen=True, slots=True)
class Test(Interval):
    """An interval with both one-sided p-values against a null value.

    Attributes
    ----------
    p_less, p_greater
        Probability of an estimate at least as far below (above) the null value if the null value were true. A small
        p_less means that the parameter is less than the null value.
    """

    p_less: float
    p_greater: float


def paired(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """Return both samples as floats, or raise a ValueError if their lengths differ."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"pairs need equally many values, not {x.size} and {y.size}")
    return x, y


def group_means(values: Array, groups: ArrayLike) -> Array:
    """Return the mean of the values (n,) in each group (B,), in the order of the labels `groups` (n,)."""
    labels = np.asarray(groups)
    if labels.shape != values.shape:
        raise ValueError(f"every value needs a group, not {labels.size} groups for {values.size} values")
    _, group = np.unique(labels, return_inverse=True)
    return np.bincount(group, values) / np.bincount(group)


def over_groups(test: Test, n: int) -> Test:
    """Return the test of the means of groups as that of their n values."""
    method = f"{test.method} over groups" if test.defined else test.method
    return replace(test, n=n, groups=test.n, method=method)


def problem_of(x: Array) -> str:
    """Return why a sample has no estimate; an empty text if it has one."""
    return counted(~np.isfinite(x), "not finite") if len(x) else "no values"


def counted(flags: NDArray[np.bool_], what: str) -> str:
    """Return how many values have a flag, in words; an empty text if none has one."""
    return f"{flags.sum()} of {len(flags)} values {what}" if flags.any() else ""


def undefined(n: int, why: str) -> Test:
    """Return the result for a sample without an estimate."""
    nan = math.nan
    return Test(nan, nan, nan, n, f"undefined: {why}", nan, nan)


def all_equal(x: Array) -> bool:
    """Return whether the values differ by no more than rounding."""
    return bool(np.ptp(x) <= 1e-12 * np.abs(x).max())


def sign_test(value: float, n: int, null: float) -> Test:
    """Test n equal values against a null value by their sign."""
    low, high = (value, value) if n >= _BOUNDED else (-math.inf, math.inf)
    tied = math.isclose(value, null, rel_tol=1e-12)
    p_less = 0.5**n if value < null and not tied else 1.0
    p_greater = 0.5**n if value > null and not tied else 1.0
    method = "sign test, all values equal" if n > 1 else "sign test, one value has no interval"
    return Test(value, low, high, n, method, p_less, p_greater)
