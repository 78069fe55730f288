"""Measure how often intervals contain a known truth.

`python workflow/coverage/simulate.py > pg/statistics/coverage.csv` writes the table anew.

A population is a sorted list of 200,000 values from which samples are drawn with replacement, so its mean, median or
share is known exactly, and the interval of a sample either contains it or does not. It takes minutes.

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
from pg.core.randomness import generator
from pg.statistics import across_environments, estimates, shares
from pg.statistics.coverage import Measured
from pg.statistics.intervals import Array, Interval
from scipy import stats

REPLICATIONS = 2000
POINTS = 200_000
CENSORED = 0.25  # share of runs beyond the budget of a restricted mean
BOOTSTRAPPED = ("interquartile mean", "improvement")

Draw = Callable[[np.random.Generator, int], Interval]
"""Draws a sample of n from every population of a setting and returns its interval."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A statistic of one kind of data: its value in the population, and how an interval is drawn."""

    truth: float
    interval: Draw


def sizes(statistic: str) -> tuple[int, ...]:
    """Return the sample sizes at which a statistic is measured; bootstrapped ones take minutes."""
    return (20,) if statistic in BOOTSTRAPPED else (10, 20)


def measure(statistic: str, data: str, n: int) -> Measured:
    """Count how many intervals of samples of n contain the truth, with a generator of the row's own."""
    setting, own = settings()[statistic, data], generator(0, "coverage", statistic, data, str(n))
    drawn = [setting.interval(own, n) for _ in range(REPLICATIONS)]
    covered = sum(interval.low <= setting.truth <= interval.high for interval in drawn)
    methods = [interval.method for interval in drawn]
    usual = max(sorted(set(methods)), key=methods.count)
    return Measured(statistic, usual, data, n, REPLICATIONS, covered, covered / REPLICATIONS)


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


def one_sample(statistic: Callable[[Array], Interval], truth: Callable[[Array], Any], population: Array) -> Setting:
    return Setting(float(truth(population)), lambda own, n: statistic(own.choice(population, n)))


def restricted_mean(population: Array) -> Setting:
    return one_sample(estimates.mean, np.mean, np.minimum(population, np.quantile(population, 1 - CENSORED)))


def pairs(
    statistic: Callable[[Array, Array], Interval], truth: Callable[[Array, Array], float], population: Array
) -> Setting:
    centre = float(np.median(population))
    partner = quantiles(stats.norm(centre, centre / 10))
    return Setting(
        float(truth(population, partner)), lambda own, n: statistic(own.choice(population, n), own.choice(partner, n))
    )


def across(
    statistic: Callable[[list[Array], np.random.Generator], Interval], truth: Callable[[Array], Any], population: Array
) -> Setting:
    scores = population / np.median(population)
    strata = [scores, scores + 0.5]
    return Setting(
        float(truth(np.concatenate(strata))), lambda own, n: statistic([own.choice(one, n) for one in strata], own)
    )


def improvement(population: Array) -> Setting:
    """Improvement over scores around 1 in one environment and around 1.5 in the other."""
    scores, partner = population / np.median(population), quantiles(stats.norm(1, 0.1))

    def interval(own: np.random.Generator, n: int) -> Interval:
        a, b = ([own.choice(side, n), own.choice(side, n) + 0.5] for side in (scores, partner))
        return across_environments.probability_of_improvement(a, b, own)

    # No two of the points are equal, and both environments have the same probability.
    return Setting(float(np.searchsorted(partner, scores).mean() / POINTS), interval)


def geometric(values: Array) -> float:
    return math.exp(np.log(values).mean())


CONTINUOUS: Mapping[str, Callable[[Array], Setting]] = {
    "mean": partial(one_sample, estimates.mean, np.mean),
    "geometric_mean": partial(one_sample, estimates.geometric_mean, geometric),
    "restricted_mean": restricted_mean,
    "median": partial(one_sample, estimates.median, np.median),
    "paired difference": partial(pairs, lambda a, b: estimates.mean(a - b), lambda a, b: a.mean() - b.mean()),
    "paired ratio": partial(
        pairs, lambda a, b: estimates.geometric_mean(a / b), lambda a, b: geometric(a) / geometric(b)
    ),
    "ratio of means": partial(pairs, estimates.ratio_of_means, lambda a, b: a.mean() / b.mean()),
    "interquartile mean": partial(
        across, across_environments.interquartile_mean, lambda pooled: stats.trim_mean(pooled, 0.25)
    ),
    "profile": partial(
        across,
        lambda strata, _: across_environments.performance_profile(strata, [1.2])[0],
        lambda pooled: np.mean(pooled > 1.2),
    ),
    "improvement": improvement,
}


# Shares --------------------------------------------------------------------------------------------------------------


def share(p: float) -> Setting:
    @cache
    def interval(count: int, n: int) -> Interval:
        return shares.share(np.arange(n) < count)

    return Setting(p, lambda own, n: interval(int(own.binomial(n, p)), n))


def paired_share(only_a: float, only_b: float) -> Setting:
    @cache
    def interval(a: int, b: int, n: int) -> Interval:
        place = np.arange(n)
        return shares.difference(place < a, (place >= a) & (place < a + b))

    def draw(own: np.random.Generator, n: int) -> Interval:
        a, b, _ = own.multinomial(n, [only_a, only_b, 1 - only_a - only_b])
        return interval(int(a), int(b), n)

    return Setting(only_a - only_b, draw)


if __name__ == "__main__":
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(Measured._fields)
    rows.writerows(measure(statistic, data, n) for statistic, data in settings() for n in sizes(statistic))
