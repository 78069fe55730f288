"""Bias and variance of gradient estimates against one swept option, such as the λ of advantage estimation."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from pg.core.signs import signed
from pg.experiments.figures.request import Drawn, FigureRequest, Place
from pg.experiments.probe.figures.references import noisy_references, of_another_length
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import option_in_words

_DASHED: dict[str, Any] = {"linewidth": 0.6, "linestyle": (0, (3, 3))}


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw bias and variance against the levels: a stack of two panels per environment and stage."""
    ((path, values),) = request.experiment.sweep.items()
    series, levels = request.series(shown=(path,)), sorted(values)
    option = "λ" if path.endswith(".lambda") else option_in_words(path)
    titles, names = [request.heading(place) for place in request.places], ("bias / ‖∇J‖", "tr Cov (return²)")
    figure, stacks = layout.stacks(request.figure.width, titles, names, request.panels_in_a_row(), 1.4, x=option)

    def positioned(place: Place, metric: str) -> pd.DataFrame:
        rows = marks.gathered(series, request.rows("summary", place, metric=metric, batch=request.batch))
        rank = rows[path].map({level: rank for rank, level in enumerate(levels)})
        return rows.assign(at=rank).sort_values("at")

    for place, (bias, variance) in zip(request.places, stacks, strict=True):
        marks.draw_curves(bias, series, positioned(place, "relative_bias"), "at")
        of_noise = positioned(place, "relative_bias_noise")
        for one in series:
            noise = one.rows(of_noise)
            bias.plot(noise["at"], noise["estimate"], color=one.look.colour, **_DASHED)
        variance.set_yscale("log")
        marks.draw_curves(variance, series, positioned(place, "total_variance"), "at")
        bias.set_xticks(range(len(levels)), [signed(level) for level in levels])
    biases, variances = zip(*stacks, strict=True)
    layout.include(biases[0], y=(0,))
    layout.share_limits(biases, "y")
    layout.share_limits(variances, "y")
    layout.few_ticks(5, *(axes.yaxis for axes in biases))
    layout.log_ticks(*(axes.yaxis for axes in variances))
    figure.align_ylabels()
    noise = Line2D([], [], color=style.FAINT, label="bias from noise alone", **_DASHED)
    layout.legend_below(figure, [*marks.legend_entries(series), noise])
    least = {
        metric: request.leaders(request.rows("summary", metric=metric, batch=request.batch), lowest=True)
        for metric in ("total_variance", "relative_bias")
    }
    lengths = of_another_length(request)
    misleads = f" Both mislead for {lengths}." if lengths else ""
    return figure, (
        f"Least variance: {least['total_variance']}; least bias: {least['relative_bias']}.{misleads} "
        "Bias ‖E[ĝ] − ∇J‖ / ‖∇J‖ "
        f"(means) and variance (geometric means) of batches of N = {request.batch} against {option}, equally spaced, "
        f"not to scale. Bars: 95 % intervals over {request.policies} per stage.{noisy_references(request)}"
    )
