"""Bias and variance of gradient estimates against one swept option, such as the λ of advantage estimation."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pg.core.signs import signed
from pg.experiments.figures.request import FigureRequest, Place
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import option_in_words

_DASHED: dict[str, Any] = {"linewidth": 0.6, "linestyle": (0, (3, 3))}
_DODGE = 0.12  # of the distance between neighbouring levels


def draw(request: FigureRequest[ProbeExperiment]) -> Figure:
    """Draw bias above and variance below against the levels: a column per environment and stage, a line per variant."""
    places, across = request.places, request.panels_in_a_row()
    (path,) = request.experiment.sweep
    series, levels = request.series(shown=(path,)), sorted(request.experiment.sweep[path])
    lines = [places[start : start + across] for start in range(0, len(places), across)]
    figure = layout.canvas(request.figure.width, 0.3 + 2.6 * len(lines))
    grid = figure.subplots(2 * len(lines), across, squeeze=False, sharex=True)

    def positioned(place: Place, metric: str) -> pd.DataFrame:
        rows = marks.gathered(series, request.rows("summary", place, metric=metric, batch=request.batch))
        shift = _DODGE * (rows["place"] - (len(series) - 1) / 2)
        at = rows[path].map({level: rank for rank, level in enumerate(levels)}) + shift
        return rows.assign(at=at).sort_values("at")

    for line, biases, variances in zip(lines, grid[::2], grid[1::2], strict=True):
        for place, axes in zip(line, layout.used(biases, len(line)), strict=True):
            marks.draw_curves(axes, series, positioned(place, "relative_bias"), "at")
            noise = positioned(place, "relative_bias_noise")
            for one in series:
                own = one.rows(noise)
                axes.plot(own["at"], own["estimate"], color=one.look.colour, **_DASHED)
            axes.set_ylim(bottom=0)
            layout.few_ticks(4, axes.yaxis)
            axes.set_title(request.heading(place))
        for place, axes in zip(line, layout.used(variances, len(line)), strict=True):
            axes.set_yscale("log")
            marks.draw_curves(axes, series, positioned(place, "total_variance"), "at")
            layout.log_ticks(axes.yaxis)
        for axes in (*biases[: len(line)], *variances[: len(line)]):
            axes.set_xticks(range(len(levels)), [signed(level) for level in levels])
        biases[0].set_ylabel("bias over ‖∇J‖")
        variances[0].set_ylabel("tr Cov")
    layout.name_axes([*grid[1::2].flat][: len(places)], across, x=_option(path))
    figure.align_ylabels()
    noise = Line2D([], [], color=style.FAINT, label="bias from noise alone", **_DASHED)
    layout.legend_below(figure, [*marks.legend_entries(series), noise])
    return figure


def caption(request: FigureRequest[ProbeExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    (path,) = request.experiment.sweep
    return (
        "Bias ‖E[ĝ] − ∇J‖ / ‖∇J‖ (means) and total variance (geometric means) of gradient estimates in batches of "
        f"N = {request.batch}, against {_option(path)}; its values are equally spaced, not to scale. Bars are 95 % "
        f"intervals over {request.policies} per stage, on the same trajectories at all values. Dashed: the bias that "
        "sampling noise alone would show."
    )


def _option(path: str) -> str:
    name = option_in_words(path)
    return "λ" if name == "lambda" else name
