"""Cosine to the true gradient, and signal to noise, against the batch size."""

from __future__ import annotations

from itertools import product

from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style

_LABELS = {"cosine": "cosine to ∇J", "snr": "signal to noise"}
_DODGE = 0.09  # factor between neighbouring series, as a logarithm


def draw(request: FigureRequest[ProbeExperiment]) -> Figure:
    """Draw the mean cosine and the mean signal-to-noise ratio against N: a line per variant."""
    series, places = request.series(), request.places
    # Next to each other if they fit: environments, or the stages of the only one.
    if request.is_wide and len(request.environments) == 1 and len(places) <= 3:
        down, drawn = 2, [(place, metric) for metric in _LABELS for place in places]
    elif request.is_wide and len(request.environments) == 2:
        down, drawn = len(request.stages), [*product(request.in_rows(2), _LABELS)]
    else:
        down, drawn = len(places), [*product(places, _LABELS)]
    figure = layout.canvas(request.figure.width, 0.35 + 1.25 * down)
    grid = figure.subplots(down, len(drawn) // down, squeeze=False, sharex=True)
    for axes, (place, metric) in zip(grid.flat, drawn, strict=True):
        rows = request.rows("summary", place, metric=metric).dropna(subset=["batch", "estimate"])
        marks.draw_curves(axes, series, rows, "batch", dodge=_DODGE)
        axes.set_ylabel(_LABELS[metric])
        axes.set_xscale("log")
        layout.ticks_at(axes, request.experiment.sample.batches)
        # Every panel shows zero: estimated ratios may be negative.
        low, high = axes.get_ylim()
        axes.set_ylim(min(0.0, low), max(1.0, high) if metric == "cosine" else high)
        axes.axhline(0, **style.RULE)
        if metric == "cosine":
            # The title is for both metrics, and may extend above the second panel.
            axes.set_title(f"{request.environment_label(place.environment)}, {place.stage}")
    for axes in grid[-1]:
        axes.set_xlabel("batch size N")
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    return figure


def caption(request: FigureRequest[ProbeExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        "Mean cosine between a gradient estimate and the true gradient ∇J, and mean signal-to-noise ratio "
        "‖∇J‖² / tr Cov, against the number of trajectories N per batch; bars are 95 % intervals over "
        f"{request.policies} per stage, the same for all variants. ‖∇J‖² is estimated without bias, so that a ratio "
        "can be negative. Where the reference for ∇J is noisy (metric reference_flagged), cosines are too low. There "
        "is no mark where ∇J or the variance is 0 for some policy."
    )
