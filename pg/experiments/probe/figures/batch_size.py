"""Cosine to the true gradient, and signal to noise, against the batch size."""

from __future__ import annotations

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style

_LABELS = {"cosine": "cosine to ∇J", "snr": "signal to noise"}


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw the mean cosine and the mean signal-to-noise ratio against N: a stack of two panels per stage."""
    series, titles = request.series(), [request.heading(place) for place in request.places]
    across, trained = request.panels_in_a_row(), sorted({request.variants[name].batch for name in request.drawn})
    figure, stacks = layout.stacks(
        request.figure.width, titles, [*_LABELS.values()], across, 1.25, x="batch size N (dashed: in training)"
    )
    for place, stack in zip(request.places, stacks, strict=True):
        for axes, metric in zip(stack, _LABELS, strict=True):
            rows = request.rows("summary", place, metric=metric).dropna(subset=["batch", "estimate"])
            # A logarithmic axis cannot show ratios that are negative by chance.
            rows = rows[rows["estimate"] > 0] if metric == "snr" else rows
            axes.set(xscale="log", yscale="log" if metric == "snr" else "linear")
            marks.draw_curves(axes, series, rows, "batch", dodge=True)
            layout.ticks_at(axes, request.experiment.sample.batches)
            for batch in trained:
                axes.axvline(batch, **style.DASHED_RULE)
            if metric == "snr":
                layout.keep_near(axes, rows["estimate"], 2)
            else:
                layout.include(axes, y=(0, 1))
                axes.axhline(0, **style.RULE)
    cosines, ratios = zip(*stacks, strict=True)
    layout.share_limits(cosines, "y")
    layout.share_limits(ratios, "y")
    layout.log_ticks(*(axes.yaxis for axes in ratios))
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    usual = min(request.experiment.sample.batches, key=lambda size: abs(size - trained[0]))
    found = request.between(request.rows("summary", metric="cosine", batch=usual))
    has_all = request.shown(request.rows("summary", metric="cosine"))["estimate"].notna().all()
    return figure, (
        f"Cosines to ∇J at N = {usual}: {found}. "
        "Signal to noise is ‖∇J‖² / tr Cov of batches of N trajectories; ratios below 0, from noisy references, are "
        f"not drawn. Bars: 95 % intervals over {request.policies} per stage."
        + ("" if has_all else " Cosines are undefined if ∇J's estimate is 0 for a policy.")
    )
