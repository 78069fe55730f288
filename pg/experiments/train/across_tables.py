"""Compute statistics across the environments of one or several training experiments.

Environments without a threshold have no scale for scores and stay out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pg.experiments.cells import Cell, level_value
from pg.experiments.selections import OF_A_RUN, SELECTION, groups_of
from pg.statistics import across_environments, coverage
from pg.statistics.intervals import Array, Interval

ABOVE = tuple(round(0.05 * step, 2) for step in range(25))
"""Scores at which the profile is taken: 0, 0.05, …, 1.2."""


@dataclass(frozen=True, slots=True)
class _Variant:
    """A variant at one level, with its scores and their groups by environment."""

    name: str
    levels: Mapping[str, Any]
    key: str
    scores: dict[str, Array]
    selections: dict[str, Array | None]

    @property
    def strata(self) -> list[Array]:
        return list(self.scores.values())

    @property
    def groups(self) -> across_environments.Labels | None:
        """The selections of the runs; every run is a group where the learning rate is not tuned."""
        found = self.selections.values()
        if all(one is None for one in found):
            return None
        return [np.arange(len(scores)) if one is None else one for scores, one in zip(self.strata, found, strict=True)]


def metrics_of_cells(table: pd.DataFrame, cells: Iterable[Cell]) -> dict[Cell, pd.DataFrame]:
    """Divide the long table of an experiment by its cells, all of them in declared order.

    A cell has a row per seed, a column per metric, and the run's selection of the learning rate.
    """
    names = [column for column in table if column not in ("stage", *OF_A_RUN, "metric", "value")]
    groups = table.groupby(names, sort=False, dropna=False)
    return {
        cell: group.pivot_table(index="seed", columns="metric", values="value").assign(
            **{SELECTION: group.groupby("seed")[SELECTION].first()}
        )
        for cell, (_, group) in zip(cells, groups, strict=True)
    }


def across_table(
    measured: Mapping[Cell, pd.DataFrame],
    threshold: Callable[[Cell], float | None],
    generator: Callable[..., np.random.Generator],
) -> pd.DataFrame:
    """Summarise every variant over the environments with a threshold.

    Scores are computed from `final_return`. Score 0 is the random policy's return: the mean of `initial_return` over
    all seeds. If variants differ in it, because some do not start from a random policy, the lowest one is used.

    Parameters
    ----------
    measured
        The result of `metrics_of_cells`.
    threshold
        Returns the threshold at which the runs of a cell are solved, which has score 1.
    generator
        Returns the generator of a purpose, so that no row depends on the other rows of the table.

    Returns
    -------
    DataFrame
        Columns variant, the sweep's paths, above, over, and `pg.statistics.coverage.COLUMNS`. The rows of a variant:
        "interquartile mean"; "profile", the share of runs that score more than `above`; and "improvement", the
        probability of a higher score than that of the variant named in `over`, the first one declared.
    """
    found: list[dict[str, Any]] = []
    first: dict[tuple[Any, ...], _Variant] = {}
    for one in _variants(measured, threshold):
        reference = first.setdefault(tuple(one.levels.values()), one)
        found += _rows(one, reference, partial(generator, one.key))
    columns = ["variant", *next(iter(measured)).levels, "above", "over", *coverage.COLUMNS]
    return pd.DataFrame(found, columns=columns)


def _rows(
    one: _Variant, reference: _Variant, generator: Callable[..., np.random.Generator]
) -> Iterator[dict[str, Any]]:
    def row(statistic: str, interval: Interval, above: float = math.nan, over: str = "") -> dict[str, Any]:
        names = {"variant": one.name, **one.levels, "above": above, "over": over}
        return {**names, **coverage.columns_of(statistic, interval)}

    middle = across_environments.interquartile_mean(one.strata, generator("interquartile mean"), one.groups)
    yield row("interquartile mean", middle)
    for above, share in zip(ABOVE, across_environments.performance_profile(one.strata, ABOVE, one.groups), strict=True):
        yield row("profile", share, above=above)
    if one is not reference:
        better = across_environments.probability_of_improvement(
            one.strata, reference.strata, generator("improvement"), (one.groups, reference.groups)
        )
        yield row("improvement", better, over=reference.name)


def _variants(measured: Mapping[Cell, pd.DataFrame], threshold: Callable[[Cell], float | None]) -> list[_Variant]:
    """Gather the cells of each variant and level, in declared order."""
    initial: dict[str, float] = {}
    for cell, metrics in measured.items():
        mean = float(metrics["initial_return"].mean())
        initial[cell.environment_id] = min(mean, initial.get(cell.environment_id, mean))
    found: dict[str, _Variant] = {}
    for cell, metrics in measured.items():
        if (end := threshold(cell)) is not None:
            key = cell.variant_id + cell.environment_id.removeprefix(cell.environment_name)
            levels = {path: level_value(value) for path, value in cell.levels.items()}
            one = found.setdefault(key, _Variant(cell.variant_name, levels, key, {}, {}))
            start = initial[cell.environment_id]
            one.scores[cell.environment_name] = across_environments.score(metrics["final_return"], start, end)
            one.selections[cell.environment_name] = groups_of(metrics)
    return list(found.values())
