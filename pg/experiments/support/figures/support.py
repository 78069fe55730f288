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
    across, room = len(environments), style.WIDTHS[request.figure.width] / len(environments)
    names = [name for name in _LABELS.values() for _ in environments]
    titles = [f"{request.environment_label(one)}\n{name}" for one, name in zip(environments, names, strict=False)]
    x = layout.broken("probability p that the proposal leaves to the action", room)
    titles += names[across:]
    figure, panels = layout.panels(request.figure.width, titles, across, 1.6, sharex=True, x=x, sharey="row")
    for axes, (metric, environment) in zip(panels, product(_LABELS, environments), strict=True):
        rows = request.rows("summary", environment=environment, metric=metric).dropna(subset=["estimate"])
        axes.set(xscale="log", yscale="log")
        # A logarithmic axis cannot show p = 0.
        marks.draw_curves(axes, series, rows[rows["left"] > 0], "left", dodge=True)
    for row in (panels[:across], panels[across:]):
        layout.log_ticks(row[0].yaxis)
    if len(series) > 1:
        layout.legend_below(figure, marks.legend_entries(series))
    variance = request.rows("summary", metric="total_variance")
    return figure, (
        f"The variance is {request.between(variance[variance['left'] > 0], 'p')}. Gradient of a random target policy "
        "from trajectories of a proposal that leaves probability p to one action, weighted by the ratio of their "
        f"probabilities; tr Cov exact, errors of batches of {request.batch_sizes()}. Geometric means with 95 % "
        f"intervals over {request.policies}."
    )
