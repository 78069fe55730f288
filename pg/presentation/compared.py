"""What a figure compares: variants, each at every level that its experiment sweeps, with their names and looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame, Series, isna

from pg.presentation.captions import at_levels
from pg.presentation.figures import FigureRequest
from pg.presentation.style import Look, looks, of_level
from pg.study.labels import label


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


def _equals(column: Series, value: Any) -> NDArray[np.bool_]:
    held = np.asarray(column)
    if value is None:
        return np.asarray(isna(held))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return np.equal(held, value)
    # Lists stand in tables as JSON.
    return held.astype(str) == (json.dumps(value) if isinstance(value, tuple | list | dict) else str(value))
