"""Shares of batches without a gradient, and of batches in which all returns but at most one are equal."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest, Place
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import at_levels

_DODGE = 0.04  # factor between neighbouring series, as a logarithm

Request = FigureRequest[ProbeExperiment]


def draw(request: Request) -> Figure:
    """Draw both shares against N: a panel per environment and stage, a line per variant, a grey one for the returns."""
    across = request.panels_in_a_row()
    figure, panels = request.panels(across, 1.45, sharex=True, sharey=True)
    for place, axes in zip(request.places, panels, strict=True):
        _draw_panel(axes, request, place)
    # All panels share this axis. Intervals of means may extend beyond 0 and 1.
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(-0.04, low), max(1.04, high))
    layout.name_axes(panels, across, x="batch size N", y="share of batches")
    entries = marks.legend_entries((*request.series(), *_returns(request)))
    style.legend_below(figure, entries, request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        "Share of batches of N trajectories with a gradient estimate of exactly 0, by variant. Grey: share of batches "
        "in which all trajectories but at most one have the same return, so that a constant baseline gives all but "
        f"that one the same weight; it is the same for all variants. Means over {request.policies} per stage, with "
        "95 % intervals."
    )


def _draw_panel(axes: Axes, request: Request, place: Place) -> None:
    for metric, series in (("returns_alike", _returns(request)), ("empty", request.series())):
        rows = request.rows("summary", **place.where, metric=metric).dropna(subset=["batch", "estimate"])
        shifted = marks.dodged(marks.gathered(series, rows), "batch", _DODGE)
        marks.draw_column_intervals(axes, shifted, series, "shifted")
    axes.set_xscale("log", base=2)
    layout.ticks_at(axes, request.experiment.sample.batches)
    axes.grid(visible=True)
    axes.set_title(request.heading(place))


def _returns(request: Request) -> tuple[Series, ...]:
    """Return the first variant's series in grey: the returns are the same for all variants."""
    return tuple(
        replace(
            one,
            label=at_levels("all returns but one alike", one.levels),
            look=replace(one.look, colour=style.FAINT, marker="d"),
        )
        for one in request.series()
        if one.variant == request.drawn[0]
    )
