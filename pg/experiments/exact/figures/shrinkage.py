"""The part of the true gradient that each estimator expects: 1, or 1 − 1/N if a trajectory enters its own baseline."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import FigureRequest, Place
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import listed

_STAIRS = {"color": style.FAINT, "linewidth": 0.9}
_FILLED = 0.75  # part of a stair that the marks of one N occupy

Request = FigureRequest[ExactExperiment]


def draw(request: Request) -> Figure:
    """Draw ⟨E[ĝ], ∇J⟩ / ‖∇J‖² against N, with 1 − 1/N as stairs: a panel per environment and stage."""
    series, across = request.series(shown=("variant.batch",)), request.panels_in_a_row()
    figure, panels = request.panels(across, 1.6, sharex=True, sharey=True)
    for place, axes in zip(request.places, panels, strict=True):
        _draw_panel(axes, _rows(request, place, series), series)
        axes.set_title(request.heading(place))
    # All panels share this axis. It shows 0: the height above it is what is left of the gradient.
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(0.0, low), max(1.08, high))
    kept = r"$\langle \mathrm{E}[\hat{g}], \nabla J \rangle \,/\, \|\nabla J\|^2$"
    layout.name_axes(panels, across, x="batch size N", y=kept)
    entries = [*marks.legend_entries(series, joined=False), Line2D([], [], label="1 − 1/N", **_STAIRS)]
    style.legend_below(figure, entries, request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    sizes = listed([f"{size:g}" for size in sorted(request.rows("long", metric="shrinkage")["batch"].unique())])
    return (
        "Part of the true gradient that an estimate has in expectation, ⟨E[ĝ], ∇J⟩ / ‖∇J‖², exact, from every possible "
        f"batch of N = {sizes} trajectories. Each mark is one of {request.policies}; at each N the variants are next "
        "to each other. The grey stairs are 1 − 1/N, the grey line above them is 1. Policies with ∇J = 0 are not drawn."
    )


def _draw_panel(axes: Axes, rows: pd.DataFrame, series: tuple[Series, ...]) -> None:
    sizes, edges = _stairs(rows)
    axes.stairs(1 - 1 / sizes, edges, baseline=None, zorder=1, **_STAIRS)
    axes.axhline(1, zorder=1, **_STAIRS)
    step = _FILLED * float(np.diff(np.log(edges)).min()) / len(series)
    shifted = marks.dodged(rows, "batch", step)
    marks.scatter(axes, shifted, x="shifted", y="kept", s=14, linewidth=0.3, zorder=3, **marks.as_marks(series))
    axes.set_xscale("log")
    layout.ticks_at(axes, sizes)
    axes.grid(visible=True, axis="y")


def _stairs(rows: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the batch sizes (K) and the edges of their stairs (K + 1), half-way between sizes on a log axis."""
    sizes = np.sort(rows["batch"].unique().astype(np.float64))
    between = np.sqrt(sizes[1:] * sizes[:-1])
    first, last = (between[0], between[-1]) if len(between) else (sizes[0] / 1.2, sizes[0] * 1.2)
    return sizes, np.array([sizes[0] ** 2 / first, *between, sizes[-1] ** 2 / last])


def _rows(request: Request, place: Place, series: tuple[Series, ...]) -> pd.DataFrame:
    rows = request.rows("long", **place.where, metric="shrinkage").dropna(subset=["value"])
    gathered = marks.gathered(series, rows)
    return gathered.assign(batch=gathered["batch"].astype(np.float64), kept=1 + gathered["value"])
