"""Importance weights against the length of trajectories, at a policy change of fixed size."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.horizon.record import HorizonExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series

_QUANTILES = tuple(f"log_weight_q{at}" for at in ("05", "25", "50", "75", "95"))
_LABELS = {
    "effective_share": "effective share of N",
    "log_weight_variance": "variance of log w",
    "largest_weight": "largest w",
    "total_variance": "tr Cov (return²)",
}


def draw(request: FigureRequest[HorizonExperiment]) -> Drawn:
    """Draw the quantiles of log w against T, a panel per variant, and four metrics with a line per variant."""
    series, experiment = request.series(), request.experiment
    names = [*(f"log w, {one.label}" for one in series), *_LABELS.values()]
    counts = [(request.heading(place), len(names)) for place in request.places]
    across = 3 if request.is_wide else 2
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.45, sharex=True, x="horizon T")
    names = [layout.broken(name, style.WIDTHS[request.figure.width] / across) for name in names]
    for place, panels in zip(request.places, blocks, strict=True):
        layout.name_panels(panels, request.heading(place), names)
        for axes in panels:
            axes.set_xscale("log")
            layout.ticks_at(axes, experiment.horizons)
            axes.grid(visible=True)
        for axes, one in zip(panels, series, strict=False):
            _draw_quantiles(axes, one, [one.rows(request.rows("summary", place, metric=at)) for at in _QUANTILES])
        for axes, metric in zip(panels[len(series) :], _LABELS, strict=True):
            _draw_metric(axes, series, request.rows("summary", place, metric=metric))
    layout.share_limits([axes for panels in blocks for axes in panels[: len(series)]], "y")
    for panels in zip(*(panels[len(series) :] for panels in blocks), strict=True):
        layout.share_limits(panels, "y")
        layout.log_ticks(*(axes.yaxis for axes in panels))
    layout.legend_below(figure, marks.legend_entries(series))
    shares = request.rows("summary", metric="effective_share")
    direction = "a random direction" if experiment.direction == "random" else "the gradient's direction"
    return figure, (
        f"The effective share of N is {request.between(shares)}. w weights {experiment.trajectories} trajectories of "
        f"θ for a θ' in {direction}, at E[KL(π_θ'‖π_θ)] = {experiment.kl:g} for every T. Bands: 25–75 % and "
        f"5–95 % of log w. Means, of tr Cov geometric, with 95 % intervals over {request.policies}."
    )


def _draw_quantiles(axes: Axes, one: Series, quantiles: Sequence[pd.DataFrame]) -> None:
    lowest, low, middle, high, highest = (rows["estimate"] for rows in quantiles)
    at, colour = quantiles[0]["horizon"], one.look.colour
    axes.fill_between(at, lowest, highest, color=colour, alpha=0.18, linewidth=0)
    axes.fill_between(at, low, high, color=colour, alpha=0.32, linewidth=0)
    axes.plot(at, middle, marker=one.look.marker, markersize=4, linewidth=1, **one.look.line)


def _draw_metric(axes: Axes, series: Sequence[Series], rows: pd.DataFrame) -> None:
    # Values of 0, as the variance of weights that are all 1, have no place on a logarithmic axis.
    rows = rows[rows["estimate"] > 0]
    axes.set_yscale("log")
    if not rows.empty:
        marks.draw_curves(axes, series, rows, "horizon", dodge=True)
        layout.keep_near(axes, rows["estimate"])
