"""Changes of likelihood by one update: of its batch's trajectories, and of fresh trajectories."""

from __future__ import annotations

from typing import Any

from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.update.record import UpdateExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted


def draw(request: FigureRequest[UpdateExperiment]) -> Drawn:
    """Draw shares that rise and the rank correlation: two panels per environment and stage, a row per variant."""
    series, experiment = request.series(), request.experiment
    titles = [
        title
        for place in request.places
        for title in (f"{request.heading(place)}\nshare made likelier", "rank correlation")
    ]
    how: dict[str, Any] = {"sharex": "col", "sharey": True, "width_ratios": (3, 2)}
    # In one column the titles have a line more.
    margin, height = 0.1 if request.is_wide else 0.3, 0.45 + 0.26 * len(series)
    figure, panels = layout.panels(request.figure.width, titles, 2, height, margin=margin, **how)
    for shares, correlations, place in zip(panels[::2], panels[1::2], request.places, strict=True):
        for axes, metric, how in (
            (shares, "rising_below_average", {"shift": -0.17, "hollow": True}),
            (shares, "rising_above_average", {"shift": 0.17}),
            (correlations, "rank_correlation", {}),
        ):
            measured, summary = request.of(metric, place)
            marks.draw_rows(axes, series, summary, measured, s=4, alpha=0.35, **how)
        shares.axvline(0.5, **style.RULE)
        correlations.axvline(0, **style.RULE)
        layout.include(shares, x=(-0.03, 1.03))
    mark: dict[str, Any] = {"marker": "o", "linestyle": "", "color": style.INK}
    below = Line2D([], [], label="trajectories below average", markerfacecolor="white", **mark)
    layout.legend_below(figure, [below, Line2D([], [], label="above average", **mark)])
    above = request.rows("summary", metric="rising_above_average")
    return figure, (
        f"Of trajectories above average, one update makes {request.between(above)} likelier (left, of its own batch). "
        f"Right: rank correlation of the change in log p(τ) with the return of {experiment.fresh} new trajectories. "
        f"Dots are {request.policies} after {counted(experiment.updates, 'update')} each; bars are means with 95 % "
        "intervals."
    )
