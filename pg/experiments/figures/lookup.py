"""Find a kind of figure by its name, or load it from a module of the user; name the tables that a figure reads."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pg.core.choices import load_instance
from pg.experiments.figures.kind import FigureKind, Play
from pg.experiments.kind import Experiment
from pg.experiments.registry import KINDS
from pg.plotting.record import Figure

FIGURES: Mapping[str, FigureKind] = MappingProxyType(
    {name: figure for kind in KINDS.values() for name, figure in kind.figures.items()}
)
"""The figures of the built-in kinds of experiment."""


def kind_of(figure: Figure, experiment: Experiment) -> FigureKind:
    """Return the kind of a figure of an experiment.

    Raises
    ------
    ValueError
        If `module:NAME` names none.
    KeyError
        If the kind of experiment declares no figure of this name.
    """
    return load_instance(figure.kind, FigureKind) if ":" in figure.kind else experiment.figures[figure.kind]


def tables_of(figure: Figure, kind: FigureKind | Play) -> dict[str, str]:
    """Return the paths of the tables that a figure or its explorable reads, relative to the results folder."""
    stems = {"long": figure.experiment, "across": f"{'+'.join(figure.pool)}-across"}
    return {table: f"tables/{stems.get(table, f'{figure.experiment}-{table}')}.csv" for table in kind.tables}
