"""What a figure compares: variants, each at every level that its experiment sweeps, with their names and looks."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame, Series, isna

from pg.experiments.records import ProbeExperiment
from pg.plotting.captions import at_levels
from pg.plotting.labels import label
from pg.plotting.request import FigureRequest
from pg.plotting.style import Look, looks, of_level
from pg.study.expansion import swept


@dataclass(frozen=True, slots=True)
class Strand:
    """One thing that a figure compares: a variant, at one level where the experiment sweeps.

    Attributes
    ----------
    variant
        Declared name.
    levels
        Sweep path to value.
    label
        Name in the figure.
    look
        The variant's look; levels share its hue, from pale to full, and differ in dashes.
    """

    variant: str
    levels: Mapping[str, Any]
    label: str
    look: Look

    @property
    def key(self) -> str:
        """Name that no other strand of the figure has, as labels may."""
        return ", ".join((self.variant, *(f"{path}={value}" for path, value in self.levels.items())))

    def rows(self, table: DataFrame) -> DataFrame:
        """Select the rows of this strand from a table with a column per sweep path."""
        return at_level(table.loc[table["variant"] == self.variant], self.levels)


def strands(request: FigureRequest) -> tuple[Strand, ...]:
    """List what a figure compares in the order in which the study declares it."""
    look_of = looks(tuple(request.study.variants))
    levels = request.levels
    return tuple(
        Strand(
            variant=variant,
            levels=level,
            label=at_levels(label(request.study, variant), level),
            look=of_level(look_of[variant], place, len(levels)),
        )
        for variant in request.variants
        for place, level in enumerate(levels)
    )


def at_level(rows: DataFrame, level: Mapping[str, Any]) -> DataFrame:
    """Select the rows of a table with a column per sweep path that stand at a level."""
    for path, value in level.items():
        rows = rows.loc[_equals(Series(rows[path]), value)]
    return rows


def told_apart(request: FigureRequest, *, but: Collection[str] = ()) -> tuple[Strand, ...]:
    """List what a figure compares, without the levels that all of it shares or that the figure shows otherwise.

    Parameters
    ----------
    request
        The figure.
    but
        Sweep paths that tell no strands apart, because an axis shows them, or one of their levels is drawn.
    """
    experiment = request.study.experiments[request.figure.experiment]
    sweep = {path: values for path, values in swept(experiment).items() if path not in but}
    experiments = {request.figure.experiment: experiment.model_copy(update={"sweep": sweep})}
    return strands(replace(request, study=request.study.model_copy(update={"experiments": experiments})))


def batch_shown(request: FigureRequest) -> int:
    """Choose one batch size: the probed one nearest to that which the variants train with, or else the smallest."""
    long = request.tables["long"]
    measured = long.loc[long["variant"].isin(request.variants), "batch"].dropna().unique()
    sizes = sorted(int(size) for size in measured)
    if not isinstance(request.study.experiments[request.figure.experiment], ProbeExperiment):
        return sizes[0]
    trained = request.study.variants[request.variants[0]].batch
    return min(sizes, key=lambda size: abs(math.log(size / trained)))


def _equals(column: Series, value: Any) -> NDArray[np.bool_]:
    held = np.asarray(column)
    if value is None:
        return np.asarray(isna(held))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return np.equal(held, value)
    # Lists stand in tables as JSON.
    return held.astype(str) == (json.dumps(value) if isinstance(value, tuple | list | dict) else str(value))
