"""Variance in sampled batches against the variance that enumeration predicts: a mark per policy."""

from __future__ import annotations

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.plotting import layout, marks, style

_TALLEST = 2.8  # inches; a single panel in a row need not be as tall as it could be wide


def draw(request: FigureRequest[ExactExperiment]) -> Drawn:
    """Draw measured against predicted tr Cov with the diagonal: a square panel per environment and stage."""
    series, sampled = request.series(), f"{request.experiment.sampled_batches:,}"
    side = min(_TALLEST, style.unscaled(style.WIDTHS[request.figure.width]) / request.panels_in_a_row())
    figure, panels = request.panels(side, x="tr Cov by enumeration", y=f"tr Cov in {sampled} batches")
    for place, axes in panels:
        rows = marks.gathered(series, request.rows("long", place))
        pairs = rows.pivot(index=["place", "series", "seed"], columns="metric", values="value").reset_index()
        look = {"s": 12, "linewidth": 0.3, "alpha": 0.8, "zorder": 3, **marks.as_marks(series)}
        marks.scatter(axes, pairs, x="total_variance", y="sampled_variance", **look)
        axes.set(xscale="log", yscale="log")
        # One range for both axes: the diagonal runs from corner to corner.
        lows, highs = zip(axes.get_xlim(), axes.get_ylim(), strict=True)
        axes.set(xlim=(min(lows), max(highs)), ylim=(min(lows), max(highs)))
        axes.axline((1, 1), (10, 10), **style.RULE)
        layout.log_ticks(axes.xaxis, axes.yaxis)
        axes.set_box_aspect(1)
        axes.grid(visible=True)
    layout.legend_below(figure, marks.legend_entries(series, joined=False))
    return figure, (
        "Total variance (the trace of the covariance matrix) of each gradient estimate: predicted from every possible "
        f"batch, and measured in {sampled} sampled ones. Each mark is one of {request.policies}; on the diagonal both "
        "are equal."
    )
