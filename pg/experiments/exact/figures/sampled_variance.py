"""Variance in sampled batches against the variance that enumeration predicts: a mark per policy."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import FigureRequest, Place
from pg.plotting import layout, marks, style
from pg.plotting.series import Series

_PREDICTED, _MEASURED = "total_variance", "sampled_variance"
_TALLEST = 2.8  # inches; a single panel in a row need not be as tall as it could be wide

Request = FigureRequest[ExactExperiment]


def draw(request: Request) -> Figure:
    """Draw measured against predicted tr Cov with the diagonal: a square panel per environment and stage."""
    series, across = request.series(), request.panels_in_a_row()
    side = min(_TALLEST, style.unscaled(style.WIDTHS[request.figure.width]) / across)
    figure, panels = request.panels(across, side)
    for place, axes in zip(request.places, panels, strict=True):
        _draw_panel(axes, _pairs(request, place, series), series)
        axes.set_title(request.heading(place))
    measured = f"tr Cov in {request.experiment.sampled_batches:,} batches"
    layout.name_axes(panels, across, x="tr Cov by enumeration", y=measured)
    style.legend_below(figure, marks.legend_entries(series, joined=False), request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        "Total variance (the trace of the covariance matrix) of each gradient estimate: predicted from every possible "
        f"batch, and measured in {request.experiment.sampled_batches:,} sampled ones. Each mark is one of "
        f"{request.policies}; on the diagonal both are equal."
    )


def _draw_panel(axes: Axes, pairs: pd.DataFrame, series: tuple[Series, ...]) -> None:
    look = marks.as_marks(series)
    marks.scatter(axes, pairs, x=_PREDICTED, y=_MEASURED, s=12, linewidth=0.3, alpha=0.8, zorder=3, **look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    # One range for both axes: the diagonal runs from corner to corner.
    lows, highs = zip(axes.get_xlim(), axes.get_ylim(), strict=True)
    axes.set(xlim=(min(lows), max(highs)), ylim=(min(lows), max(highs)))
    axes.axline((1, 1), (10, 10), **style.RULE)
    layout.log_ticks(axes, x=True, y=True)
    axes.set_box_aspect(1)
    axes.grid(visible=True)


def _pairs(request: Request, place: Place, series: tuple[Series, ...]) -> pd.DataFrame:
    """Gather both variances of each policy as two columns."""
    predicted, measured = (
        request.rows("long", **place.where, metric=metric).drop(columns="metric").rename(columns={"value": metric})
        for metric in (_PREDICTED, _MEASURED)
    )
    keys = [column for column in predicted.columns if column != _PREDICTED]
    return marks.gathered(series, predicted.merge(measured, on=keys))
