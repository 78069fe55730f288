"""Quality of gradient estimates against the policy's divergence from its data; with tables, the parts of the bias."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from pg.experiments.figures.request import Drawn, FigureRequest, Place
from pg.experiments.staleness.record import StalenessExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series

_LABELS = {
    "cosine": "cosine to ∇J(θ')",
    "relative_bias": "bias / ‖∇J(θ')‖",
    "effective_share": "effective share of N",
}
_LEAST = {"cosine": -1.03, "effective_share": 0.0}
# Panels of environments with tables: name of the axis, and for each metric its name in the legend.
_PARTS = {
    "part of bias / ‖∇J(θ')‖": {"state_part": "states", "return_part": "returns"},
    "total variation": {"state_variation": ""},
}
_DIVERGENCE = r"$\mathrm{E}[\mathrm{KL}(\pi_{\theta'} \| \pi_\theta)]$"

Request = FigureRequest[StalenessExperiment]


def draw(request: Request) -> Drawn:
    """Draw cosine, bias and effective share against the divergence, and with tables the parts of the bias."""
    series, walk, sample = request.series(), request.experiment.walk, request.experiment.sample
    variation = request.rows("summary", metric="state_variation").dropna(subset=["estimate"])
    with_tables = set(zip(variation["environment"], variation["stage"], strict=True))
    parts_of = {place: _PARTS if (place.environment, place.stage) in with_tables else {} for place in request.places}
    counts = [(request.heading(place), len(_LABELS) + len(parts)) for place, parts in parts_of.items()]
    figure, blocks = layout.blocks(request.figure.width, counts, 3 if request.is_wide else 2, 1.45)
    for (place, parts), panels in zip(parts_of.items(), blocks, strict=True):
        for axes, name in zip(panels, (*_LABELS, *parts), strict=True):
            axes.set_xscale("log")
            axes.set(xlabel=_DIVERGENCE, ylabel=_LABELS.get(name, name))
            if name in _LABELS:
                _draw_metric(axes, _along(request, place, name, series), name, series)
            for (metric, label), dashes in zip(parts.get(name, {}).items(), ("-", (0, (4, 1.5))), strict=False):
                # These depend on the two policies alone, and are the same for every series.
                rows = _along(request, place, metric, series[:1])
                axes.vlines(rows["kl"], *marks.ends(rows), colors=style.INK, linewidth=0.8)
                axes.plot(rows["kl"], rows["estimate"], color=style.INK, linestyle=dashes, marker=".", label=label)
            if name in parts:
                axes.set_ylim(bottom=0)
            if len(parts.get(name, ())) > 1:
                axes.legend(loc="upper left", fontsize=style.scaled(6.5), handlelength=1.8)
            axes.grid(visible=True)
            axes.xaxis.set_major_locator(LogLocator(numticks=5))
            axes.xaxis.set_minor_formatter(NullFormatter())
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    tables = (
        " With tables, the bias of per-step ratios is the sum of two vectors: one from the states of θ instead of "
        "those of θ', one from its returns; total variation is between the distributions of states."
    )
    return figure, (
        f"Estimates of ∇J at θ' from {sample.batches[0]} trajectories of θ, against the mean divergence "
        f"E[KL(π_θ'‖π_θ)] over states of θ. Each mark is a number of gradient steps of "
        f"“{request.variant_label(walk.variant)}” on one batch, up to {max(walk.steps)}; marks and bars are means with "
        f"95 % intervals over {request.policies}, at their mean divergence.{tables if any(parts_of.values()) else ''} "
        "A bias of 0 is not drawn on its logarithmic axis; a mark is missing where ∇J(θ') of some policy is 0."
    )


def _along(request: Request, place: Place, metric: str, series: Sequence[Series]) -> pd.DataFrame:
    """Gather a metric after the first step, with the mean divergence there in column kl."""
    keys = ["series", "batch", "steps"]
    kl, rows = (marks.gathered(series, request.rows("summary", place, metric=one)) for one in ("kl", metric))
    rows = rows.merge(kl.rename(columns={"estimate": "kl"})[[*keys, "kl"]], on=keys)
    return rows[rows["kl"] > 0].dropna(subset=["estimate"]).sort_values(["place", "steps"])


def _draw_metric(axes: Axes, rows: pd.DataFrame, metric: str, series: Sequence[Series]) -> None:
    if metric == "relative_bias":
        axes.set_yscale("log")
        rows = rows[rows["estimate"] >= marks.ROUNDING]
    if rows.empty:
        return
    marks.draw_curves(axes, series, rows, "kl", dodge=True)
    low, _ = axes.get_ylim()
    if metric == "relative_bias":
        # An interval that ends near 0 must not stretch the logarithmic axis.
        axes.set_ylim(bottom=max(low, rows["estimate"].min() / 2))
    else:
        # Every panel shows zero, and nothing beyond the range of the metric.
        axes.set_ylim(max(min(0.0, low), _LEAST[metric]), 1.03)
        axes.axhline(0, **style.RULE)
