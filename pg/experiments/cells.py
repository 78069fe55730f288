"""Cells of an experiment (environment, variant, level of the sweep) and blocks of seeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pg.environments.record import Environment
from pg.parts.variant import Variant

_ASSUMED_HORIZON = 500
_ASSUMED_HORIZON_OF_TABLES = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One environment and one variant of an experiment, at one level of its sweep.

    Names are as declared. Ids are names followed by the level: unique within the experiment, and used for folders. The
    records have the values of `levels`, by sweep path.
    """

    experiment: str
    environment_name: str
    variant_name: str
    environment_id: str
    variant_id: str
    environment: Environment
    variant: Variant
    levels: Mapping[str, Any]

    @property
    def names(self) -> dict[str, Any]:
        """Environment, variant and levels, by their columns in the tables."""
        return {"environment": self.environment_name, "variant": self.variant_name, **self.levels}

    @property
    def folder(self) -> str:
        """Path of the cell's files below a folder of results."""
        return f"{self.experiment}/{self.environment_id}/{self.variant_id}"

    @property
    def longest(self) -> int:
        """Steps of the longest trajectory: the declared horizon, or an assumption for estimates of cost."""
        assumed = _ASSUMED_HORIZON_OF_TABLES if self.environment.id.startswith("pg/") else _ASSUMED_HORIZON
        return self.environment.horizon or assumed

    @property
    def physics(self) -> Environment:
        """The environment without its levels and label, which do not affect a run."""
        return self.environment.physics

    def __hash__(self) -> int:
        """Hash the names, which are unique."""
        return hash((self.experiment, self.environment_id, self.variant_id))


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive seeds that share a job, both ends included."""

    first: int
    last: int

    @property
    def seeds(self) -> range:
        """The seeds of the block."""
        return range(self.first, self.last + 1)

    def __str__(self) -> str:
        """Return the block as text for file names."""
        return f"{self.first}-{self.last}"


@lru_cache
def blocks_between(begin: int, end: int, size: int) -> tuple[Block, ...]:
    """Cut the seeds from `begin` up to `end`, excluded, into blocks of at most `size`."""
    return tuple(Block(first, min(first + size, end) - 1) for first in range(begin, end, size))


def level_value(value: Any) -> Any:
    """Return a sweep's value for a table: scalars unchanged, anything else as JSON text."""
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def names_of(cell: Cell) -> dict[str, Any]:
    """Return environment, variant and levels of a cell by table column."""
    return {column: level_value(value) for column, value in cell.names.items()}


def columns_of(cells: Iterable[Cell], *rest: str) -> list[str]:
    """List the columns of a table over the cells of one experiment: those of the names, then `rest`."""
    # The cells of an experiment share its sweep.
    return ["environment", "variant", *next(iter(cells)).levels, *rest]
