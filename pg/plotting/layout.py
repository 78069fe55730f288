"""Grids of panels, their titles, axis labels and ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike

from pg.plotting.record import Width
from pg.plotting.style import canvas, note_right, scaled

_TITLE_PAD = 11  # points: room for a line of text between title and panel


def wrapped(
    width: Width, count: int, across: int, height: float, *, margin: float, **how: Any
) -> tuple[Figure, list[Axes]]:
    """Make a figure of `count` panels, `across` in a row of `height` inches, with `margin` inches for the whole."""
    down = math.ceil(count / across)
    figure = canvas(width, margin + down * height)
    grid = figure.subplots(down, across, squeeze=False, **how)
    return figure, used(list(grid.flat), count)


def used(panels: Sequence[Axes], count: int) -> list[Axes]:
    """Return the first `count` panels and blank the others."""
    for unused in panels[count:]:
        unused.set_axis_off()
    return list(panels[:count])


def name_axes(panels: Sequence[Axes], across: int, *, x: str = "", y: str = "") -> None:
    """Name the x axis of the lowest panel of each column, with numbers, and the y axis of the first column."""
    for axes in panels[-across:] if x else ():
        axes.set_xlabel(x)
        axes.tick_params(labelbottom=True)
    for axes in panels[::across] if y else ():
        axes.set_ylabel(y)


def head(axes: Axes, title: str, results: str) -> None:
    """Write a panel's title, and below it the heading of the results at the right of its rows."""
    note_right(axes, -1, results)
    axes.set_title(title, pad=scaled(_TITLE_PAD))


def ticks_at(axes: Axes, values: ArrayLike) -> None:
    """Put x ticks at the measured values only."""
    axes.xaxis.set_major_locator(FixedLocator(np.asarray(values, np.float64).tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")


def few_ticks(axes: Axes, count: int, *, x: bool = False, y: bool = False) -> None:
    """Put at most `count` intervals of round numbers between the ticks."""
    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 5, 10]))


def log_ticks(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Label powers of ten on logarithmic axes, or round numbers if the axis spans less than two of them."""
    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        low, high = axis.get_view_interval()
        if wanted and high < 100 * low:
            axis.set_major_locator(LogLocator(subs=(1.0, 3.0)) if high > 10 * low else MaxNLocator(2))
            axis.set_major_formatter("{x:g}")
        if wanted:
            axis.set_minor_formatter(NullFormatter())


def share_range(panels: Sequence[Axes]) -> None:
    """Give panels the same y range, so that their heights can be compared."""
    ends = [panel.get_ylim() for panel in panels]
    for panel in panels:
        panel.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))
