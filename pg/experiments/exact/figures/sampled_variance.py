"""Variance in sampled batches against the variance that enumeration predicts: a mark per policy."""

from __future__ import annotations

from matplotlib.figure import Figure

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import FigureRequest
from pg.plotting import layout, marks, style

_TALLEST = 2.8  # inches; a single panel in a row need not be as tall as it could be wide


def draw(request: FigureRequest[ExactExperiment]) -> Figure:
    """Draw measured against predicted tr Cov with the diagonal: a square panel per environment and stage."""
    series = request.series()
    side = min(_TALLEST, style.unscaled(style.WIDTHS[request.figure.width]) / request.panels_in_a_row())
    measured = f"tr Cov in {request.experiment.sampled_batches:,} batches"
    figure, panels = request.panels(side, x="tr Cov by enumeration", y=measured)
    for place, axes in panels:
        rows = marks.gathered(series, request.rows("long", place))
        pairs = rows.pivot(index=["place", "series", "seed"], columns="metric", values="value").reset_index()
        look = marks.as_marks(series)
        marks.scatter(
            axes, pairs, x="total_variance", y="sampled_variance", s=12, linewidth=0.3, alpha=0.8, zorder=3, **look
        )
        axes.set(xscale="log", yscale="log")
        # One range for both axes: the diagonal runs from corner to corner.
        lows, highs = zip(axes.get_xlim(), axes.get_ylim(), strict=True)
        axes.set(xlim=(min(lows), max(highs)), ylim=(min(lows), max(highs)))
        axes.axline((1, 1), (10, 10), **style.RULE)
        layout.log_ticks(axes.xaxis, axes.yaxis)
        axes.set_box_aspect(1)
        axes.grid(visible=True)
    layout.legend_below(figure, marks.legend_entries(series, joined=False))
    return figure


def caption(request: FigureRequest[ExactExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        "Total variance (the trace of the covariance matrix) of each gradient estimate: predicted from every possible "
        f"batch, and measured in {request.experiment.sampled_batches:,} sampled ones. Each mark is one of "
        f"{request.policies}; on the diagonal both are equal."
    )
