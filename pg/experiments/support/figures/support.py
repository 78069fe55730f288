"""Importance sampling against the probability that the proposal leaves to one action."""

from __future__ import annotations

from itertools import product

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.support.record import SupportExperiment
from pg.plotting import layout, marks, style

_LABELS = {"total_variance": "tr Cov (return²)", "median_error": "median error / ‖∇J‖"}


def draw(request: FigureRequest[SupportExperiment]) -> Drawn:
    """Draw exact total variance and median error against the probability left: a column per environment."""
    series, environments = request.series(), request.environments
    titles, across = [request.environment_label(name) for name in environments], len(environments)
    titles += [""] * across
    room = style.WIDTHS[request.figure.width] / across
    x = layout.broken("probability p that the proposal leaves to the action", room)
    figure, panels = layout.panels(request.figure.width, titles, across, 1.6, margin=0, sharex=True, x=x)
    for axes, (metric, environment) in zip(panels, product(_LABELS, environments), strict=True):
        rows = request.rows("summary", environment=environment, metric=metric).dropna(subset=["estimate"])
        # A logarithmic axis cannot show p = 0.
        marks.draw_curves(axes, series, rows[rows["left"] > 0], "left")
        axes.set(xscale="log", yscale="log", ylabel=_LABELS[metric])
    figure.align_ylabels()
    if len(series) > 1:
        layout.legend_below(figure, marks.legend_entries(series))
    return figure, (
        "Gradient of a target policy from trajectories of a proposal that leaves probability p to one action, each "
        "trajectory weighted by the ratio of its probabilities. Above: total variance of the estimate, exact by "
        f"enumeration. Below: median error over sampled batches of {request.batch_sizes()} trajectories. Lines are "
        f"geometric means with 95 % intervals over {request.policies} (random targets). At p = 0 no weight can remove "
        "the bias: it is in the table."
    )
