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
    stems = {"across": f"{'+'.join(figure.pool)}-across"}
    # A table across environments holds the rows of the whole pool.
    own_names = figure.pool if "across" in kind.tables else (figure.experiment,)
    others = [name for name in figure.experiments if name not in own_names]
    own = {table: stems.get(table, _stem(figure.experiment, table)) for table in kind.tables}
    further = {name_of(table, other): _stem(other, table) for other in others for table in kind.tables}
    return {name: f"tables/{stem}.csv" for name, stem in (own | further).items()}


def name_of(table: str, other: str) -> str:
    """Return the name of a table of another experiment that a figure draws."""
    return f"{table}_of_{other}"


def _stem(experiment: str, table: str) -> str:
    return experiment if table == "long" else f"{experiment}-{table}"
