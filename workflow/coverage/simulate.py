"""Measure how often intervals contain a known truth.

`python workflow/coverage/simulate.py > pg/statistics/coverage.csv` writes the table anew.

A population is a sorted list of 200,000 values from which samples are drawn with replacement, so its mean or share is
known exactly, and the interval of a sample either contains it or does not. It takes minutes.

In samples of groups, the ranks of values within a group depend on each other: they are those of normal values of which
half the variance is the group's (a Gaussian copula), as if runs shared a learning rate. The distribution of a single
value, and so the truth, is the same.

| data | values |
|---|---|
| normal | normal |
| skewed | exponential |
| heavy-tailed | lognormal, σ = 1 |
| two-peaked | 75 % near 475, 25 % near 10: returns of which a quarter has collapsed |

Paired statistics compare a sample with a partner that is normal around the sample's median, as if one variant collapsed
and the other did not. For a restricted mean, a quarter of the runs is censored. Across environments, the second one
has the scores of the first, shifted by half their median. Shares are named by their probability, paired ones by the
probabilities that a alone and b alone succeeds.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pg.core.randomness import generator
from pg.statistics import across_environments, estimates, shares
from pg.statistics.coverage import Measured
from pg.statistics.intervals import Array, Interval
from scipy import special, stats

REPLICATIONS = 2000
POINTS = 200_000
CENSORED = 0.25  # share of runs beyond the budget of a restricted mean
BOOTSTRAPPED = ("interquartile mean", "improvement")

OF_THE_GROUP = 0.5  # share of the variance of the normal values behind the ranks

Labels = NDArray[np.int64]
Draw = Callable[["Sampler"], Interval]
"""Draws a sample from every population of a setting and returns its interval."""


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws samples of n values, in groups of equal size if `count` is not 0."""

    own: np.random.Generator
    n: int
    count: int = 0

    @property
    def groups(self) -> Labels | None:
        """The labels (n,) of the groups."""
        return np.repeat(np.arange(self.count), self.n // self.count) if self.count else None

    def ranks(self) -> Labels:
        """Draw the places of values in a sorted population."""
        if self.groups is None:
            return self.own.integers(POINTS, size=self.n)
        shared, noise = self.own.normal(size=self.count), self.own.normal(size=self.n)
        normal = math.sqrt(OF_THE_GROUP) * shared[self.groups] + math.sqrt(1 - OF_THE_GROUP) * noise
        return np.minimum(POINTS * special.ndtr(normal), POINTS - 1).astype(np.int64)

    def values(self, population: Array) -> Array:
        """Draw values of a population (200000,)."""
        return population[self.ranks()]


@dataclass(frozen=True, slots=True)
class Setting:
    """A statistic of one kind of data: its value in the population, and how an interval is drawn."""

    truth: float
    interval: Draw


def sizes(statistic: str) -> tuple[tuple[int, int], ...]:
    """Return the numbers of values and groups at which a statistic is measured; bootstrapped ones take minutes."""
    in_groups = ((20, 0), (20, 5), (20, 10))
    return in_groups if statistic in BOOTSTRAPPED else ((10, 0), *in_groups)


def measure(statistic: str, data: str, n: int, groups: int) -> Measured:
    """Count how many intervals of samples contain the truth, with a generator of the row's own."""
    purpose = ("coverage", statistic, data, str(n), *([str(groups)] if groups else []))
    setting, sampler = settings()[statistic, data], Sampler(generator(0, *purpose), n, groups)
    drawn = [setting.interval(sampler) for _ in range(REPLICATIONS)]
    covered = sum(interval.low <= setting.truth <= interval.high for interval in drawn)
    methods = [interval.method for interval in drawn]
    usual = max(sorted(set(methods)), key=methods.count)
    return Measured(statistic, usual, data, n, groups, REPLICATIONS, covered, covered / REPLICATIONS)


@cache
def settings() -> Mapping[tuple[str, str], Setting]:
    """Return every setting by statistic and data."""
    continuous = {
        (statistic, data): make(population)
        for statistic, make in CONTINUOUS.items()
        for data, population in populations().items()
    }
    single = {("share", f"{p:.0%}"): share(p) for p in (0.05, 0.25, 0.5)}
    paired = {
        ("paired share", f"{a:.0%} and {b:.0%}"): paired_share(a, b) for a, b in ((0.3, 0.1), (0.05, 0.05), (0.25, 0.0))
    }
    return continuous | single | paired


def populations() -> Mapping[str, Array]:
    """Return the populations by name, each (200000,) and sorted."""
    return {
        "normal": quantiles(stats.norm(10, 1)),
        "skewed": quantiles(stats.expon()),
        "heavy-tailed": quantiles(stats.lognorm(1)),
        "two-peaked": np.concatenate([quantiles(stats.norm(10, 1), 0.25), quantiles(stats.norm(475, 20), 0.75)]),
    }


def quantiles(distribution: Any, weight: float = 1.0) -> Array:
    points = round(weight * POINTS)
    return np.asarray(distribution.ppf((np.arange(points) + 0.5) / points))


# Continuous statistics -----------------------------------------------------------------------------------------------


def one_sample(statistic: Callable[..., Interval], truth: Callable[[Array], Any], population: Array) -> Setting:
    return Setting(
        float(truth(population)), lambda sampler: statistic(sampler.values(population), groups=sampler.groups)
    )


def restricted_mean(population: Array) -> Setting:
    return one_sample(estimates.mean, np.mean, np.minimum(population, np.quantile(population, 1 - CENSORED)))


def pairs(statistic: Callable[..., Interval], truth: Callable[[Array, Array], float], population: Array) -> Setting:
    centre = float(np.median(population))
    partner = quantiles(stats.norm(centre, centre / 10))

    def interval(sampler: Sampler) -> Interval:
        return statistic(sampler.values(population), sampler.values(partner), groups=sampler.groups)

    return Setting(float(truth(population, partner)), interval)


def across(statistic: Callable[..., Interval], truth: Callable[[Array], Any], population: Array) -> Setting:
    scores = population / np.median(population)
    strata = [scores, scores + 0.5]

    def interval(sampler: Sampler) -> Interval:
        return statistic([sampler.values(one) for one in strata], sampler.own, groups=in_both(sampler))

    return Setting(float(truth(np.concatenate(strata))), interval)


def in_both(sampler: Sampler) -> list[Labels] | None:
    return None if sampler.groups is None else [sampler.groups] * 2


def improvement(population: Array) -> Setting:
    """Improvement over scores around 1 in one environment and around 1.5 in the other."""
    scores, partner = population / np.median(population), quantiles(stats.norm(1, 0.1))

    def interval(sampler: Sampler) -> Interval:
        labels = in_both(sampler)
        a, b = ([sampler.values(side), sampler.values(side) + 0.5] for side in (scores, partner))
        return across_environments.probability_of_improvement(a, b, sampler.own, (labels, labels))

    # No two of the points are equal, and both environments have the same probability.
    return Setting(float(np.searchsorted(partner, scores).mean() / POINTS), interval)


def geometric(values: Array) -> float:
    return math.exp(np.log(values).mean())


CONTINUOUS: Mapping[str, Callable[[Array], Setting]] = {
    "mean": partial(one_sample, estimates.mean, np.mean),
    "geometric_mean": partial(one_sample, estimates.geometric_mean, geometric),
    "restricted_mean": restricted_mean,
    "paired difference": partial(
        pairs, lambda a, b, groups: estimates.mean(a - b, groups=groups), lambda a, b: a.mean() - b.mean()
    ),
    "paired ratio": partial(
        pairs,
        lambda a, b, groups: estimates.geometric_mean(a / b, groups=groups),
        lambda a, b: geometric(a) / geometric(b),
    ),
    "ratio of means": partial(pairs, estimates.ratio_of_means, lambda a, b: a.mean() / b.mean()),
    "interquartile mean": partial(
        across, across_environments.interquartile_mean, lambda pooled: stats.trim_mean(pooled, 0.25)
    ),
    "profile": partial(
        across,
        lambda strata, _, groups: across_environments.performance_profile(strata, [1.2], groups)[0],
        lambda pooled: np.mean(pooled > 1.2),
    ),
    "improvement": improvement,
}


# Shares --------------------------------------------------------------------------------------------------------------


def share(p: float) -> Setting:
    return Setting(p, lambda sampler: shares.share(sampler.ranks() < p * POINTS, groups=sampler.groups))


def paired_share(only_a: float, only_b: float) -> Setting:
    def interval(sampler: Sampler) -> Interval:
        place = sampler.ranks() / POINTS
        return shares.difference(place < only_a, (place >= only_a) & (place < only_a + only_b), groups=sampler.groups)

    return Setting(only_a - only_b, interval)


if __name__ == "__main__":
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(Measured._fields)
    rows.writerows(measure(*setting, *size) for setting in settings() for size in sizes(setting[0]))
