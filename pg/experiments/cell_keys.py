"""How the rows of every table say which cell, level and seed they are of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pg.study.expansion import Cell


def level_value(value: Any) -> Any:
    """Give a sweep's value the form that it has in a table: scalars as they are, anything else as JSON text."""
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def names_of(cell: Cell) -> dict[str, Any]:
    """Return what names a cell: environment, variant, and the sweep's paths with their levels."""
    return {column: level_value(value) for column, value in cell.names.items()}


def columns_of(cells: Iterable[Cell], *rest: str) -> list[str]:
    """List the columns of a table over the cells of an experiment: what names a cell, then the rest."""
    # The cells of an experiment share its sweep.
    return ["environment", "variant", *next(iter(cells)).levels, *rest]
