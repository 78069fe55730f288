"""Changes of likelihood by one update: of its batch's trajectories, and of fresh trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pg.experiments.figures.request import FigureRequest
from pg.experiments.update.record import UpdateExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import counted


def draw(request: FigureRequest[UpdateExperiment]) -> Figure:
    """Draw shares that rise and the rank correlation: two panels per environment and stage, a row per variant."""
    series, places = request.series(), request.places
    figure = layout.canvas(request.figure.width, 0.3 + len(places) * (0.3 + 0.22 * len(series)))
    grid = figure.subplots(len(places), 2, squeeze=False, sharex="col", sharey=True, width_ratios=(3, 2))
    for (shares, correlations), place in zip(grid, places, strict=True):
        for axes, metric, shift, is_hollow in (
            (shares, "rising_below_average", -0.17, True),
            (shares, "rising_above_average", 0.17, False),
            (correlations, "rank_correlation", 0.0, False),
        ):
            dots, means = (marks.gathered(series, rows) for rows in request.of(metric, place))
            dots, means = (rows.assign(place=rows["place"] + shift) for rows in (dots, means))
            marks.draw_dots(axes, dots, series, s=4, alpha=0.35)
            _draw_means(axes, means.dropna(subset=["estimate"]), series, is_hollow=is_hollow)
        for axes, neutral in ((shares, 0.5), (correlations, 0.0)):
            axes.axvline(neutral, **style.RULE)
            axes.grid(visible=True, axis="x")
            axes.tick_params(axis="y", length=0)
        low, high = shares.get_xlim()
        shares.set_xlim(min(-0.03, low), max(1.03, high))
        layout.name_rows(shares, [one.label for one in series])
        shares.set_title(request.heading(place))
    for axes, name in zip(grid[-1], ("share made likelier", "rank correlation"), strict=True):
        axes.set_xlabel(layout.broken(name, 1.2))
    mark: dict[str, Any] = {"marker": "o", "linestyle": "", "color": style.INK}
    below = Line2D([], [], label="below average", markerfacecolor="white", **mark)
    layout.legend_below(figure, [below, Line2D([], [], label="above average", **mark)])
    return figure


def _draw_means(axes: Axes, means: pd.DataFrame, series: Sequence[Series], *, is_hollow: bool) -> None:
    if means.empty:
        return
    colours = means["series"].map(marks.colours(series)).tolist()
    axes.hlines(means["place"], *marks.ends(means), colors=colours)
    marks.scatter(axes, means, x="estimate", y="place", s=16, zorder=3, **marks.as_marks(series))
    drawn = axes.collections[-1]
    drawn.set_edgecolor(colours)
    if is_hollow:
        drawn.set_facecolor("white")


def caption(request: FigureRequest[UpdateExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    experiment = request.experiment
    return (
        f"What one update does to the likelihood p(τ) of trajectories, in {counted(experiment.updates, 'update')} from "
        f"each of {request.policies}. Left: the share of the batch's own trajectories that become likelier, of those "
        "that earned less than the batch's mean return and of those that earned more. Right: the rank correlation "
        f"(Spearman) of the change in log p(τ) with the return, over {experiment.fresh} trajectories that the update "
        "has not seen. Each dot is a policy; marks and bars are means with 95 % intervals. They are undefined where "
        "all trajectories of some policy earn the same."
    )
