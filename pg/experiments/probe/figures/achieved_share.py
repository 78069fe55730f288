"""The share of the achievable reduction of variance that each baseline reaches."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import number

_FAR = 3.0  # shares farther from 0 make the axis logarithmic beyond -1 and 1


def draw(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> Drawn:
    """Draw the shares with lines at 0 and 1: a panel per environment and stage, a row per baseline.

    Raises
    ------
    ValueError
        If no variant has a partner in the experiment with the same returns and no baseline.
    """
    wanted = {"comparison": "achieved share", "batch": request.batch}
    shares = request.rows("comparisons", **wanted)
    shares = shares[shares["variant"].isin(request.drawn)]
    series = [one for one in request.series(shown=("variant.batch",)) if len(one.rows(shares))]
    if not series:
        raise ValueError(
            f"none of the variants {', '.join(request.drawn)} has a partner in {request.figure.experiment} with the "
            "same returns and no baseline"
        )
    label, height = f"share achieved (N = {request.batch})", 0.5 + 0.15 * len(series)
    figure, panels = request.panels(height, sharex=True, sharey=True, x=label)
    for place, axes in panels:
        layout.head(axes, request.heading(place), "share")
        for end in (0, 1):
            axes.axvline(end, **style.RULE)
        rows = marks.gathered(series, request.rows("comparisons", place, **wanted))
        for row, share in rows[["place", "estimate"]].to_numpy():
            if math.isnan(share):
                layout.note_inside(axes, row, "undefined: reduction may be 0")
            else:
                layout.note_right(axes, row, number(share, 2))
        marks.draw_rows(axes, series, rows)
    ends = shares.loc[shares["environment"].isin(list(request.environments)), ["ci_low", "ci_high"]]
    if (ends.abs() > _FAR).any(axis=None):
        _make_logarithmic(panels[0][1])
    with_partner = {*shares["variant"], *shares["over"]}
    alone = "; ".join(request.variant_label(name) for name in request.drawn if name not in with_partner)
    left_out = f" Not drawn, without such a variant in the experiment: {alone}." if alone else ""
    return figure, (
        "Share of the achievable reduction of total variance that a baseline b reaches, (V(none) − V(b)) / "
        f"(V(none) − V(b*)), with N = {request.batch} trajectories: 0 is the variant of the same returns without a "
        "baseline, 1 the constant b* of least variance; below 0 the baseline adds variance. Both differences are "
        f"relative to V(none) and averaged over {request.policies} before they are divided; bars are Fieller's 95 % "
        "intervals. A share is undefined where the interval of the achievable reduction contains 0. The axis is "
        f"logarithmic beyond −1 and 1 if a share is far from 0.{left_out}"
    )


def _make_logarithmic(axes: Axes) -> None:
    """Make the axis that all panels share logarithmic beyond -1 and 1."""
    axes.set_xscale("symlog", linthresh=1)
    axes.autoscale_view()
    # More ticks would overlap in a narrow panel.
    decades = max(0, int(math.log10(max(1.0, -axes.get_xlim()[0]))))
    axes.xaxis.set_major_locator(FixedLocator([-(10.0**decades), 0, 1]))
    axes.xaxis.set_major_formatter("{x:g}")
