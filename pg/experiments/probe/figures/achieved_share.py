"""The share of the achievable reduction of variance that each baseline reaches."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from pg.experiments.comparisons import achieved_share
from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import number

_FAR = 3.0  # shares farther from 0 make the axis logarithmic beyond -1 and 1


def draw(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> Figure:
    """Draw the shares with lines at 0 and 1: a panel per environment and stage, a row per baseline.

    Raises
    ------
    ValueError
        If no variant has a partner in the experiment with the same returns and no baseline.
    """
    pairs = _pairs(request)
    if not pairs:
        raise ValueError(
            f"none of the variants {', '.join(request.drawn)} has a partner in {request.figure.experiment} with the "
            "same returns and no baseline"
        )
    label, height = f"share achieved (N = {request.batch})", 0.5 + 0.15 * len(pairs)
    figure, panels = request.panels(height, sharex=True, sharey=True, x=label)
    farthest = 0.0
    for place, axes in panels:
        layout.head(axes, request.heading(place), "share")
        for end in (0, 1):
            axes.axvline(end, **style.RULE)
        variance, least = (
            request.rows("long", place, metric=metric, batch=request.batch)
            for metric in ("total_variance", "least_variance")
        )
        shares = [achieved_share(one.rows(variance), bare.rows(variance), bare.rows(least)) for one, bare in pairs]
        for row, share in enumerate(shares):
            if share.defined:
                layout.note_right(axes, row, number(share.estimate, 2))
            else:
                layout.note_inside(axes, row, "undefined: reduction may be 0")
            farthest = max(farthest, *(abs(end) for end in (share.low, share.high) if not math.isnan(end)), 0.0)
        rows = [
            {
                "variant": one.variant,
                **one.levels,
                "estimate": share.estimate,
                "ci_low": share.low,
                "ci_high": share.high,
            }
            for (one, _), share in zip(pairs, shares, strict=True)
        ]
        marks.draw_rows(axes, [one for one, _ in pairs], pd.DataFrame(rows))
    if farthest > _FAR:
        # All panels share this axis.
        shared = panels[0][1]
        shared.set_xscale("symlog", linthresh=1)
        shared.autoscale_view()
        # More ticks would overlap in a narrow panel.
        decades = max(0, int(math.log10(max(1.0, -shared.get_xlim()[0]))))
        shared.xaxis.set_major_locator(FixedLocator([-(10.0**decades), 0, 1]))
        shared.xaxis.set_major_formatter("{x:g}")
    return figure


def caption(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> str:
    """Say what is drawn, how to read it, from how many policies, and which variants are left out."""
    drawn = {one.variant for pair in _pairs(request) for one in pair}
    alone = "; ".join(request.variant_label(name) for name in request.drawn if name not in drawn)
    left_out = f" Not drawn, without such a variant in the experiment: {alone}." if alone else ""
    return (
        "Share of the achievable reduction of total variance that a baseline b reaches, (V(none) − V(b)) / "
        f"(V(none) − V(b*)), with N = {request.batch} trajectories: 0 is the variant of the same returns without a "
        "baseline, 1 the constant b* of least variance; below 0 the baseline adds variance. Both differences are "
        f"relative to V(none) and averaged over {request.policies} before they are divided; bars are Fieller's 95 % "
        "intervals. A share is undefined where the interval of the achievable reduction contains 0. The axis is "
        f"logarithmic beyond −1 and 1 if a share is far from 0.{left_out}"
    )


def _pairs(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> list[tuple[Series, Series]]:
    """Pair each series that has a baseline with that of an experiment's variant, drawn or not, that lacks only this."""

    def weights(name: str) -> tuple[object, ...]:
        """Return the options, except the baseline, that the weights of the log-likelihoods depend on."""
        variant = request.variants[name]
        return variant.returns, variant.discount, variant.discount_states, variant.normalise_advantages

    bare = [name for name in request.experiment.variants if request.variants[name].baseline.name == "none"]
    pairs = []
    for one in request.series(shown=("variant.batch",)):
        partner = next((name for name in bare if weights(name) == weights(one.variant)), None)
        if request.variants[one.variant].baseline.name != "none" and partner is not None:
            pairs.append((one, replace(one, variant=partner)))
    return pairs
