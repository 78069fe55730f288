"""A series: one line or one row of a figure, and the rows of a table that it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pg.plotting.style import Look


@dataclass(frozen=True, slots=True)
class Series:
    """A variant, at one level if the experiment sweeps.

    Attributes
    ----------
    variant
        Declared name.
    levels
        Sweep path to value.
    label
        Name in the figure.
    look
        Colour, marker and dashes. The levels of a variant share its hue, from pale to full, and differ in dashes.
    """

    variant: str
    levels: Mapping[str, Any]
    label: str
    look: Look

    @property
    def key(self) -> str:
        """A name that is unique in the figure; labels need not be."""
        return ", ".join((self.variant, *(f"{path}={value}" for path, value in self.levels.items())))

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Select the rows of this series from a table with a column per sweep path."""
        return at_level(table.loc[table["variant"] == self.variant], self.levels)


def at_level(rows: pd.DataFrame, level: Mapping[str, Any]) -> pd.DataFrame:
    """Select the rows at a level from a table with a column per sweep path."""
    for path, value in level.items():
        rows = rows.loc[_equals(rows[path], value)]
    return rows


def _equals(column: pd.Series, value: Any) -> NDArray[np.bool_]:
    cells = np.asarray(column)
    if value is None:
        return np.asarray(pd.isna(cells))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return np.equal(cells, value)
    # Tables hold lists and mappings as JSON.
    return cells.astype(str) == (json.dumps(value) if isinstance(value, tuple | list | dict) else str(value))
