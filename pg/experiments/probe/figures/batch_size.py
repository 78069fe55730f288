"""Cosine to the true gradient, and signal to noise, against the batch size."""

from __future__ import annotations

from itertools import product

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style

_LABELS = {"cosine": "cosine to ∇J", "snr": "signal to noise"}


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw the mean cosine and the mean signal-to-noise ratio against N: a line per variant."""
    series, places, across = request.series(), request.places, 2
    drawn = list(product(places, _LABELS))
    # Next to each other if they fit: environments, or the stages of the only one.
    if request.is_wide and len(request.environments) == 1 and len(places) <= 3:
        across, drawn = len(places), [(place, metric) for metric in _LABELS for place in places]
    elif request.is_wide and len(request.environments) == 2:
        across, drawn = 4, list(product(request.in_rows(2), _LABELS))
    # The title is for both metrics, and may extend above the second panel.
    titles = [
        f"{request.environment_label(place.environment)}, {place.stage}" if metric == "cosine" else ""
        for place, metric in drawn
    ]
    figure, panels = layout.panels(
        request.figure.width, titles, across, 1.25, margin=0.35, x="batch size N", sharex=True
    )
    for axes, (place, metric) in zip(panels, drawn, strict=True):
        rows = request.rows("summary", place, metric=metric).dropna(subset=["batch", "estimate"])
        marks.draw_curves(axes, series, rows, "batch", dodge=True)
        axes.set_ylabel(_LABELS[metric])
        axes.set_xscale("log")
        layout.ticks_at(axes, request.experiment.sample.batches)
        # Every panel shows zero: estimated ratios may be negative.
        layout.include(axes, y=(0, 1) if metric == "cosine" else (0,))
        axes.axhline(0, **style.RULE)
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    return figure, (
        "Mean cosine between a gradient estimate and the true gradient ∇J, and mean signal-to-noise ratio "
        "‖∇J‖² / tr Cov, against the number of trajectories N per batch; bars are 95 % intervals over "
        f"{request.policies} per stage, the same for all variants. ‖∇J‖² is estimated without bias, so that a ratio "
        "can be negative. Where the reference for ∇J is noisy (metric reference_flagged), cosines are too low. There "
        "is no mark where ∇J or the variance is 0 for some policy."
    )
