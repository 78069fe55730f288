"""Draw rows of tables in a panel: a dot per seed, estimates with intervals, lines, bands.

Rows are drawn as they are. Nothing here computes an estimate or an interval: those come from the study's tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pg.plotting import style
from pg.plotting.series import Series

ROUNDING = 1e-10
"""A difference of exact numbers below this is rounding and counts as 0."""


def gathered(series: Sequence[Series], table: pd.DataFrame) -> pd.DataFrame:
    """Concatenate the rows of all series, with the key of each in column series and its rank in column place."""
    return pd.concat(
        [one.rows(table).assign(series=one.key, place=float(place)) for place, one in enumerate(series)],
        ignore_index=True,
    )


def colours(series: Sequence[Series]) -> dict[str, str]:
    """Return the colour of each series by its key."""
    return {one.key: one.look.colour for one in series}


def as_marks(series: Sequence[Series]) -> dict[str, Any]:
    """Return keyword arguments of seaborn's `scatterplot`: colours and markers of gathered series."""
    markers = {one.key: one.look.marker for one in series}
    return {"hue": "series", "palette": colours(series), "style": "series", "markers": markers, "legend": False}


def as_dots(series: Sequence[Series]) -> dict[str, Any]:
    """Return keyword arguments of seaborn's `scatterplot` for single seeds: colours of series, transparent."""
    return {"hue": "series", "palette": colours(series), "legend": False, "alpha": 0.5, "linewidth": 0}


def as_lines(series: Sequence[Series], *, marked: bool) -> dict[str, Any]:
    """Return keyword arguments of seaborn's `lineplot`: colours and dashes of gathered series, without statistics."""
    dashes = {one.key: one.look.dashes for one in series}
    lines = as_marks(series) | {"dashes": dashes, "estimator": None, "errorbar": None}
    return lines if marked else lines | {"markers": False}


def scatter(axes: Axes, rows: pd.DataFrame, **how: Any) -> None:
    """Draw rows as marks, with seaborn."""
    # Seaborn warns if a palette is given and not used.
    if not rows.empty:
        with _unchanged_names(axes):
            sns.scatterplot(rows, ax=axes, **how)


def line(axes: Axes, rows: pd.DataFrame, **how: Any) -> None:
    """Draw rows as lines, with seaborn."""
    if not rows.empty:
        with _unchanged_names(axes):
            sns.lineplot(rows, ax=axes, **how)


@contextmanager
def _unchanged_names(axes: Axes) -> Iterator[None]:
    """Keep the axis labels. Seaborn sets missing ones after a layout of every tick, which is slow."""
    names = {"xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    axes.set(xlabel=" ", ylabel=" ")
    yield
    axes.set(**names)


def draw_dots(axes: Axes, rows: pd.DataFrame, series: Sequence[Series], **how: Any) -> None:
    """Draw gathered rows of a long table as a dot per seed, around the row of their series."""
    # One of three heights by seed: dots do not overlap, and a seed has the same height in every row.
    dots = rows.assign(height=rows["place"] + 0.2 * (rows["seed"] % 3 - 1))
    scatter(axes, dots, x="value", y="height", **(as_dots(series) | how))


def draw_row_intervals(axes: Axes, summary: pd.DataFrame, series: Sequence[Series]) -> None:
    """Draw rows of a summary as mark and horizontal bar, a row per series."""
    rows = gathered(series, summary)
    axes.hlines(rows["place"], *ends(rows), colors=_colour_of_each(rows, series), linewidth=1.6)
    scatter(axes, rows, x="estimate", y="place", s=20, linewidth=0.6, zorder=3, **as_marks(series))


def draw_column_intervals(
    axes: Axes, rows: pd.DataFrame, series: Sequence[Series], x: str, *, joined: bool = True
) -> None:
    """Draw gathered rows of a summary as mark and vertical bar at column x, with or without lines between them."""
    axes.vlines(rows[x], *ends(rows), colors=_colour_of_each(rows, series), linewidth=0.8)
    if joined:
        draw_lines(axes, rows, series, x)
    else:
        scatter(axes, rows, x=x, y="estimate", s=12, linewidth=0.3, zorder=3, **as_marks(series))


def draw_lines(axes: Axes, rows: pd.DataFrame, series: Sequence[Series], x: str) -> None:
    """Draw gathered estimates as a line per series, with a mark at each value of column x."""
    lines = as_lines(series, marked=True)
    line(axes, rows, x=x, y="estimate", linewidth=1, markersize=3, markeredgewidth=0.3, **lines)


def draw_bands(axes: Axes, rows: pd.DataFrame, series: Sequence[Series], x: str, alpha: float) -> None:
    """Draw the intervals of gathered rows as a band per series along column x."""
    for one in series:
        band = rows.loc[rows["series"] == one.key]
        axes.fill_between(band[x], *ends(band), color=one.look.colour, alpha=alpha, linewidth=0)


def dodged(rows: pd.DataFrame, x: str, step: float) -> pd.DataFrame:
    """Add column shifted: column x times a factor per series, so that bars at the same x do not overlap."""
    middle = (rows["place"].min() + rows["place"].max()) / 2
    return rows.assign(shifted=rows[x] * np.exp(step * (rows["place"] - middle)))


def ends(rows: pd.DataFrame) -> tuple[Any, Any]:
    """Return the ends of intervals, infinite ones as NaN."""
    return style.finite(rows["ci_low"]), style.finite(rows["ci_high"])


def legend_entries(series: Sequence[Series], *, marked: bool = True, joined: bool = True) -> list[Line2D]:
    """List the series for a legend in their order, with the marks and lines that the figure draws."""
    entries: list[Line2D] = []
    for one in series:
        how: dict[str, Any] = one.look.line if joined else {"color": one.look.colour, "linestyle": ""}
        entries.append(Line2D([], [], marker=one.look.marker if marked else "", label=one.label, **how))
    return entries


def _colour_of_each(rows: pd.DataFrame, series: Sequence[Series]) -> list[str]:
    palette = colours(series)
    return [palette[key] for key in rows["series"]]
