"""The comparison of a claim part: the quantity in words, its test, its target, and the statistic of its interval.

| metric | a against b | a against a reference |
|---|---|---|
| a share (0 or 1 per run) | exact McNemar, Tango's interval | exact binomial, Clopper-Pearson |
| on a ratio scale | t on the logarithm of a / b, null 1 | t on the logarithm |
| any other, such as steps to threshold | t on a - b, null 0 | t |
| with `ratio_of_means` | t on a - r b, null r = 1, Fieller | |
| with `share_of` | | t on u - r w, Fieller |

A published reference with an uncertainty of its own is compared by the tests in `pg.statistics.independent`; the effect
is then the difference from it, or of a metric on a ratio scale the quotient.

With `share_of`, u = 1 - a / zero and w = 1 - one / zero per snapshot, so that no snapshot outweighs the others by its
scale; the effect is the ratio of their means. With `ratio_of_means` the effect is E[a] / E[b]. Means of steps to
threshold are restricted to the budget, so they exist for any number of censored runs. If both runs of a seed are
censored, their ratio would compare the budget with itself.

If runs share selections of the learning rate, they are groups, and the same quantity is tested over groups
(`pg.statistics.estimates`, `pg.statistics.shares`).

Source: Royston and Parmar (2013), "Restricted mean survival time", BMC Med. Res. Methodol. 13, 152.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from pg.claims.record import ClaimPart, Published
from pg.claims.relations.relation import Target
from pg.experiments.metric import Metric
from pg.statistics import estimates, independent, shares
from pg.statistics.intervals import LEVEL, Array, Test

Values = Mapping[str, Array]
"""Values (n,) by side, one per seed: a and b, or a alone, or a with zero and one."""
Groups = Array | None
"""Labels (n,) of the groups of the seeds; None if every seed is independent."""
Terms = Callable[[Values], tuple[Array, Array]]
"""Returns the numerators (n,) and denominators (n,) of a ratio of means."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A way of comparing the sides of a part.

    Attributes
    ----------
    statistic
        Name of the estimate in the table of measured coverage.
    test
        Tests values against a null value; takes the values, the labels of their groups (n,) or None, the null value
        and the level of the interval.
    words
        The quantity, with the names of the sides in braces.
    target
        The reference of the part, or the effect under the null hypothesis; and its margin.
    logarithmic
        Whether the interval is symmetric on logarithms.
    terms
        The numerators and denominators of a ratio of means; None for other comparisons.
    average
        Averages the values of a side over seeds, as tables do: the geometric mean on a ratio scale.
    """

    statistic: str
    test: Callable[[Values, Groups, float, float], Test]
    words: str
    target: Target
    logarithmic: bool = False
    terms: Terms | None = None
    average: Callable[[Array], Any] = np.mean

    def means(self, values: Values, groups: Groups) -> dict[str, float]:
        """Return the average of each side. With groups it is the average over groups, so that means fit the effect."""
        rows = [np.ones(values["a"].size, dtype=np.bool_)] if groups is None else groups == np.unique(groups)[:, None]
        return {
            side: float(self.average(np.array([self.average(found[group]) for group in rows], dtype=np.float64)))
            for side, found in values.items()
        }

    def per_row(self, values: Values) -> Array:
        """Return the value of each row, which an exact part compares with b or its reference."""
        return values["a"] if self.terms is None else np.divide(*self.terms(values))

    def effect(self, values: Values) -> float:
        """Return the effect of some rows alone, however few."""
        if self.terms is None:
            return self.test(values, None, self.target.value, LEVEL).estimate
        numerators, denominators = self.terms(values)
        return float(np.mean(numerators) / np.mean(denominators))


def comparison_of(part: ClaimPart, metric: Metric) -> Comparison:
    """Return what a part compares; it follows from its options and its metric."""
    paired = part.b is not None
    words, null, logarithmic, terms = "{a} − {b}" if paired else "{a}", 0.0, False, None
    failure = np.nan if metric.failure is None else metric.failure
    average = partial(_mean, failure)
    if metric.scale == "ratio" and not part.ratio_of_means:
        average = stats.gmean
    if part.published is not None and part.is_relative:
        return _with_published(part, metric, part.published, average)
    if part.share_of is not None:
        statistic, terms, test = "ratio of means", _changes, partial(_ratio_of_means, _changes)
        words = "share of the change from {zero} to {one} reached by {a}"
    elif part.ratio_of_means:
        statistic, terms, test = "ratio of means", _both, partial(_ratio_of_means, _both)
        words, null = "mean of {a} / mean of {b}", 1.0
    elif part.is_tolerance:
        statistic, test = "mean", _mean_difference
    elif metric.statistic == "share":
        statistic, test = "paired share" if paired else "share", partial(_share, failure)
    elif metric.scale == "ratio":
        statistic, test = "paired ratio" if paired else "geometric_mean", _geometric_mean
        words, null, logarithmic = "{a} / {b}" if paired else "{a}", 1.0, True
    else:
        statistic = "paired difference" if paired else metric.statistic
        test = _mean_difference
    target = Target(null if part.number is None else part.number, part.margin or 0.0)
    return Comparison(statistic, test, words, target, logarithmic, terms, average)


def _with_published(
    part: ClaimPart, metric: Metric, published: Published, average: Callable[[Array], Any]
) -> Comparison:
    """Compare a with a published number; the effect is the difference or quotient of both."""
    words, null, margin = f"{{a}} − {published.value:g}", 0.0, part.margin or 0.0
    test = independent.mean_difference
    if metric.statistic == "share":
        test = independent.share_difference
    elif metric.scale == "ratio":
        test, words, null = independent.quotient, f"{{a}} / {published.value:g}", 1.0
    other = estimate_of(published, is_share=metric.statistic == "share")
    failure = np.nan if metric.failure is None else metric.failure

    def tested(values: Values, groups: Groups, null: float, level: float) -> Test:
        known = values["a"]
        if metric.statistic == "share":
            known = np.where(np.isfinite(known), known, failure)
        return test(known, other, groups=groups, null=null, level=level)

    return Comparison(metric.statistic, tested, words, Target(null, margin), metric.scale == "ratio", average=average)


def estimate_of(published: Published, *, is_share: bool = False) -> independent.Estimate:
    r"""Return a published number with its standard error.

    $s/\sqrt n$ of n runs; half of the interval over the quantile of Student's t (of a normal distribution if n is
    unknown); of a share of n runs alone $\sqrt{p(1-p)/(n+2)}$, with one success and one failure added to p.
    """
    n, error = published.n, published.se or 0.0
    is_count = is_share and n is not None and published.se is published.sd is published.interval is None
    if published.sd is not None and n is not None:
        error = published.sd / math.sqrt(n)
    elif published.interval is not None:
        low, high = published.interval
        error = (high - low) / 2 / float(stats.norm.ppf(0.975) if n is None else stats.t.ppf(0.975, n - 1))
    elif is_count and n is not None:
        share = (published.value * n + 1) / (n + 2)
        error = math.sqrt(share * (1 - share) / (n + 2))
    return independent.Estimate(published.value, error, n, is_count)


def _mean(failure: float, found: Array) -> float:
    return float(np.mean(np.where(np.isfinite(found), found, failure)))


def _mean_difference(values: Values, groups: Groups, null: float, level: float) -> Test:
    differences = values["a"] - values["b"] if "b" in values else values["a"]
    return estimates.mean(differences, groups=groups, null=null, level=level)


def _geometric_mean(values: Values, groups: Groups, null: float, level: float) -> Test:
    ratios = values["a"]
    if "b" in values:
        a, b = values["a"], values["b"]
        # The quotient of two negative numbers is positive, but not a meaningful ratio; nor is one with a 0.
        ratios = np.where((a > 0) & (b > 0), a / b, np.where(np.isfinite(a + b), 0.0, np.nan))
    return estimates.geometric_mean(ratios, groups=groups, null=null, level=level)


def _share(failure: float, values: Values, groups: Groups, null: float, level: float) -> Test:
    counted = {side: np.where(np.isfinite(found), found, failure) for side, found in values.items()}
    statistic = shares.difference if "b" in counted else shares.share
    return statistic(*counted.values(), groups=groups, null=null, level=level)


def _ratio_of_means(terms: Terms, values: Values, groups: Groups, null: float, level: float) -> Test:
    return estimates.ratio_of_means(*terms(values), groups=groups, null=null, level=level)


def _both(values: Values) -> tuple[Array, Array]:
    return values["a"], values["b"]


def _changes(values: Values) -> tuple[Array, Array]:
    a, zero, one = values["a"], values["zero"], values["one"]
    return 1 - a / zero, 1 - one / zero
