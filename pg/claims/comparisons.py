"""The comparison of a claim part: the quantity in words, its test, its target, and the statistic of its interval.

| metric | a against b | a against a reference |
|---|---|---|
| a share (0 or 1 per run) | exact McNemar, Tango's interval | exact binomial, Clopper-Pearson |
| on a ratio scale | t on the logarithm of a / b, null 1 | t on the logarithm |
| a median (steps to two passed evaluations) | sign test on a - b, null 0, order statistics | the same on a |
| any other, such as steps to threshold | t on a - b, null 0 | t |
| with `ratio_of_means` | t on a - r b, null r = 1, Fieller | |
| with `share_of` | | t on u - r w, Fieller |

With `share_of`, u = 1 - a / zero and w = 1 - one / zero per snapshot, so that no snapshot outweighs the others by its
scale; the effect is the ratio of their means. With `ratio_of_means` the effect is E[a] / E[b]. Means of steps to
threshold are restricted to the budget, so they exist for any number of censored runs. If both runs of a seed are
censored, their ratio would compare the budget with itself.

Source: Royston and Parmar (2013), "Restricted mean survival time", BMC Med. Res. Methodol. 13, 152.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from pg.claims.record import ClaimPart
from pg.claims.relations.relation import Target
from pg.experiments.metric import Metric
from pg.statistics import estimates, shares
from pg.statistics.intervals import Array, Test

Values = Mapping[str, Array]
"""Values (n,) by side, one per seed: a and b, or a alone, or a with zero and one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A way of comparing the sides of a part.

    Attributes
    ----------
    statistic
        Name of the estimate in the table of measured coverage.
    test
        Tests values against a null value; takes the values, the null value and the level of the interval.
    words
        The quantity, with the names of the sides in braces.
    target
        The reference of the part, or the effect under the null hypothesis; and its margin.
    logarithmic
        Whether the interval is symmetric on logarithms.
    per_row
        The value of each row, which an exact part compares with b or its reference.
    """

    statistic: str
    test: Callable[[Values, float, float], Test]
    words: str
    target: Target
    logarithmic: bool = False
    per_row: Callable[[Values], Array] = lambda values: values["a"]


def comparison_of(part: ClaimPart, metric: Metric) -> Comparison:
    """Return what a part compares; it follows from its options and its metric."""
    paired = part.b is not None
    words, null, logarithmic = "{a} − {b}" if paired else "{a}", 0.0, False
    if part.share_of is not None:
        statistic, test = "ratio of means", _share_of_change
        words = "share of the change from {zero} to {one} reached by {a}"
    elif part.ratio_of_means:
        statistic, test, words, null = "ratio of means", _ratio_of_means, "mean of {a} / mean of {b}", 1.0
    elif part.is_tolerance:
        statistic, test = "mean", partial(_on_differences, estimates.mean)
    elif metric.statistic == "share":
        failure = np.nan if metric.failure is None else metric.failure
        statistic, test = "paired share" if paired else "share", partial(_share, failure)
    elif metric.scale == "ratio":
        statistic, test = "paired ratio" if paired else "geometric_mean", _geometric_mean
        words, null, logarithmic = "{a} / {b}" if paired else "{a}", 1.0, True
    elif metric.statistic == "median":
        statistic, test = "median", partial(_on_differences, estimates.median)
    else:
        statistic = "paired difference" if paired else metric.statistic
        test = partial(_on_differences, estimates.mean)
    target = Target(null if part.reference is None else part.reference, part.margin or 0.0)
    if part.share_of is not None:
        return Comparison(statistic, test, words, target, per_row=lambda values: np.divide(*_changes(values)))
    return Comparison(statistic, test, words, target, logarithmic)


def _on_differences(statistic: Callable[..., Test], values: Values, null: float, level: float) -> Test:
    return statistic(values["a"] - values["b"] if "b" in values else values["a"], null=null, level=level)


def _geometric_mean(values: Values, null: float, level: float) -> Test:
    ratios = values["a"]
    if "b" in values:
        a, b = values["a"], values["b"]
        # The quotient of two negative numbers is positive, but not a meaningful ratio.
        ratios = np.where((a > 0) & (b > 0), a / b, np.nan)
    return estimates.geometric_mean(ratios, null=null, level=level)


def _ratio_of_means(values: Values, null: float, level: float) -> Test:
    return estimates.ratio_of_means(values["a"], values["b"], null=null, level=level)


def _share(failure: float, values: Values, null: float, level: float) -> Test:
    counted = {side: np.where(np.isfinite(found), found, failure) for side, found in values.items()}
    statistic = shares.difference if "b" in counted else shares.share
    return statistic(*counted.values(), null=null, level=level)


def _share_of_change(values: Values, null: float, level: float) -> Test:
    return estimates.ratio_of_means(*_changes(values), null=null, level=level)


def _changes(values: Values) -> tuple[Array, Array]:
    a, zero, one = values["a"], values["zero"], values["one"]
    return 1 - a / zero, 1 - one / zero
