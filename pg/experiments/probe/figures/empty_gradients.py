"""Shares of batches without a gradient, and of batches in which all returns but at most one are equal."""

from __future__ import annotations

from dataclasses import replace

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import at_levels


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw both shares against N: a panel per environment and stage, a line per variant, a grey one for the returns."""
    series = request.series()
    # The returns are the same for all variants: the rows of the first are drawn.
    returns = [
        replace(
            one,
            label=at_levels("all returns but one alike", one.levels),
            look=replace(one.look, colour=style.FAINT, marker="d"),
        )
        for one in series
        if one.variant == request.drawn[0]
    ]
    figure, panels = request.panels(1.45, sharex=True, sharey=True, x="batch size N", y="share of batches")
    for place, axes in panels:
        for metric, lines in (("returns_alike", returns), ("empty", series)):
            rows = request.rows("summary", place, metric=metric).dropna(subset=["batch", "estimate"])
            marks.draw_curves(axes, lines, rows, "batch", dodge=True)
        axes.set_xscale("log", base=2)
        layout.ticks_at(axes, request.experiment.sample.batches)
    # All panels share this axis. Intervals of means may extend beyond 0 and 1.
    layout.include(panels[0][1], y=(-0.04, 1.04))
    layout.legend_below(figure, marks.legend_entries((*series, *returns)))
    return figure, (
        f"Shares of batches whose estimate is 0: {request.between(request.rows('summary', metric='empty'))}. Grey: "
        "batches in which all trajectories but at most one have the same return, so that a constant baseline weights "
        f"them alike. Means with 95 % intervals over {request.policies} per stage."
    )
