"""Compute statistics across the environments of one or several training experiments.

Environments without a threshold have no scale for scores and stay out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pg.experiments.cells import Cell, level_value
from pg.experiments.train.curves import steps_and_returns
from pg.experiments.train.metrics import final_return
from pg.statistics import across_environments, coverage
from pg.statistics.intervals import Array, Interval

ABOVE = tuple(round(0.05 * step, 2) for step in range(25))
"""Scores at which the profile is taken: 0, 0.05, …, 1.2."""


@dataclass(frozen=True, slots=True)
class _Strand:
    """A variant at one level, with its scores by environment."""

    names: Mapping[str, Any]
    key: str
    scores: Mapping[str, Array]

    @property
    def strata(self) -> list[Array]:
        return list(self.scores.values())


def across_table(
    runs: Mapping[Cell, pd.DataFrame],
    budgets: Mapping[str, int],
    generator: Callable[..., np.random.Generator],
) -> pd.DataFrame:
    """Summarise every variant over the environments that declare a threshold.

    Scores are computed from the mean return over the last tenth of the budget. Score 0 is the random policy's return:
    the mean return of the first batch over all seeds. If variants differ in it, because some do not start from a random
    policy, the lowest one is used.

    Parameters
    ----------
    runs
        Rows of all seeds by cell, cells in declared order.
    budgets
        Environment steps per seed, by experiment.
    generator
        Returns the generator of a purpose, so that no row depends on the other rows of the table.

    Returns
    -------
    DataFrame
        Columns variant, the sweep's paths, statistic, above, over, n, estimate, ci_low, ci_high, method. The rows of a
        variant: "interquartile mean"; "profile", the share of runs that score more than `above`; and "improvement",
        the probability of a higher score than that of the variant named in `over`, the first one declared.
    """
    strands = list(_strands(runs, budgets))
    first: dict[tuple[Any, ...], _Strand] = {}
    rows: list[dict[str, Any]] = []
    for strand in strands:
        reference = first.setdefault(_level(strand), strand)
        rows.extend(_rows(strand, reference, lambda *purpose, key=strand.key: generator(key, *purpose)))
    levels = list(next(iter(runs)).levels)
    columns = ["statistic", "above", "over", "n", "estimate", "ci_low", "ci_high", "method"]
    return pd.DataFrame(rows, columns=["variant", *levels, *columns])


def _rows(
    strand: _Strand, reference: _Strand, generator: Callable[..., np.random.Generator]
) -> Iterator[dict[str, Any]]:
    mean = across_environments.interquartile_mean(strand.strata, generator("interquartile mean"))
    yield _row(strand, "interquartile mean", mean)
    for above, share in zip(ABOVE, across_environments.performance_profile(strand.strata, ABOVE), strict=True):
        yield _row(strand, "profile", share, above=above)
    if strand is not reference:
        better = across_environments.probability_of_improvement(
            strand.strata, reference.strata, generator("improvement")
        )
        yield _row(strand, "improvement", better, over=reference.names["variant"])


def _row(
    strand: _Strand, statistic: str, interval: Interval, *, above: float = math.nan, over: str = ""
) -> dict[str, Any]:
    return {**strand.names, "above": above, "over": over, **coverage.columns_of(statistic, interval)}


def _strands(runs: Mapping[Cell, pd.DataFrame], budgets: Mapping[str, int]) -> Iterator[_Strand]:
    """Gather the cells of each variant and level, in declared order."""
    initial = _initial_returns(runs)
    gathered: dict[tuple[str, str], dict[Cell, pd.DataFrame]] = {}
    for cell, rows in runs.items():
        if cell.environment.threshold is not None:
            suffix = cell.environment_id.removeprefix(cell.environment_name)
            gathered.setdefault((cell.variant_id, suffix), {})[cell] = rows
    for (variant_id, suffix), of_strand in gathered.items():
        cell = next(iter(of_strand))
        yield _Strand(
            names={"variant": cell.variant_name, **{path: level_value(value) for path, value in cell.levels.items()}},
            key=variant_id + suffix,
            scores={
                one.environment_name: _scores(rows, one, budgets[one.experiment], initial)
                for one, rows in of_strand.items()
            },
        )


def _scores(rows: pd.DataFrame, cell: Cell, budget: int, initial: Mapping[str, float]) -> Array:
    assert cell.environment.threshold is not None
    returns = [
        final_return(*steps_and_returns(run), budget)
        for _, run in rows.sort_values(["seed", "iteration"]).groupby("seed")
    ]
    return across_environments.score(returns, initial[cell.environment_id], cell.environment.threshold)


def _initial_returns(runs: Mapping[Cell, pd.DataFrame]) -> dict[str, float]:
    """Estimate the random policy's return in each environment."""
    initial: dict[str, float] = {}
    for cell, rows in runs.items():
        mean = float(rows.loc[rows["iteration"] == 1, "return_mean"].mean())
        initial[cell.environment_id] = min(mean, initial.get(cell.environment_id, mean))
    return initial


def _level(strand: _Strand) -> tuple[Any, ...]:
    return tuple(value for name, value in strand.names.items() if name != "variant")
