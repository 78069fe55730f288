"""Bias and variance of gradient estimates against one swept option, such as the λ of advantage estimation."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator

from pg.core.signs import signed
from pg.experiments.figures.request import FigureRequest, Place
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import option_in_words

_LABELS = {"relative_bias": "bias over ‖∇J‖", "total_variance": "tr Cov"}
_DASHED: dict[str, Any] = {"linewidth": 0.6, "linestyle": (0, (3, 3))}
_DODGE = 0.12  # of the distance between neighbouring levels

Request = FigureRequest[ProbeExperiment]


def draw(request: Request) -> Figure:
    """Draw bias above and variance below against the levels: a column per environment and stage, a line per variant."""
    places, across = request.places, request.panels_in_a_row()
    (path,) = request.experiment.sweep
    series = request.series(shown=(path,))
    lines = [places[start : start + across] for start in range(0, len(places), across)]
    figure = style.canvas(request.figure.width, 0.3 + 2.6 * len(lines))
    grid = figure.subplots(2 * len(lines), across, squeeze=False, sharex=True)
    for start, line in zip(range(0, len(grid), 2), lines, strict=True):
        for row, metric in enumerate(_LABELS):
            for axes, place in zip(layout.used(grid[start + row], len(line)), line, strict=True):
                _draw_panel(axes, request, place, metric, series)
                if metric == "relative_bias":
                    axes.set_title(request.heading(place))
            grid[start + row, 0].set_ylabel(_LABELS[metric])
    lower = [axes for row in grid[1::2] for axes in row][: len(places)]
    layout.name_axes(lower, across, x=_option(path))
    figure.align_ylabels()
    noise = Line2D([], [], color=style.FAINT, label="bias from noise alone", **_DASHED)
    style.legend_below(figure, [*marks.legend_entries(series), noise], request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    (path,) = request.experiment.sweep
    return (
        "Bias ‖E[ĝ] − ∇J‖ / ‖∇J‖ (means) and total variance (geometric means) of gradient estimates in batches of "
        f"N = {request.batch}, against {_option(path)}; its values are equally spaced, not to scale. Bars are 95 % "
        f"intervals over {request.policies} per stage, on the same trajectories at all values. Dashed: the bias that "
        "sampling noise alone would show."
    )


def _draw_panel(axes: Axes, request: Request, place: Place, metric: str, series: tuple[Series, ...]) -> None:
    (path,) = request.experiment.sweep
    levels = sorted(map(float, request.experiment.sweep[path]))
    if metric == "total_variance":
        axes.set_yscale("log")
    marks.draw_column_intervals(axes, _placed(request, place, metric, series), series, "shifted")
    if metric == "relative_bias":
        noise = _placed(request, place, "relative_bias_noise", series)
        for one in series:
            own = noise[noise["series"] == one.key]
            axes.plot(own["shifted"], own["estimate"], color=one.look.colour, **_DASHED)
        axes.set_ylim(bottom=0)
        layout.few_ticks(axes, 4, y=True)
    else:
        layout.log_ticks(axes, y=True)
    axes.xaxis.set_major_locator(FixedLocator(list(range(len(levels)))))
    axes.xaxis.set_major_formatter(FixedFormatter([signed(level) for level in levels]))
    axes.grid(visible=True)


def _placed(request: Request, place: Place, metric: str, series: tuple[Series, ...]) -> pd.DataFrame:
    """Gather the rows of a metric, with their position on the x axis in column shifted."""
    (path,) = request.experiment.sweep
    rows = marks.gathered(series, request.rows("summary", **place.where, metric=metric, batch=request.batch))
    ranks = {level: rank for rank, level in enumerate(sorted(request.experiment.sweep[path]))}
    shift = _DODGE * (rows["place"] - (len(series) - 1) / 2)
    return rows.assign(shifted=rows[path].map(ranks) + shift).sort_values("shifted")


def _option(path: str) -> str:
    name = option_in_words(path)
    return "λ" if name == "lambda" else name
