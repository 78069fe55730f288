"""How often intervals hold the truth, and how often verdicts are wrong, where the truth is known: by simulation.

A population is a sorted list of 200,000 values, from which samples are drawn with replacement. So its mean, median or
share is known exactly, and an interval of a sample either holds it or does not.

| data | values |
|---|---|
| normal | normal |
| skewed | exponential |
| heavy-tailed | lognormal, σ = 1 |
| two-peaked | 75 % near 475, 25 % near 10: returns of which a quarter has collapsed |

Paired statistics compare a sample with a partner that is normal about the sample's median, as where one variant
collapses and the other does not. A quarter of the runs is censored where a mean is restricted. Across environments the
second one has the scores of the first, shifted by half their median.

Shares are named by their probability, paired ones by the probabilities that a alone and b alone succeeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from pg.statistics import across_environments, shares
from pg.statistics import estimates as statistics
from pg.statistics.intervals import Array, Interval

COLUMNS = ("statistic", "method", "data", "n", "replications", "covered", "coverage")
REPLICATIONS = 2000
SIZES = (10, 20)

_BOOTSTRAPPED = ("interquartile mean", "improvement")
_POINTS = 200_000
_CENSORED = 0.25  # share of runs beyond the budget of a restricted mean


@dataclass(frozen=True, slots=True)
class Setting:
    """A statistic of one kind of data.

    Attributes
    ----------
    truth
        The statistic of the population.
    interval
        Draws a sample of n (from every population, where there are several) and gives its interval.
    """

    truth: float
    interval: Callable[[np.random.Generator, int], Interval]


def populations() -> Mapping[str, Array]:
    """Give the populations by name, each (200000,) and sorted."""
    peaks = (_quantiles(stats.norm(10, 1), 0.25), _quantiles(stats.norm(475, 20), 0.75))
    return {
        "normal": _quantiles(stats.norm(10, 1)),
        "skewed": _quantiles(stats.expon()),
        "heavy-tailed": _quantiles(stats.lognorm(1)),
        "two-peaked": np.concatenate(peaks),
    }


@cache
def settings() -> Mapping[tuple[str, str], Setting]:
    """Give every setting by statistic and data."""
    continuous = {
        (statistic, data): make(population)
        for statistic, make in _CONTINUOUS.items()
        for data, population in populations().items()
    }
    single = {("share", f"{p:.0%}"): _share(p) for p in (0.05, 0.25, 0.5)}
    paired = {
        ("paired share", f"{a:.0%} and {b:.0%}"): _paired_share(a, b)
        for a, b in ((0.3, 0.1), (0.05, 0.05), (0.25, 0.0))
    }
    return MappingProxyType(continuous | single | paired)


def sizes(statistic: str) -> tuple[int, ...]:
    """Give the sizes of samples at which a statistic is measured: the larger one alone where it takes minutes."""
    return SIZES[-1:] if statistic in _BOOTSTRAPPED else SIZES


def coverage(statistic: str, data: str, n: int, generator: np.random.Generator) -> dict[str, str | int | float]:
    """Count how many intervals of samples of n hold the truth; a row of `measure`."""
    setting = settings()[statistic, data]
    drawn = [setting.interval(generator, n) for _ in range(REPLICATIONS)]
    covered = sum(interval.low <= setting.truth <= interval.high for interval in drawn)
    methods = [interval.method for interval in drawn]
    usual = max(sorted(set(methods)), key=methods.count)
    return dict(zip(COLUMNS, (statistic, usual, data, n, REPLICATIONS, covered, covered / REPLICATIONS), strict=True))


def measure(generator: Callable[..., np.random.Generator]) -> pd.DataFrame:
    """Measure the coverage of every interval: `python -m pg coverage`.

    Parameters
    ----------
    generator
        Gives the generator of a purpose, so that each row can be measured again on its own.
    """
    rows = [
        coverage(statistic, data, n, generator(statistic, data, str(n)))
        for statistic, data in settings()
        for n in sizes(statistic)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


# Continuous statistics -----------------------------------------------------------------------------------------------


def _of_one_sample(
    statistic: Callable[[Array], Interval], truth: Callable[[Array], float]
) -> Callable[[Array], Setting]:
    return lambda population: Setting(
        truth(population), lambda generator, n: statistic(generator.choice(population, n))
    )


def _of_pairs(
    statistic: Callable[[Array, Array], Interval], truth: Callable[[Array, Array], float]
) -> Callable[[Array], Setting]:
    def make(population: Array) -> Setting:
        centre = float(np.median(population))
        partner = _quantiles(stats.norm(centre, centre / 10))

        def interval(generator: np.random.Generator, n: int) -> Interval:
            return statistic(generator.choice(population, n), generator.choice(partner, n))

        return Setting(truth(population, partner), interval)

    return make


def _mean(population: Array) -> Setting:
    return _of_one_sample(statistics.mean, lambda values: float(values.mean()))(population)


def _restricted_mean(population: Array) -> Setting:
    return _mean(np.minimum(population, np.quantile(population, 1 - _CENSORED)))


def _across(
    statistic: Callable[[list[Array], np.random.Generator], Interval], truth: Callable[[list[Array]], float]
) -> Callable[[Array], Setting]:
    def make(population: Array) -> Setting:
        scores = population / np.median(population)
        environments = [scores, scores + 0.5]

        def interval(generator: np.random.Generator, n: int) -> Interval:
            return statistic([generator.choice(one, n) for one in environments], generator)

        return Setting(truth(environments), interval)

    return make


def _improvement(population: Array) -> Setting:
    """Improvement over scores about 1 in one environment and about 1.5 in the other."""
    scores = population / np.median(population)
    partner = _quantiles(stats.norm(1, 0.1))

    def interval(generator: np.random.Generator, n: int) -> Interval:
        a, b = ([generator.choice(side, n), generator.choice(side, n) + 0.5] for side in (scores, partner))
        return across_environments.probability_of_improvement(a, b, generator)

    # No two of the points are equal, and both environments have the same probability.
    return Setting(float(np.searchsorted(partner, scores).mean() / _POINTS), interval)


def _geometric(values: Array) -> float:
    return math.exp(np.log(values).mean())


_CONTINUOUS: Mapping[str, Callable[[Array], Setting]] = {
    "mean": _mean,
    "geometric_mean": _of_one_sample(statistics.geometric_mean, _geometric),
    "restricted_mean": _restricted_mean,
    "median": _of_one_sample(statistics.median, lambda population: float(np.median(population))),
    "paired difference": _of_pairs(lambda a, b: statistics.mean(a - b), lambda a, b: float(a.mean() - b.mean())),
    "paired ratio": _of_pairs(
        lambda a, b: statistics.geometric_mean(a / b), lambda a, b: _geometric(a) / _geometric(b)
    ),
    "ratio of means": _of_pairs(statistics.ratio_of_means, lambda a, b: float(a.mean() / b.mean())),
    "interquartile mean": _across(
        across_environments.interquartile_mean,
        lambda environments: float(stats.trim_mean(np.concatenate(environments), 0.25)),
    ),
    "profile": _across(
        lambda strata, _: across_environments.performance_profile(strata, [1.2])[0],
        lambda environments: float(np.mean(np.concatenate(environments) > 1.2)),
    ),
    "improvement": _improvement,
}


def _quantiles(distribution: Any, weight: float = 1.0) -> Array:
    points = round(weight * _POINTS)
    return np.asarray(distribution.ppf((np.arange(points) + 0.5) / points))


# Shares --------------------------------------------------------------------------------------------------------------


def _share(p: float) -> Setting:
    @cache
    def interval(count: int, n: int) -> Interval:
        return shares.share(np.arange(n) < count)

    return Setting(p, lambda generator, n: interval(int(generator.binomial(n, p)), n))


def _paired_share(only_a: float, only_b: float) -> Setting:
    @cache
    def interval(counts: tuple[int, int], n: int) -> Interval:
        a, b, place = *counts, np.arange(n)
        return shares.paired_share_test(place < a, (place >= a) & (place < a + b))

    def draw(generator: np.random.Generator, n: int) -> Interval:
        a, b, _ = generator.multinomial(n, [only_a, only_b, 1 - only_a - only_b])
        return interval((int(a), int(b)), n)

    return Setting(only_a - only_b, draw)
