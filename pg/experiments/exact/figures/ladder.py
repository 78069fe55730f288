"""Exact variance and bias of the lecture's estimators, one after the other."""

from __future__ import annotations

from typing import Any

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.plotting import layout, marks, style
from pg.plotting.text import listed, noted, number

_BATCH = "variant.batch"


def draw(request: FigureRequest[ExactExperiment]) -> Drawn:
    """Draw tr Cov and the relative bias next to each other: a pair of panels per environment and stage."""
    series, count, batch = request.series(shown=(_BATCH,)), len(request.environments), request.batch
    pairs = count if request.is_wide and count <= 2 else 1
    places, height = request.in_rows(pairs), 0.5 + 0.15 * len(series)
    how: dict[str, Any] = {"sharey": True, "width_ratios": [2, 1] * pairs}
    figure, panels = layout.panels(request.figure.width, [""] * 2 * len(places), 2 * pairs, height, margin=0.3, **how)
    for place, left, right in zip(places, panels[::2], panels[1::2], strict=True):
        variances, moments = request.of("total_variance", place, batch=batch)
        biases, means = request.of("relative_bias", place, batch=batch)
        ratios = request.rows("comparisons", place, comparison="ratio", over=series[0].variant, batch=batch)
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
    for axes, name in zip(panels[-2 * pairs :], (f"tr Cov (N = {batch})", "relative bias") * pairs, strict=True):
        axes.set_xlabel(name)
    sizes = request.experiment.sweep.get(_BATCH, ())
    smallest = f" (the smallest of {listed([str(size) for size in sizes])})" if sizes[1:] else ""
    return figure, (
        "Exact total variance (the trace of the covariance matrix) and exact bias of each gradient estimate, from "
        f"every possible batch of N = {batch} trajectories{smallest}, on {request.policies}. A dot is a "
        "policy; marks are geometric means of the variance and means of the bias, with 95 % intervals. At the right of "
        f"the variance: its ratio to {series[0].label} on the same policies. At the right of "
        "the bias: the mean of ‖E[ĝ] − ∇J‖ / ‖∇J‖, written 0 if it is rounding under every policy."
    )
