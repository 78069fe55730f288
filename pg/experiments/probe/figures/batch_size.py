"""Cosine to the true gradient, and signal to noise, against the batch size."""

from __future__ import annotations

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.figures.references import noisy_references, of_another_length, undefined
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted

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
    lengths = of_another_length(request)
    misleads = f", which misleads for {lengths}" if lengths else ""
    return figure, (
        f"Cosines to ∇J at N = {usual}: {found}. Signal to noise is ‖∇J‖² / tr Cov"
        f"{misleads}.{_left_out(request)} Bars: 95 % intervals over {request.policies} per stage."
        f"{noisy_references(request)}"
    )


def _left_out(request: FigureRequest[ProbeExperiment]) -> str:
    """Say which means have no mark: those of undefined values, and ratios below 0, which no logarithm has."""
    cosines, ratios = (undefined(request, metric) for metric in _LABELS)
    below = (request.shown(request.rows("summary", metric="snr"))["estimate"] < 0).any()
    found = [
        *([f"∇J is 0 in {counted(cosines, 'policy')}"] if cosines else []),
        *([f"tr Cov is 0 in {counted(ratios, 'policy')}"] if ratios else []),
        *(["a ratio is below 0"] if below else []),
    ]
    return f" No mark: {' or '.join(found)}." if found else ""
