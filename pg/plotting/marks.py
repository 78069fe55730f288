"""What the panels of figures are made of: a dot per seed, estimates with their intervals, lines; drawn by seaborn.

seaborn is told how each strand looks and draws rows as they are. It never summarises them: estimates and intervals come
from the study's tables, whose statistics are chosen metric by metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from pandas import DataFrame, Series, concat

from pg.plotting.compared import Strand
from pg.plotting.style import bounded

ROUNDING = 1e-10
"""Below this, a difference of numbers that are exact but for rounding counts as 0."""


def by_seed(rows: DataFrame) -> Series:
    """Give the values of a long table's rows by seed."""
    return Series(rows["value"].to_numpy(np.float64), index=rows["seed"]).sort_index()


def gathered(strands: Sequence[Strand], table: DataFrame) -> DataFrame:
    """Lay the rows of every strand below each other, with its `key` in column strand and its rank in column place."""
    return concat(
        [strand.rows(table).assign(strand=strand.key, place=float(place)) for place, strand in enumerate(strands)],
        ignore_index=True,
    )


def colours(strands: Sequence[Strand]) -> dict[str, str]:
    """Give the palette of a figure: the colour of each strand by its key."""
    return {strand.key: strand.look.colour for strand in strands}


def as_marks(strands: Sequence[Strand]) -> dict[str, Any]:
    """Tell seaborn's `scatterplot` how the strands of a gathered table look."""
    markers = {strand.key: strand.look.marker for strand in strands}
    return {"hue": "strand", "palette": colours(strands), "style": "strand", "markers": markers, "legend": False}


def as_dots(strands: Sequence[Strand]) -> dict[str, Any]:
    """Tell seaborn's `scatterplot` how the seeds of a gathered table look: pale, behind what summarises them."""
    return {"hue": "strand", "palette": colours(strands), "legend": False, "alpha": 0.5, "linewidth": 0}


def as_lines(strands: Sequence[Strand], *, marked: bool) -> dict[str, Any]:
    """Tell seaborn's `lineplot` how the strands of a gathered table look, and to draw its rows as they are."""
    dashes = {strand.key: strand.look.dashes for strand in strands}
    lines = as_marks(strands) | {"dashes": dashes, "estimator": None, "errorbar": None}
    return lines if marked else lines | {"markers": False}


def scatter(axes: Axes, rows: DataFrame, **how: Any) -> None:
    """Have seaborn draw rows as marks."""
    if rows.empty:
        # Seaborn warns of colours that it has no use for.
        return
    with _without_names(axes):
        sns.scatterplot(rows, ax=axes, **how)


def line(axes: Axes, rows: DataFrame, **how: Any) -> None:
    """Have seaborn draw rows as lines."""
    with _without_names(axes):
        sns.lineplot(rows, ax=axes, **how)


@contextmanager
def _without_names(axes: Axes) -> Iterator[None]:
    """Leave axes their names: seaborn gives columns' names to axes that have none, once it has laid out every tick."""
    names = {"xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    axes.set(xlabel=" ", ylabel=" ")
    yield
    axes.set(**names)


def draw_dots(axes: Axes, rows: DataFrame, strands: Sequence[Strand], **how: Any) -> None:
    """Draw gathered rows of a long table as a dot per seed, around the height of their strand."""
    # Three heights by seed: dots stand apart without chance, and a seed has the same height in every row.
    dots = rows.assign(height=rows["place"] + 0.2 * (rows["seed"] % 3 - 1))
    scatter(axes, dots, x="value", y="height", **(as_dots(strands) | how))


def draw_row_intervals(axes: Axes, summary: DataFrame, strands: Sequence[Strand]) -> None:
    """Draw rows of a summary as mark and bar at the height of their strand."""
    rows = gathered(strands, summary)
    axes.hlines(rows["place"], *_ends(rows), colors=_colour_each(rows, strands), linewidth=1.6)
    scatter(axes, rows, x="estimate", y="place", s=20, linewidth=0.6, zorder=3, **as_marks(strands))


def draw_column_intervals(axes: Axes, rows: DataFrame, strands: Sequence[Strand], x: str) -> None:
    """Draw gathered rows of a summary as a line per strand, with mark and bar where the column x says."""
    axes.vlines(rows[x], *_ends(rows), colors=_colour_each(rows, strands), linewidth=0.8)
    draw_lines(axes, rows, strands, x)


def draw_column_marks(axes: Axes, rows: DataFrame, strands: Sequence[Strand], x: str) -> None:
    """Draw gathered rows of a summary as mark and bar where the column x says, without lines between them."""
    axes.vlines(rows[x], *_ends(rows), colors=_colour_each(rows, strands), linewidth=0.8)
    scatter(axes, rows, x=x, y="estimate", s=12, linewidth=0.3, zorder=3, **as_marks(strands))


def draw_lines(axes: Axes, rows: DataFrame, strands: Sequence[Strand], x: str) -> None:
    """Draw gathered estimates as a line per strand, with a mark where the column x says."""
    lines = as_lines(strands, marked=True)
    line(axes, rows, x=x, y="estimate", linewidth=1, markersize=3, markeredgewidth=0.3, **lines)


def draw_bands(axes: Axes, rows: DataFrame, strands: Sequence[Strand], x: str, alpha: float) -> None:
    """Draw the intervals of gathered rows as a band per strand along the column x."""
    for strand in strands:
        band = rows.loc[rows["strand"] == strand.key]
        axes.fill_between(band[x], *_ends(band), color=strand.look.colour, alpha=alpha, linewidth=0)


def dodged(rows: DataFrame, x: str, step: float) -> Series:
    """Shift a column of a logarithmic axis by a factor per strand, so that bars at one value stand side by side."""
    middle = (rows["place"].min() + rows["place"].max()) / 2
    return rows[x] * np.exp(step * (rows["place"] - middle))


def legend_entries(strands: Sequence[Strand], *, marked: bool) -> list[Line2D]:
    """List the strands for a legend, in their order."""
    return [
        Line2D([], [], marker=strand.look.marker if marked else "", label=strand.label, **strand.look.line)
        for strand in strands
    ]


def mark_entries(strands: Sequence[Strand]) -> list[Line2D]:
    """List the strands for the legend of a figure that draws no lines, in their order."""
    return [
        Line2D([], [], linestyle="", marker=strand.look.marker, color=strand.look.colour, label=strand.label)
        for strand in strands
    ]


def _ends(rows: DataFrame) -> tuple[Any, Any]:
    return bounded(rows["ci_low"]), bounded(rows["ci_high"])


def _colour_each(rows: DataFrame, strands: Sequence[Strand]) -> list[str]:
    palette = colours(strands)
    return [palette[key] for key in rows["strand"]]
