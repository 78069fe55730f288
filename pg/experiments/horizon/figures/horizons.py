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


_DIRECTIONS = {"random": "a random direction", "gradient": "the gradient's direction"}


def draw(request: FigureRequest[HorizonExperiment]) -> Drawn:
    """Draw the quantiles of log w against T, a panel per variant, and four metrics with a line per variant.

    Pooled experiments are below each other: those in a random direction, for example, and in that of the gradient.
    """
    parts = (request, *request.others)
    drawn = [(part, place, part.series()) for part in parts for place in part.places]
    headings = [
        f"{part.heading(place)}{f', {_DIRECTIONS[part.experiment.direction]}' if request.others else ''}"
        for part, place, _ in drawn
    ]
    counts = [(heading, len(series) + len(_LABELS)) for heading, (*_, series) in zip(headings, drawn, strict=True)]
    across = 3 if request.is_wide else 2
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.45, sharex=True, x="horizon T")
    for heading, (part, place, series), panels in zip(headings, drawn, blocks, strict=True):
        names = [*(f"log w, {one.label}" for one in series), *_LABELS.values()]
        inches = style.WIDTHS[request.figure.width] / across
        layout.name_panels(panels, heading, [layout.broken(name, inches) for name in names])
        for axes in panels:
            axes.set_xscale("log")
            layout.ticks_at(axes, part.experiment.horizons)
            axes.grid(visible=True)
        for axes, one in zip(panels, series, strict=False):
            _draw_quantiles(axes, one, [one.rows(part.rows("summary", place, metric=at)) for at in _QUANTILES])
        for axes, metric in zip(panels[len(series) :], _LABELS, strict=True):
            _draw_metric(axes, series, part.rows("summary", place, metric=metric))
    layout.share_limits([axes for panels in blocks for axes in panels[: -len(_LABELS)]], "y")
    for panels in zip(*(panels[-len(_LABELS) :] for panels in blocks), strict=True):
        layout.share_limits(panels, "y")
        layout.log_ticks(*(axes.yaxis for axes in panels))
    layout.legend_below(figure, marks.legend_entries(drawn[0][-1]))
    shares = request.rows("summary", metric="effective_share")
    direction = " and ".join(dict.fromkeys(_DIRECTIONS[part.experiment.direction] for part in parts))
    return figure, (
        f"Greatest effective share of N: {request.leaders(shares)}; least: {request.leaders(shares, lowest=True)}. w "
        f"corrects for a policy in {direction}, at KL divergence {request.experiment.kl:g} for every T. Bands: "
        f"25–75 % and 5–95 % of log w. Means (tr Cov: geometric), 95 % intervals over {request.policies}."
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
