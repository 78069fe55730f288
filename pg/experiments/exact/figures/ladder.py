"""Exact variance and bias of the lecture's estimators, one after the other."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.comparisons import paired_ratio
from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import FigureRequest, Place
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import listed, noted, number

_BATCH = "variant.batch"

Request = FigureRequest[ExactExperiment]


def draw(request: Request) -> Figure:
    """Draw tr Cov and the relative bias next to each other: a pair of panels per environment and stage."""
    series, pairs = request.series(shown=(_BATCH,)), _pairs_in_a_row(request)
    # Pairs of two environments side by side: a row per stage.
    places = (
        sorted(request.places, key=lambda one: request.stages.index(one.stage)) if pairs > 1 else list(request.places)
    )
    down = len(places) // pairs
    figure = style.canvas(request.figure.width, 0.3 + down * (0.5 + 0.15 * len(series)))
    grid = figure.subplots(down, 2 * pairs, squeeze=False, sharey=True, width_ratios=[2, 1] * pairs)
    for place, left, right in zip(places, grid.flat[::2], grid.flat[1::2], strict=True):
        _draw_variance(left, request, place, series)
        _draw_bias(right, request, place, series)
        # The title is for both panels, and may extend above the second.
        layout.head(left, request.heading(place), "ratio")
        layout.head(right, "", "bias")
    for left, right in zip(grid[-1, ::2], grid[-1, 1::2], strict=True):
        left.set_xlabel(f"tr Cov (N = {request.batch})")
        right.set_xlabel("relative bias")
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    sizes = request.experiment.sweep.get(_BATCH, ())
    smallest = f" (the smallest of {listed([str(size) for size in sizes])})" if sizes[1:] else ""
    return (
        "Exact total variance (the trace of the covariance matrix) and exact bias of each gradient estimate, from "
        f"every possible batch of N = {request.batch} trajectories{smallest}, on {request.policies}. A dot is a "
        "policy; marks are geometric means of the variance and means of the bias, with 95 % intervals. At the right of "
        f"the variance: its ratio to {request.series(shown=(_BATCH,))[0].label} on the same policies. At the right of "
        "the bias: the mean of ‖E[ĝ] − ∇J‖ / ‖∇J‖, written 0 if it is rounding under every policy."
    )


def _draw_variance(axes: Axes, request: Request, place: Place, series: tuple[Series, ...]) -> None:
    measured = _draw_rows(axes, request, place, "total_variance", series)
    ratios = (paired_ratio(one.rows(measured), series[0].rows(measured)) for one in series)
    roomy = request.is_wide and len(request.environments) == 1
    for row, ratio in enumerate(ratios):
        if row == 0 or ratio is None:
            text = "1"
        else:
            text = noted(ratio.estimate, ratio.low, ratio.high) if roomy else number(ratio.estimate, 2)
        style.note_right(axes, row, text)
    axes.set_xscale("log")
    layout.log_ticks(axes, x=True)


def _draw_bias(axes: Axes, request: Request, place: Place, series: tuple[Series, ...]) -> None:
    measured = _draw_rows(axes, request, place, "relative_bias", series)
    means = _rows(request, place, "relative_bias", "summary")
    for row, one in enumerate(series):
        is_rounding = (one.rows(measured)["value"] < marks.ROUNDING).all()
        style.note_right(axes, row, "0" if is_rounding else number(one.rows(means)["estimate"].item(), 2))
    axes.axvline(0, **style.RULE)
    # Rounding must not fill the panel where every variant is unbiased.
    _, high = axes.get_xlim()
    high = 1.1 * high if high > marks.ROUNDING else 1.0
    axes.set_xlim(-0.08 * high, high)


def _draw_rows(axes: Axes, request: Request, place: Place, metric: str, series: tuple[Series, ...]) -> pd.DataFrame:
    """Draw the dots and intervals of a metric; return what the dots show."""
    measured = _rows(request, place, metric, "long")
    marks.draw_dots(axes, marks.gathered(series, measured), series, s=5)
    marks.draw_row_intervals(axes, _rows(request, place, metric, "summary"), series)
    style.name_rows(axes, [one.label for one in series], request.figure.width)
    axes.grid(visible=True, axis="x")
    return measured


def _rows(request: Request, place: Place, metric: str, table: str) -> pd.DataFrame:
    return request.rows(table, **place.where, metric=metric, batch=request.batch)


def _pairs_in_a_row(request: Request) -> int:
    count = len(request.environments)
    return count if request.is_wide and count <= 2 else 1
