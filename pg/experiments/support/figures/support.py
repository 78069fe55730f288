"""Importance sampling against the probability that the proposal leaves to one action."""

from __future__ import annotations

from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest
from pg.experiments.support.record import SupportExperiment
from pg.plotting import layout, marks, style

_LABELS = {"total_variance": "tr Cov (return²)", "median_error": "median error / ‖∇J‖"}


def draw(request: FigureRequest[SupportExperiment]) -> Figure:
    """Draw exact total variance and median error against the probability left: a column per environment."""
    series, environments = request.series(), request.environments
    figure = layout.canvas(request.figure.width, 3.2)
    grid = figure.subplots(len(_LABELS), len(environments), squeeze=False, sharex=True)
    room = style.WIDTHS[request.figure.width] / len(environments)
    for column, environment in zip(grid.T, environments, strict=True):
        for axes, (metric, label) in zip(column, _LABELS.items(), strict=True):
            rows = request.rows("summary", environment=environment, metric=metric).dropna(subset=["estimate"])
            # A logarithmic axis cannot show p = 0.
            marks.draw_curves(axes, series, rows[rows["left"] > 0], "left")
            axes.set(xscale="log", yscale="log", ylabel=label)
        column[0].set_title(request.environment_label(environment))
        column[-1].set_xlabel(layout.broken("probability p that the proposal leaves to the action", room))
    figure.align_ylabels()
    if len(series) > 1:
        layout.legend_below(figure, marks.legend_entries(series))
    return figure


def caption(request: FigureRequest[SupportExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        "Gradient of a target policy from trajectories of a proposal that leaves probability p to one action, each "
        "trajectory weighted by the ratio of its probabilities. Above: total variance of the estimate, exact by "
        f"enumeration. Below: median error over sampled batches of {request.batch_sizes()} trajectories. Lines are "
        f"geometric means with 95 % intervals over {request.policies} (random targets). At p = 0 no weight can remove "
        "the bias: it is in the table."
    )
