"""Heat tables: numbers in cells whose colours show their size, for more combinations than panels can show."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pg.plotting.layout import broken, canvas, name_rows
from pg.plotting.record import Width
from pg.plotting.style import WIDTHS, scaled
from pg.plotting.text import interval_of, number

# Blue for good numbers, white in the middle, orange for bad ones: pale enough for dark text on them.
_GOOD_TO_BAD = LinearSegmentedColormap.from_list("good to bad", ["#7fb4de", "#ffffff", "#f0a860"])
_BAD_TO_GOOD = _GOOD_TO_BAD.reversed()
_LETTER, _PADDING = 0.047, 0.1  # inches of a cell's width, per letter and in addition
_NAMES = {"one_column": 1.35, "two_columns": 1.65}  # inches for the names of the rows
_ROW, _HEAD = 0.17, 0.55  # inches: the height of a row, and of what is above a table
_TITLE_LINES = 2  # of tables next to each other; longer titles would leave their cells no room


@dataclass(frozen=True, slots=True)
class HeatTable:
    """Estimates with their intervals by row and column.

    Attributes
    ----------
    title
        What the numbers are.
    columns
        Group and name of each column; a group's name is written once above its columns.
    estimates
        (rows, columns); NaN where undefined.
    intervals
        (rows, columns, 2); NaN where there is none.
    norm
        Maps numbers to colours. It is symmetric around the neutral value.
    neutral
        The value that means no effect. Cells whose interval contains it have no colour.
    low_is_good
        Whether low numbers are blue and high ones orange, or the reverse.
    """

    title: str
    columns: Sequence[tuple[str, str]]
    estimates: NDArray[np.float64]
    intervals: NDArray[np.float64]
    norm: Normalize
    neutral: float
    low_is_good: bool = True

    def some(self, columns: slice) -> HeatTable:
        """Return some of the columns."""
        return replace(
            self,
            columns=self.columns[columns],
            estimates=self.estimates[:, columns],
            intervals=self.intervals[:, columns],
        )

    def text(self, row: int, column: int, *, noted: bool) -> str:
        """Write a cell's number, with its interval if wanted."""
        short, ends = number(self.estimates[row, column], 2), self.intervals[row, column]
        return f"{short} ({interval_of(*ends)})" if noted and np.isfinite(ends).all() else short

    @property
    def coloured(self) -> np.ma.MaskedArray:
        """The estimates whose interval excludes the neutral value; the others are masked."""
        low, high = np.moveaxis(self.intervals, -1, 0)
        return np.ma.masked_where((low <= self.neutral) & (self.neutral <= high), np.ma.masked_invalid(self.estimates))

    def inches(self, *, noted: bool) -> float:
        """Return the width of a column that its longest text needs."""
        rows, columns = self.estimates.shape
        longest = max(len(self.text(row, at, noted=noted)) for row in range(rows) for at in range(columns))
        return scaled(_PADDING + _LETTER * max(longest, *(len(name) for _, name in self.columns)))


def heat_tables(width: Width, names: Sequence[str], tables: Sequence[HeatTable]) -> Figure:
    """Draw tables with the same rows: next to each other if they fit, else below each other in as many parts as needed.

    Numbers have their intervals if there is room.
    """
    room, count = _room_and_columns(width, tables)
    noted = has_intervals(width, tables)
    inches = max(table.inches(noted=noted) for table in tables)
    fitting = max(1, int(room / inches))
    # Next to each other, titles have the width of their columns alone.
    lines = [broken(table.title, len(table.columns) * room / count).count("\n") + 1 for table in tables]
    beside = count <= fitting and (len(tables) == 1 or max(lines) <= _TITLE_LINES)
    drawn = list(tables) if beside else [part for table in tables for part in _parts(table, fitting)]
    figure = canvas(width, (_HEAD + _ROW * len(names)) * (1 if beside else len(drawn)))
    how = {"ncols": len(drawn), "width_ratios": [len(table.columns) for table in drawn]} if beside else {}
    fitting = max(len(table.columns) for table in drawn)
    panels = figure.subplots(**{"nrows": 1 if beside else len(drawn), "squeeze": False, **how}).flat
    for place, (axes, table) in enumerate(zip(panels, drawn, strict=True)):
        inches = room / (count if beside else fitting)
        columns = len(table.columns) if beside and len(tables) > 1 else max(len(table.columns), 3)
        _draw_table(axes, table, noted=noted, inches=inches, of_title=min(columns * inches, room))
        name_rows(axes, names if place == 0 or not beside else [""] * len(names))
        axes.set_ylim(len(names) - 0.5, -0.5)
        if not beside:
            # All columns have the same width.
            axes.set_xlim(-0.5, fitting - 0.5)
    return figure


def has_intervals(width: Width, tables: Sequence[HeatTable]) -> bool:
    """Return whether the cells of tables have room for intervals."""
    room, count = _room_and_columns(width, tables)
    return all(table.inches(noted=True) * count <= room for table in tables)


def where_intervals_are(width: Width, tables: Sequence[HeatTable]) -> str:
    """Return what a caption says of intervals that the cells have no room for."""
    return "" if has_intervals(width, tables) else " Intervals are in the tables alone."


def _room_and_columns(width: Width, tables: Sequence[HeatTable]) -> tuple[float, int]:
    """Return the inches beside the names of rows, and the number of columns of all tables."""
    return WIDTHS[width] - scaled(_NAMES[width]), sum(len(table.columns) for table in tables)


def _parts(table: HeatTable, fitting: int) -> list[HeatTable]:
    """Divide a table into parts of at most `fitting` columns, between groups where possible."""
    starts, at = [0], 0
    for _, group in groupby(table.columns, key=itemgetter(0)):
        end = at + len([*group])
        if at > starts[-1] and end > starts[-1] + fitting:
            starts.append(at)
        while end > starts[-1] + fitting:
            starts.append(starts[-1] + fitting)
        at = end
    return [table.some(slice(start, end)) for start, end in zip(starts, [*starts[1:], None], strict=True)]


def _draw_table(axes: Axes, table: HeatTable, *, noted: bool, inches: float, of_title: float) -> None:
    rows, columns = table.estimates.shape
    edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    colours = _GOOD_TO_BAD if table.low_is_good else _BAD_TO_GOOD
    axes.pcolormesh(*edges, table.coloured, cmap=colours, norm=table.norm, edgecolors="white", linewidth=0.8)
    for row in range(rows):
        for column in range(columns):
            axes.text(column, row, table.text(row, column, noted=noted), fontsize=scaled(6.5), ha="center", va="center")
    axes.set_xticks(range(columns), [name for _, name in table.columns])
    axes.tick_params(axis="x", top=False, bottom=False, labeltop=True, labelbottom=False, pad=1)
    axes.spines[:].set_visible(False)
    starts = [at for at in range(columns) if at == 0 or table.columns[at][0] != table.columns[at - 1][0]]
    above = 0
    for at, end in zip(starts, [*starts[1:], columns], strict=True):
        if at:
            axes.axvline(at - 0.5, color="white", linewidth=4)
        name = textwrap.fill(table.columns[at][0], max(8, round((end - at) * inches / scaled(0.06))))
        above = max(above, name.count("\n") + 1 if name else 0)
        axes.annotate(name, (at - 0.5, 1), (scaled(1), scaled(11)), xycoords=("data", "axes fraction"), va="bottom",
                      textcoords="offset points", fontsize=scaled(7), linespacing=1.0)  # fmt: skip
    axes.set_title(broken(table.title, of_title), pad=scaled(13 + 9 * above), linespacing=1.0)
