"""Importance sampling against the probability that the proposal leaves to one action."""

from __future__ import annotations

from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest
from pg.experiments.support.record import SupportExperiment
from pg.plotting import marks, style
from pg.plotting.text import listed

_LABELS = {"total_variance": "tr Cov (return²)", "median_error": "median error / ‖∇J‖"}

Request = FigureRequest[SupportExperiment]


def draw(request: Request) -> Figure:
    """Draw exact total variance and median error against the probability left: a column per environment."""
    series, environments = request.series(), request.environments
    figure = style.canvas(request.figure.width, 3.2)
    grid = figure.subplots(len(_LABELS), len(environments), squeeze=False, sharex=True)
    for line, metric in zip(grid, _LABELS, strict=True):
        for axes, environment in zip(line, environments, strict=True):
            rows = request.rows("summary", environment=environment, metric=metric).dropna(subset=["estimate"])
            # A logarithmic axis cannot show p = 0.
            marks.draw_column_intervals(axes, marks.gathered(series, rows[rows["left"] > 0]), series, "left")
            axes.set_ylabel(_LABELS[metric])
            axes.set(xscale="log", yscale="log")
            axes.grid(visible=True)
    for axes, environment in zip(grid[0], environments, strict=True):
        axes.set_title(request.environment_label(environment))
    room = style.WIDTHS[request.figure.width] / len(environments)
    for axes in grid[-1]:
        axes.set_xlabel(style.broken("probability p that the proposal leaves to the action", room))
    figure.align_ylabels()
    if len(series) > 1:
        style.legend_below(figure, marks.legend_entries(series), request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    sizes = listed([f"{size:g}" for size in sorted(request.tables["long"]["batch"].dropna().unique())])
    return (
        "Gradient of a target policy from trajectories of a proposal that leaves probability p to one action, each "
        "trajectory weighted by the ratio of its probabilities. Above: total variance of the estimate, exact by "
        f"enumeration. Below: median error over sampled batches of {sizes} trajectories. Lines are geometric means "
        f"with 95 % intervals over {request.policies} (random targets). At p = 0 no weight can remove the bias: "
        "it is in the table."
    )
