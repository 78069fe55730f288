"""Grids of panels, their titles, legends, axis labels, ticks and notes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FixedLocator,
    Formatter,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import ArrayLike

from pg.plotting.record import Limits, Width
from pg.plotting.style import FAINT, PAGE_HEIGHT, WIDTHS, scaled, unscaled
from pg.plotting.text import in_thousands

_LEGEND_ROW = 0.16  # inches
_NAME_LINE = 0.13  # inches of a line of a name at the end of a curve
_TITLE_PAD = 11  # points: room for a line of text between title and panel


def canvas(width: Width, height: float) -> Figure:
    """Make an empty figure; its height in inches scales with the size of type."""
    figure = Figure(figsize=(WIDTHS[width], scaled(height)), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels_in_a_row(most: int) -> int:
    """Return how many panels fit in a row: `most` at the usual size of type, fewer at a larger one."""
    return max(1, round(unscaled(most)))


def panels(
    width: Width,
    titles: Sequence[str],
    across: int,
    height: float,
    *,
    margin: float = 0.15,
    x: str = "",
    y: str = "",
    **how: Any,
) -> tuple[Figure, list[Axes]]:
    """Make a figure with a panel per title, `across` in a row of `height` inches, with `margin` inches for the whole.

    `x` and `y` name the axes as in `name_axes`; further options are those of `Figure.subplots`.
    """
    down = math.ceil(len(titles) / across)
    figure = canvas(width, margin + down * height)
    drawn = used(list(figure.subplots(down, across, squeeze=False, **how).flat), len(titles))
    for axes, title in zip(drawn, titles, strict=True):
        axes.set_title("\n".join(broken(line, WIDTHS[width] / across) for line in title.split("\n")))
    name_axes(drawn, across, x=x, y=y)
    return figure, drawn


def blocks(
    width: Width, counts: Sequence[tuple[str, int]], across: int, height: float, *, x: str = "", **how: Any
) -> tuple[Figure, list[list[Axes]]]:
    """Make a figure with a block per title, of a number of panels, `across` in a row of `height` inches.

    `x` names the x axes of the last block, or of every block if their numbers of panels differ; further options are
    those of `Figure.subplots`.
    """
    rows = [math.ceil(count / across) for _, count in counts]
    figure = canvas(width, 0.25 + height * sum(rows))
    lines = iter(figure.subplots(sum(rows), across, squeeze=False, **how))
    made: list[list[Axes]] = []
    for (title, count), down in zip(counts, rows, strict=True):
        drawn = used([axes for _ in range(down) for axes in next(lines)], count)
        drawn[0].set_title(title)
        made.append(drawn)
    for drawn in made[-1:] if len({count for _, count in counts}) == 1 else made:
        name_axes(drawn, across, x=x)
    return figure, made


def stacks(
    width: Width, titles: Sequence[str], names: Sequence[str], across: int, height: float, *, x: str = ""
) -> tuple[Figure, list[list[Axes]]]:
    """Make a stack of panels per title, `across` in a row, with a panel per name of `height` inches.

    The panels of a single title are next to each other if they fit. `x` names the x axes, which are shared.
    """
    beside, count = len(titles) == 1 and width == "two_columns", len(names)
    rows, columns = (1, count) if beside else (math.ceil(len(titles) / across) * count, across)
    figure = canvas(width, 0.35 + height * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    tops = [(count * (at // across), at % across) for at in range(len(titles))]
    made = [[*grid[0]]] if beside else [[*grid[top : top + count, column]] for top, column in tops]
    for unused in set(grid.flat).difference(*made):
        unused.set_axis_off()
    for place, (title, stack) in enumerate(zip(titles, made, strict=True)):
        stack[0].set_title(title)
        for axes, name in zip(stack, names, strict=True):
            axes.set_ylabel("" if place % across else name)
        lowest = place >= len(titles) - across
        name_axes(stack if beside else stack[-1:], count, x=x if lowest else "")
    return figure, made


def used(panels: Sequence[Axes], count: int) -> list[Axes]:
    """Return the first `count` panels and blank the others."""
    for unused in panels[count:]:
        unused.set_axis_off()
    return list(panels[:count])


def name_panels(panels: Sequence[Axes], title: str, names: Sequence[str]) -> None:
    """Write a name above each panel, and above the first one the title of all."""
    for place, (axes, name) in enumerate(zip(panels, names, strict=True)):
        axes.set_title(name if place else f"{title}\n{name}")


def keep_near(axes: Axes, estimates: pd.Series, factor: float = 3.0) -> None:
    """End a logarithmic y axis a factor below the lowest estimate: no interval that ends near 0 must stretch it."""
    axes.set_ylim(bottom=max(axes.get_ylim()[0], estimates.min() / factor))


def name_axes(panels: Sequence[Axes], across: int, *, x: str = "", y: str = "") -> None:
    """Name the x axis of the lowest panel of each column, with numbers, and the y axis of the first column."""
    for axes in panels[-across:] if x else ():
        axes.set_xlabel(x)
        axes.tick_params(labelbottom=True)
    for axes in panels[::across] if y else ():
        axes.set_ylabel(y)


def legend_below(figure: Figure, entries: Sequence[Line2D]) -> None:
    """Write one legend below the whole figure, in the given order row by row; the figure grows by its height."""
    rows = _legend_rows(entries, figure.get_figwidth())
    columns = math.ceil(len(entries) / rows)
    figure.set_figheight(figure.get_figheight() + scaled(_LEGEND_ROW * rows))
    # matplotlib fills a legend column by column.
    by_column = [entry for column in range(columns) for entry in entries[column::columns]]
    figure.legend(handles=by_column, loc="outside lower center", ncols=columns)


def room_above_legend(entries: Sequence[Line2D], width: Width) -> float:
    """Return the height that the legend leaves to the panels on a page."""
    return unscaled(PAGE_HEIGHT) - _LEGEND_ROW * _legend_rows(entries, WIDTHS[width])


def _legend_rows(entries: Sequence[Line2D], inches: float) -> int:
    longest = max(len(str(entry.get_label())) for entry in entries)
    fits = int((unscaled(inches) * 19) // (longest + 8))
    return math.ceil(len(entries) / max(1, fits))


def head(axes: Axes, title: str, results: str) -> None:
    """Write a panel's title, and below it the heading of the results at the right of its rows."""
    note_right(axes, -1, results)
    axes.set_title(title, pad=scaled(_TITLE_PAD))


def name_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows of a panel, the first at the top; long names break into lines."""
    figure = axes.get_figure(root=True)
    is_narrow = figure is not None and figure.get_figwidth() <= WIDTHS["one_column"]
    names = _in_lines(labels, "one_column" if is_narrow else "two_columns")
    axes.set_yticks(range(len(names)), names, linespacing=1.0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def height_of_rows(labels: Sequence[str], width: Width) -> float:
    """Return the inches that rows with these names need."""
    lines = max(name.count("\n") + 1 for name in _in_lines(labels, width))
    return len(labels) * (0.1 + 0.11 * lines)


def _in_lines(labels: Sequence[str], width: Width) -> list[str]:
    longest = 30 if width == "one_column" else 40
    return [textwrap.fill(label, longest, break_long_words=False, break_on_hyphens=False) for label in labels]


def note_right(axes: Axes, row: float, text: str) -> None:
    """Write a short result at the right of a row."""
    axes.annotate(text, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=scaled(6.5))


_ON_WHITE: dict[str, Any] = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
"""Where a curve would cross a text."""


def note_inside(axes: Axes, row: float, text: str, across: float | None = None) -> None:
    """Write into a row, on white so that no line crosses the text: at x = across, or in the middle of the panel."""
    x, system = (0.5, "axes fraction") if across is None else (across, "data")
    where = {"xycoords": (system, "data"), "ha": "center", "va": "center"}
    axes.annotate(text, (x, row), color=FAINT, fontsize=scaled(6.5), bbox=_ON_WHITE, **where)


def note_above(axes: Axes, y: float, text: str, *, at_right: bool = False) -> None:
    """Write a short name above a level, at the left of the panel or at its right; nothing if the level is outside."""
    x, inwards = (1, -2) if at_right else (0, 2)
    axes.annotate(text, (x, y), (scaled(inwards), scaled(1)), xycoords=("axes fraction", "data"), va="bottom",
                  ha="right" if at_right else "left", textcoords="offset points", fontsize=scaled(6),
                  annotation_clip=True, bbox=_ON_WHITE | {"alpha": 0.8}, zorder=5)  # fmt: skip


def name_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], inches: float) -> None:
    """Write the names of lines right of a panel: at the heights of their ends, or as near as they fit.

    Parameters
    ----------
    axes
        The panel, with its final limits.
    ends
        Height of the end, name and colour of each line.
    inches
        Height of the panel at the usual size of type.
    """
    low, high = axes.get_ylim()
    ends = sorted((min(max(y, low), high), name, colour) for y, name, colour in ends)
    names = [textwrap.fill(name, 24, break_on_hyphens=False) for _, name, _ in ends]
    heights = [(high - low) * _NAME_LINE * (name.count("\n") + 1) / inches for name in names]
    gaps = [0.0, *((one + other) / 2 for one, other in pairwise(heights))]
    places = [y for y, _, _ in ends]
    for at in range(1, len(places)):
        places[at] = max(places[at], places[at - 1] + gaps[at])
    places[-1] = min(places[-1], high)
    for at in reversed(range(len(places) - 1)):
        places[at] = min(places[at], places[at + 1] - gaps[at + 1])
    across = axes.get_yaxis_transform()
    for (y, _, colour), name, place in zip(ends, names, places, strict=True):
        axes.plot((1, 1.02), (y, place), color=colour, linewidth=1.0, transform=across, clip_on=False)
        axes.annotate(name, (1.025, place), xycoords=across, va="center", fontsize=scaled(6.5), linespacing=1.0)
    axes.set_ylim(low, high)


def broken(text: str, inches: float) -> str:
    """Break a label into lines of a width."""
    return textwrap.fill(text, round(16 * unscaled(inches)))  # letters per inch


def ticks_at(axes: Axes, values: ArrayLike) -> None:
    """Put x ticks at the measured values only."""
    axes.xaxis.set_major_locator(FixedLocator(np.asarray(values, np.float64).tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")


def few_ticks(count: int, *axes: Axis) -> None:
    """Put at most `count` intervals of round numbers between the ticks."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 5, 10]))


def log_ticks(*axes: Axis) -> None:
    """Label powers of ten on logarithmic axes, or round numbers if the axis spans less than two of them."""
    for axis in axes:
        low, high = axis.get_view_interval()
        if high < 100 * low:
            axis.set_major_locator(LogLocator(subs=(1.0, 3.0)) if high > 10 * low else MaxNLocator(2))
            axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def logarithmic_with_zero(axes: Axes, values: ArrayLike) -> None:
    """Make the x axis logarithmic from the smallest positive value on, and linear from there to 0."""
    found = np.asarray(values, np.float64)
    least = found[found > 0].min(initial=np.inf)
    threshold = 10.0 ** math.floor(math.log10(least)) if np.isfinite(least) else 1.0
    axes.set_xscale("symlog", linthresh=threshold, subs=range(2, 10))
    axes.xaxis.set_major_formatter("{x:g}")


def limit(panels: Sequence[Axes], limits: Limits) -> None:
    """End the axes of panels where a figure declares it."""
    for axes in panels:
        if axes.axison:
            axes.set(**{f"{axis}lim": ends for axis, ends in limits.declared.items()})


def share_limits(panels: Sequence[Axes], axis: Literal["x", "y"]) -> None:
    """Give panels the same limits: the smallest that include those of all."""
    limits = [axes.get_xlim() if axis == "x" else axes.get_ylim() for axes in panels]
    lows, highs = zip(*limits, strict=True)
    for axes in panels:
        axes.set(**{f"{axis}lim": (min(lows), max(highs))})


def plain_numbers(*axes: Axis) -> None:
    """Write the ticks of large numbers as 20k instead of 20000, with a minus sign below zero."""
    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda value, _: Formatter.fix_minus(in_thousands(value))))


def include(axes: Axes, *, x: Sequence[float] = (), y: Sequence[float] = ()) -> None:
    """Extend the range of a panel's axes as far as needed to include values."""
    if x:
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, *x), max(high, *x))
    if y:
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, *y), max(high, *y))
