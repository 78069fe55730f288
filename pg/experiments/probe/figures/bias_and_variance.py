"""Bias and variance of gradient estimates against one swept option, such as the λ of advantage estimation."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from pg.core.signs import signed
from pg.experiments.figures.request import Drawn, FigureRequest, Place
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import option_in_words

_DASHED: dict[str, Any] = {"linewidth": 0.6, "linestyle": (0, (3, 3))}
_DODGE = 0.12  # of the distance between neighbouring levels


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw bias above and variance below against the levels: a column per environment and stage, a line per variant."""
    places, across = request.places, request.panels_in_a_row()
    ((path, values),) = request.experiment.sweep.items()
    series, levels = request.series(shown=(path,)), sorted(values)
    option = "λ" if path.endswith(".lambda") else option_in_words(path)
    lines = [places[start : start + across] for start in range(0, len(places), across)]
    figure = layout.canvas(request.figure.width, 0.3 + 2.6 * len(lines))
    grid = figure.subplots(2 * len(lines), across, squeeze=False, sharex=True)

    def positioned(place: Place, metric: str) -> pd.DataFrame:
        rows = marks.gathered(series, request.rows("summary", place, metric=metric, batch=request.batch))
        shift = _DODGE * (rows["place"] - (len(series) - 1) / 2)
        at = rows[path].map({level: rank for rank, level in enumerate(levels)}) + shift
        return rows.assign(at=at).sort_values("at")

    for line, biases, variances in zip(lines, grid[::2], grid[1::2], strict=True):
        above, below = (layout.used(panels, len(line)) for panels in (biases, variances))
        for place, bias, variance in zip(line, above, below, strict=True):
            marks.draw_curves(bias, series, positioned(place, "relative_bias"), "at")
            noise = positioned(place, "relative_bias_noise")
            for one in series:
                own = one.rows(noise)
                bias.plot(own["at"], own["estimate"], color=one.look.colour, **_DASHED)
            bias.set_ylim(bottom=0)
            layout.few_ticks(4, bias.yaxis)
            bias.set_title(request.heading(place))
            variance.set_yscale("log")
            marks.draw_curves(variance, series, positioned(place, "total_variance"), "at")
            layout.log_ticks(variance.yaxis)
            for axes in (bias, variance):
                axes.set_xticks(range(len(levels)), [signed(level) for level in levels])
        biases[0].set_ylabel("bias over ‖∇J‖")
        variances[0].set_ylabel("tr Cov")
    layout.name_axes([*grid[1::2].flat][: len(places)], across, x=option)
    figure.align_ylabels()
    noise = Line2D([], [], color=style.FAINT, label="bias from noise alone", **_DASHED)
    layout.legend_below(figure, [*marks.legend_entries(series), noise])
    return figure, (
        "Bias ‖E[ĝ] − ∇J‖ / ‖∇J‖ (means) and total variance (geometric means) of gradient estimates in batches of "
        f"N = {request.batch}, against {option}; its values are equally spaced, not to scale. Bars are 95 % "
        f"intervals over {request.policies} per stage, on the same trajectories at all values. Dashed: the bias that "
        "sampling noise alone would show."
    )
