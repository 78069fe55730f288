"""Quality of gradient estimates against the policy's divergence from its data; with tables, the parts of the bias."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from pg.experiments.figures.request import Drawn, FigureRequest, Place
from pg.experiments.staleness.record import StalenessExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import first_of, listed

_LABELS = {
    "cosine": "cosine to ∇J(θ')",
    "relative_bias": "bias / ‖∇J(θ')‖",
    "effective_share": "effective share of N",
}
_LEAST = {"cosine": -1.03, "effective_share": 0.0}
# Panels of environments with tables: their names, and for each metric its name in the panel's legend.
_PARTS = {
    "parts of the bias": {"state_part": "states", "return_part": "returns"},
    "distance of the states": {"state_variation": ""},
}
_HALF = 0.5
_MOST_LISTED = 4  # numbers of steps in the caption
# Text, because a prime of mathtext is a superscript, too small to read in an index.
_DIVERGENCE = r"$\mathrm{E}[\mathrm{KL}(\pi_{\theta\text{'}} \,\|\, \pi_\theta)]$"

Request = FigureRequest[StalenessExperiment]


def draw(request: Request) -> Drawn:
    """Draw cosine, bias and effective share against the divergence, and with tables the parts of the bias."""
    series, walk, sample = request.series(), request.experiment.walk, request.experiment.sample
    variation = request.rows("summary", metric="state_variation").dropna(subset=["estimate"])
    with_tables = set(zip(variation["environment"], variation["stage"], strict=True))
    parts_of = {place: _PARTS if (place.environment, place.stage) in with_tables else {} for place in request.places}
    names = {place: [*_LABELS.values(), *parts] for place, parts in parts_of.items()}
    counts = [(request.heading(place), len(own)) for place, own in names.items()]
    across = max(map(len, names.values())) if request.is_wide else 2
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.5, x=_DIVERGENCE, sharex=True)
    blocks[0][0].set_xscale("log")
    blocks[0][0].xaxis.set_major_locator(LogLocator(numticks=5))
    # Minor ticks of small panels take a third of the time of the layout.
    blocks[0][0].xaxis.set_minor_locator(NullLocator())
    for (place, parts), panels in zip(parts_of.items(), blocks, strict=True):
        layout.name_panels(panels, request.heading(place), names[place])
        for axes, metric in zip(panels, _LABELS, strict=False):
            _draw_metric(axes, _along(request, place, metric, series), metric, series)
        for axes, metrics in zip(panels[len(_LABELS) :], parts.values(), strict=True):
            _draw_parts(axes, {label: _along(request, place, one, series[:1]) for one, label in metrics.items()})
    for panels in zip_longest(*blocks):
        layout.share_limits([axes for axes in panels if axes is not None], "y")
    layout.legend_below(figure, marks.legend_entries(series))
    has_parts = any(parts and _has_moved(request, place) for place, parts in parts_of.items())
    tables = " Distance: total variation." if has_parts else ""
    away = [f"{steps:g}" for steps in walk.steps if steps]
    away = listed(away) if len(away) <= _MOST_LISTED else f"{away[0]} to {away[-1]}"
    return figure, (
        f"Gradient steps until the cosine to ∇J(θ') is {_falls(request, series)}. From left to right, θ' is {away} "
        f"steps from θ, with {sample.batches[0]} trajectories. Means, 95 % intervals over {request.policies}."
        f"{tables}{_empty(request, series)}"
    )


def _empty(request: Request, series: Sequence[Series]) -> str:
    """Say why panels are empty: no step changed a policy, or the gradient is 0 for one."""
    still = [place for place in request.places if not _has_moved(request, place)]
    without = any(_along(request, place, "cosine", series).empty for place in request.places if place not in still)
    stages: dict[str, list[str]] = {}
    for place in still:
        stages.setdefault(request.environment_label(place.environment), []).append(place.stage)
    where = [name if len(own) == len(request.stages) else f"{name} ({listed(own)})" for name, own in stages.items()]
    why = [f"no step changed a policy in {listed(where)}"] if still else []
    why += ["∇J(θ') is 0 for a policy"] if without else []
    return f" Empty: {'; or '.join(why)}." if why else ""


def _falls(request: Request, series: Sequence[Series]) -> str:
    """Say how soon the mean cosine falls below a half: "below 0.5: 4 with total", in the first panel with cosines."""
    known = [place for place in request.places if len(_along(request, place, "cosine", series))]
    if not known:
        return f"below {_HALF}: undefined"
    rows, after = request.rows("summary", known[0], metric="cosine"), dict[float, list[str]]()
    for one in series:
        own = one.rows(rows)
        low = own.loc[~(own["estimate"] >= _HALF) & (own["steps"] > 0), "steps"]
        after.setdefault(float(low.min()) if len(low) else math.inf, []).append(one.label)
    found = [
        f"{'never' if steps == math.inf else f'{steps:g}'} with {first_of(names)}"
        for steps, names in sorted(after.items())
    ]
    ends = found if len(found) < 2 else [found[0], found[-1]]
    return f"below {_HALF}: {', '.join(ends)} ({request.heading(known[0])})"


def _has_moved(request: Request, place: Place) -> bool:
    """Return whether a policy differs from that of its data after some step."""
    return bool((request.rows("summary", place, metric="kl")["estimate"] != 0).any())


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
    axes.grid(visible=True)
    if rows.empty:
        return
    marks.draw_curves(axes, series, rows, "kl", dodge=True)
    if metric == "relative_bias":
        layout.keep_near(axes, rows["estimate"], 2)
    else:
        # Every panel shows zero, and nothing beyond the range of the metric.
        axes.set_ylim(max(min(0.0, axes.get_ylim()[0]), _LEAST[metric]), 1.03)
        axes.axhline(0, **style.RULE)


def _draw_parts(axes: Axes, parts: Mapping[str, pd.DataFrame]) -> None:
    """Draw metrics of the two policies alone, which are the same for every series: a line per part, with its name."""
    for (label, rows), dashes in zip(parts.items(), ("-", (0, (4, 1.5))), strict=False):
        axes.vlines(rows["kl"], *marks.ends(rows), colors=style.INK, linewidth=0.8)
        axes.plot(rows["kl"], rows["estimate"], color=style.INK, linestyle=dashes, marker=".", label=label)
    axes.set_ylim(bottom=0)
    axes.grid(visible=True)
    if len(parts) > 1 and any(len(rows) for rows in parts.values()):
        axes.legend(loc="upper left", fontsize=style.scaled(6.5), handlelength=1.8)
