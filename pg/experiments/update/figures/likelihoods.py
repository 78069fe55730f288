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
    titles = [title for place in request.places for title in (request.heading(place), "")]
    how: dict[str, Any] = {"sharex": "col", "sharey": True, "width_ratios": (3, 2)}
    figure, panels = layout.panels(request.figure.width, titles, 2, 0.3 + 0.22 * len(series), margin=0.3, **how)
    for shares, correlations, place in zip(panels[::2], panels[1::2], request.places, strict=True):
        for axes, metric, shift, is_hollow in (
            (shares, "rising_below_average", -0.17, True),
            (shares, "rising_above_average", 0.17, False),
            (correlations, "rank_correlation", 0.0, False),
        ):
            dots, means = (marks.gathered(series, rows) for rows in request.of(metric, place))
            dots, means = (rows.assign(place=rows["place"] + shift) for rows in (dots, means))
            marks.draw_dots(axes, dots, series, s=4, alpha=0.35)
            means = means.dropna(subset=["estimate"])
            if means.empty:
                continue
            colours = means["colour"].tolist()
            axes.hlines(means["place"], *marks.ends(means), colors=colours)
            marks.scatter(axes, means, x="estimate", y="place", s=16, zorder=3, **marks.as_marks(series))
            drawn = axes.collections[-1]
            drawn.set_edgecolor(colours)
            if is_hollow:
                drawn.set_facecolor("white")
        for axes, neutral in ((shares, 0.5), (correlations, 0.0)):
            axes.axvline(neutral, **style.RULE)
            axes.grid(visible=True, axis="x")
            axes.tick_params(axis="y", length=0)
        layout.include(shares, x=(-0.03, 1.03))
        layout.name_rows(shares, [one.label for one in series])
    for axes, name in zip(panels[-2:], ("share made likelier", "rank correlation"), strict=True):
        axes.set_xlabel(layout.broken(name, 1.2))
    mark: dict[str, Any] = {"marker": "o", "linestyle": "", "color": style.INK}
    below = Line2D([], [], label="below average", markerfacecolor="white", **mark)
    layout.legend_below(figure, [below, Line2D([], [], label="above average", **mark)])
    return figure, (
        f"What one update does to the likelihood p(τ) of trajectories, in {counted(experiment.updates, 'update')} from "
        f"each of {request.policies}. Left: the share of the batch's own trajectories that become likelier, of those "
        "that earned less than the batch's mean return and of those that earned more. Right: the rank correlation "
        f"(Spearman) of the change in log p(τ) with the return, over {experiment.fresh} trajectories that the update "
        "has not seen. Each dot is a policy; marks and bars are means with 95 % intervals. They are undefined where "
        "all trajectories of some policy earn the same."
    )
