"""Variance in sampled batches over the variance that enumeration predicts."""

from __future__ import annotations

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.plotting import layout, marks, style
from pg.plotting.text import number


def draw(request: FigureRequest[ExactExperiment]) -> Drawn:
    """Draw measured over predicted tr Cov: a panel per environment and stage, a row per variant, a dot per policy."""
    series, sampled = request.series(), f"{request.experiment.sampled_batches:,}"
    height, x = 0.5 + 0.15 * len(series), "measured / predicted tr Cov"
    figure, panels = request.panels(height, sharex=True, sharey=True, x=x)
    for place, axes in panels:
        measured, summary = request.of("variance_ratio", place)
        axes.axvline(1, **style.RULE)
        marks.draw_rows(axes, series, summary, measured, s=5)
        for row, one in enumerate(series):
            for ratio in one.rows(summary)["estimate"]:
                layout.note_right(axes, row, number(ratio))
    return figure, (
        f"Measured over predicted variance is {request.between(request.rows('summary', metric='variance_ratio'))}. "
        f"Predicted: tr Cov of the estimate from every possible batch. Measured: in {sampled} sampled batches. A dot "
        f"is one of {request.policies}; marks, written at the right, are geometric means with 95 % intervals."
    )
