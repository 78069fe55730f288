"""Cosine to the true gradient, and signal to noise, against the batch size."""

from __future__ import annotations

from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest, Place
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series

_LABELS = {"cosine": "cosine to ∇J", "snr": "signal to noise"}
_DODGE = 0.09  # factor between neighbouring series, as a logarithm

Request = FigureRequest[ProbeExperiment]


def draw(request: Request) -> Figure:
    """Draw the mean cosine and the mean signal-to-noise ratio against N: a line per variant."""
    series, panels = request.series(), _panels(request)
    figure = style.canvas(request.figure.width, 0.35 + 1.25 * len(panels))
    grid = figure.subplots(len(panels), len(panels[0]), squeeze=False, sharex=True)
    for axes, (place, metric) in zip(grid.flat, (panel for row in panels for panel in row), strict=True):
        _draw_panel(axes, request, place, metric, series)
        if metric == "cosine":
            # The title is for both metrics, and may extend above the second panel.
            axes.set_title(f"{request.environment_label(place.environment)}, {place.stage}")
    for axes in grid[-1]:
        axes.set_xlabel("batch size N")
    figure.align_ylabels()
    style.legend_below(figure, marks.legend_entries(series), request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        "Mean cosine between a gradient estimate and the true gradient ∇J, and mean signal-to-noise ratio "
        "‖∇J‖² / tr Cov, against the number of trajectories N per batch; bars are 95 % intervals over "
        f"{request.policies} per stage, the same for all variants. ‖∇J‖² is estimated without bias, so that a ratio "
        "can be negative. Where the reference for ∇J is noisy (metric reference_flagged), cosines are too low. There "
        "is no mark where ∇J or the variance is 0 for some policy."
    )


def _panels(request: Request) -> list[list[tuple[Place, str]]]:
    """Arrange the panels in rows: environments, or the stages of the only one, next to each other if they fit."""
    environments, stages = tuple(request.environments), request.stages
    if request.is_wide and len(environments) == 1 and len(stages) <= 3:
        return [[(place, metric) for place in request.places] for metric in _LABELS]
    if request.is_wide and len(environments) <= 2:
        return [
            [(Place(environment, stage), metric) for environment, metric in product(environments, _LABELS)]
            for stage in stages
        ]
    return [[(place, metric) for metric in _LABELS] for place in request.places]


def _draw_panel(axes: Axes, request: Request, place: Place, metric: str, series: tuple[Series, ...]) -> None:
    rows = request.rows("summary", **place.where, metric=metric).dropna(subset=["batch", "estimate"])
    marks.draw_column_intervals(axes, marks.dodged(marks.gathered(series, rows), "batch", _DODGE), series, "shifted")
    axes.set_ylabel(_LABELS[metric])
    axes.set_xscale("log")
    layout.ticks_at(axes, request.experiment.sample.batches)
    axes.grid(visible=True)
    # Every panel shows zero: estimated ratios may be negative.
    low, high = axes.get_ylim()
    axes.set_ylim(min(0.0, low), max(1.0, high) if metric == "cosine" else high)
    axes.axhline(0, **style.RULE)
