"""Draw rows of tables in a panel: a dot per seed, estimates with intervals, lines, bands.

Rows are drawn as they are. Nothing here computes an estimate or an interval: those come from the study's tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pg.plotting.layout import name_rows
from pg.plotting.style import Look
from pg.plotting.text import first_of, number

DODGE = 0.03
"""The largest part of x by which a mark may be shifted."""

ROUNDING = 1e-10
"""A difference of exact numbers below this is rounding and counts as 0."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one row of a figure: a variant, at one level if the experiment sweeps.

    Attributes
    ----------
    variant
        Declared name.
    levels
        Sweep path to value.
    label
        Name in the figure.
    look
        Colour, marker and dashes; series of one concept share its hue, and differ in shade, marker and dashes.
    """

    variant: str
    levels: Mapping[str, Any]
    label: str
    look: Look

    @property
    def key(self) -> str:
        """A name that is unique in the figure; labels need not be."""
        return ", ".join((self.variant, *(f"{path}={value}" for path, value in self.levels.items())))

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Select the rows of this series from a table with a column per sweep path."""
        return at_level(table.loc[table["variant"] == self.variant], self.levels)


def at_level(rows: pd.DataFrame, level: Mapping[str, Any]) -> pd.DataFrame:
    """Select the rows of a table whose columns hold the given values; None is an empty cell."""
    for name, value in level.items():
        column, wanted = rows[name], value
        if value is None:
            column, wanted = column.isna(), True
        elif isinstance(value, bool) or not isinstance(value, int | float):
            # Tables hold lists and mappings as JSON. pandas reads names that look like numbers as numbers.
            wanted = json.dumps(value) if isinstance(value, tuple | list | dict) else str(value)
            column = column.astype(str) if column.dtype.kind in "biuf" else column
        rows = rows.loc[column == wanted]
    return rows


def gathered(series: Sequence[Series], table: pd.DataFrame) -> pd.DataFrame:
    """Concatenate the rows of all series, with key, rank and colour of each in columns series, place and colour."""
    rows = [
        one.rows(table).assign(series=one.key, place=float(place), colour=one.look.colour)
        for place, one in enumerate(series)
    ]
    return pd.concat(rows, ignore_index=True)


def extremes(series: Sequence[Series], table: pd.DataFrame, *, lowest_first: bool = False) -> str:
    """Say which series of a table with a row per series are at its ends: "highest with to-go (9), lowest with …"."""
    rows = gathered(series, table).dropna(subset="estimate").sort_values("estimate", kind="stable")
    labels, named = {one.key: one.label for one in series}, dict[str, list[str]]()
    for value, key in zip(rows["estimate"], rows["series"], strict=True):
        named.setdefault(number(value), []).append(labels[key])
    found = [f"with {first_of(one)} ({value})" for value, one in named.items()]
    if len(found) < 2:
        return found[0] if found else "undefined"
    ends = [f"lowest {found[0]}", f"highest {found[-1]}"]
    return ", ".join(ends if lowest_first else reversed(ends))


def dodged(rows: pd.DataFrame, x: str) -> pd.DataFrame:
    """Shift gathered rows, in column shifted: x times a factor near 1 per series, so that bars at one x are apart."""
    first, last = rows["place"].min(), rows["place"].max()
    place = (rows["place"] - first) / (last - first) if last > first else 0.5
    return rows.assign(shifted=rows[x] * (1 + DODGE * (2 * place - 1)))


def as_marks(series: Sequence[Series]) -> dict[str, Any]:
    """Return keyword arguments of seaborn's `scatterplot`: colours and markers of gathered series."""
    markers = {one.key: one.look.marker for one in series}
    return {"hue": "series", "palette": _palette(series), "style": "series", "markers": markers, "legend": False}


def as_dots(series: Sequence[Series]) -> dict[str, Any]:
    """Return keyword arguments of seaborn's `scatterplot` for single seeds: colours of series, transparent."""
    return {"hue": "series", "palette": _palette(series), "legend": False, "alpha": 0.5, "linewidth": 0}


def as_lines(series: Sequence[Series]) -> dict[str, Any]:
    """Return keyword arguments of seaborn's `lineplot`: colours and dashes of gathered series, without statistics."""
    dashes = {one.key: one.look.dashes for one in series}
    return as_marks(series) | {"dashes": dashes, "markers": False, "estimator": None, "errorbar": None}


def _palette(series: Sequence[Series]) -> dict[str, str]:
    return {one.key: one.look.colour for one in series}


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


def seeds(axes: Axes, rows: pd.DataFrame, x: str, y: str, **how: Any) -> None:
    """Draw a thin line per seed."""
    line(axes, rows, x=x, y=y, units="seed", estimator=None, errorbar=None, **how)


@contextmanager
def _unchanged_names(axes: Axes) -> Iterator[None]:
    """Keep the axis labels. Seaborn sets missing ones after a layout of every tick, which is slow."""
    names = {"xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}
    axes.set(xlabel=" ", ylabel=" ")
    yield
    axes.set(**names)


def draw_dots(axes: Axes, rows: pd.DataFrame, series: Sequence[Series], spread: float = 0.2, **how: Any) -> None:
    """Draw gathered rows of a long table as a dot per seed, around the row of their series."""
    # One of three heights by seed: dots do not overlap, and a seed has the same height in every row.
    dots = rows.assign(height=rows["place"] + spread * (rows["seed"] % 3 - 1))
    scatter(axes, dots, x="value", y="height", **(as_dots(series) | how))


def draw_rows(
    axes: Axes,
    series: Sequence[Series],
    summary: pd.DataFrame,
    measured: pd.DataFrame | None = None,
    *,
    shift: float = 0.0,
    hollow: bool = False,
    **dots: Any,
) -> None:
    """Draw a row per series, with its name: mark and bar of a summary, and a dot for each row of a long table.

    With `shift`, two quantities fit in one row; `hollow` marks distinguish one of them.
    """
    if measured is not None:
        rows = gathered(series, measured)
        spread = 0.1 if shift else 0.2
        draw_dots(axes, rows.assign(place=rows["place"] + shift), series, spread, **dots)
    rows = gathered(series, summary).dropna(subset=["estimate"])
    rows, colours = rows.assign(place=rows["place"] + shift), rows["colour"].tolist()
    axes.hlines(rows["place"], *ends(rows), colors=colours, linewidth=1.6)
    scatter(axes, rows, x="estimate", y="place", s=20, linewidth=0.6, zorder=3, **as_marks(series))
    if hollow and colours:
        axes.collections[-1].set(facecolor="white", edgecolor=colours, linewidth=0.9)
    name_rows(axes, [one.label for one in series])
    axes.grid(visible=True, axis="x")


def draw_curves(
    axes: Axes, series: Sequence[Series], summary: pd.DataFrame, x: str, *, dodge: bool = False, joined: bool = True
) -> None:
    """Draw estimates against column x, each with a vertical bar; lines join them unless `joined` is False."""
    rows = gathered(series, summary)
    rows = dodged(rows, x) if dodge else rows.assign(shifted=rows[x])
    axes.vlines(rows["shifted"], *ends(rows), colors=rows["colour"].tolist(), linewidth=0.8)
    if joined:
        draw_lines(axes, rows, series, "shifted")
    else:
        scatter(axes, rows, x="shifted", y="estimate", s=12, linewidth=0.3, zorder=3, **as_marks(series))
    axes.grid(visible=True)


def draw_lines(axes: Axes, rows: pd.DataFrame, series: Sequence[Series], x: str) -> None:
    """Draw gathered estimates as a line per series, with a mark at each value of column x."""
    rows, edge = rows.dropna(subset=["estimate"]).sort_values(x), {"mew": 0.3, "mec": "white"}
    for one in series:
        own = rows.loc[rows["series"] == one.key]
        axes.plot(own[x], own["estimate"], marker=one.look.marker, markersize=4, linewidth=1, **edge, **one.look.line)


def draw_bands(axes: Axes, rows: pd.DataFrame, series: Sequence[Series], x: str, alpha: float) -> None:
    """Draw the intervals of gathered rows as a band per series along column x."""
    for one in series:
        band = rows.loc[rows["series"] == one.key]
        axes.fill_between(band[x], *ends(band), color=one.look.colour, alpha=alpha, linewidth=0)


def ends(rows: pd.DataFrame) -> tuple[Any, Any]:
    """Return the ends of intervals; infinite ones are NaN, which is not drawn."""
    found = rows[["ci_low", "ci_high"]].to_numpy(np.float64)
    low, high = np.where(np.isfinite(found), found, np.nan).T
    return low, high


def legend_entries(series: Sequence[Series], *, marked: bool = True, joined: bool = True) -> list[Line2D]:
    """List the series for a legend in their order, with the marks and lines that the figure draws."""
    entries: list[Line2D] = []
    for one in series:
        how: dict[str, Any] = one.look.line if joined else {"color": one.look.colour, "linestyle": ""}
        entries.append(Line2D([], [], marker=one.look.marker if marked else "", label=one.label, **how))
    return entries
