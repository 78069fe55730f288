"""Exact variance and bias of the lecture's estimators, one after the other."""

from __future__ import annotations

from matplotlib.figure import Figure

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import FigureRequest
from pg.plotting import layout, marks, style
from pg.plotting.text import listed, noted, number

_BATCH = "variant.batch"


def draw(request: FigureRequest[ExactExperiment]) -> Figure:
    """Draw tr Cov and the relative bias next to each other: a pair of panels per environment and stage."""
    series, count = request.series(shown=(_BATCH,)), len(request.environments)
    pairs = count if request.is_wide and count <= 2 else 1
    places = request.in_rows(pairs)
    down = len(places) // pairs
    figure = layout.canvas(request.figure.width, 0.3 + down * (0.5 + 0.15 * len(series)))
    grid = figure.subplots(down, 2 * pairs, squeeze=False, sharey=True, width_ratios=[2, 1] * pairs)
    for place, left, right in zip(places, grid.flat[::2], grid.flat[1::2], strict=True):
        variances, moments = request.of("total_variance", place, batch=request.batch)
        biases, means = request.of("relative_bias", place, batch=request.batch)
        ratios = request.rows("comparisons", place, comparison="ratio", over=series[0].variant, batch=request.batch)
        marks.draw_rows(left, series, moments, variances, s=5)
        marks.draw_rows(right, series, means, biases, s=5)
        for row, one in enumerate(series):
            if row == 0:
                layout.note_right(left, row, "1")
            for estimate, low, high in one.rows(ratios)[["estimate", "ci_low", "ci_high"]].to_numpy():
                has_room = request.is_wide and count == 1
                layout.note_right(left, row, noted(estimate, low, high) if has_room else number(estimate, 2))
            is_rounding = (one.rows(biases)["value"] < marks.ROUNDING).all()
            layout.note_right(right, row, "0" if is_rounding else number(one.rows(means)["estimate"].item(), 2))
        left.set_xscale("log")
        layout.log_ticks(left.xaxis)
        right.axvline(0, **style.RULE)
        # Rounding must not fill the panel where every variant is unbiased.
        _, high = right.get_xlim()
        high = 1.1 * high if high > marks.ROUNDING else 1.0
        right.set_xlim(-0.08 * high, high)
        # The title is for both panels, and may extend above the second.
        layout.head(left, request.heading(place), "ratio")
        layout.head(right, "", "bias")
    for left, right in zip(grid[-1, ::2], grid[-1, 1::2], strict=True):
        left.set_xlabel(f"tr Cov (N = {request.batch})")
        right.set_xlabel("relative bias")
    return figure


def caption(request: FigureRequest[ExactExperiment]) -> str:
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
