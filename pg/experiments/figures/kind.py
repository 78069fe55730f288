"""A kind of figure: its module, the experiments that it draws, the tables that it reads, and its requirements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pg.experiments.figures.needs import Declaration

Table = Literal["long", "summary", "curves", "tuned", "poses", "across"]

TABLE_FILES: Mapping[Table, str] = {"long": "", "summary": "-summary", "curves": "-curves", "poses": "-poses"}
"""Suffix of each table's file name, after the experiment's name."""


@dataclass(frozen=True, slots=True)
class FigureKind:
    """A kind of figure.

    Attributes
    ----------
    module
        The module with `draw(request)` and `caption(request)`. It is imported only to draw, because matplotlib takes
        a second to import.
    experiments
        Kinds of experiment that it draws, by name.
    tables
        Tables that it reads: one row per seed (long), intervals (summary), curves, scores of tuning (tuned), poses,
        statistics across environments (across).
    needs
        What else it needs of a study: functions that yield the problems of a declaration.
    with_source
        Whether it reads the experiment that trained the policies.
    """

    module: str
    experiments: tuple[str, ...]
    tables: tuple[Table, ...] = ("long", "summary")
    needs: tuple[Callable[[Declaration], Iterator[str]], ...] = field(default=())
    with_source: bool = False
