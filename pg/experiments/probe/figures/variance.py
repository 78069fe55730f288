"""Total variance of each gradient estimate on the same policies, and its ratio to the plain estimator's."""

from __future__ import annotations

import numpy as np

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.parts.variant import Variant
from pg.plotting import layout, marks
from pg.plotting.text import noted, number


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw tr Cov on a logarithmic axis: a panel per environment and stage, a row per variant, a dot per policy."""
    series = request.series()
    # The lecture's first estimator if it is drawn, else the first variant.
    plain = [one for one in series if _is_plain(request.variants[one.variant])]
    reference = (*plain, *series)[0]
    count = len(request.environments) if len(request.environments) > 1 else len(request.stages)
    across = count if request.is_wide and count <= layout.panels_in_a_row(3) else 1
    places = request.in_rows(across)
    titles = [f"{request.environment_label(place.environment)}, {place.stage}" for place in places]
    height = 0.42 + 0.15 * len(series)
    figure, panels = layout.panels(request.figure.width, titles, across, height, margin=0.3, sharey=True)
    for place, axes in zip(places, panels, strict=True):
        measured, summary = request.of("total_variance", place, batch=request.batch)
        # A logarithmic axis cannot show zeros.
        marks.draw_rows(axes, series, summary[summary["estimate"] > 0], measured[measured["value"] > 0], s=5)
        ratios = request.rows("comparisons", place, comparison="ratio", over=reference.variant, batch=request.batch)
        for row, one in enumerate(series):
            if one == reference:
                layout.note_right(axes, row, "1")
            for estimate, low, high in one.rows(ratios)[["estimate", "ci_low", "ci_high"]].to_numpy():
                layout.note_right(axes, row, number(estimate, 2) if across > 2 else noted(estimate, low, high))
        layout.note_right(axes, -1, "ratio")
        axes.set_xscale("log")
    # All panels of an environment have the same ratio of ends, so that lengths can be compared.
    for environment in request.environments:
        own = [axes for place, axes in zip(places, panels, strict=True) if place.environment == environment]
        ends = np.log([axes.get_xlim() for axes in own])
        reach = np.diff(ends).max() / 2
        for axes, middle in zip(own, ends.mean(axis=1), strict=True):
            axes.set_xlim(*np.exp([middle - reach, middle + reach]))
            layout.log_ticks(axes.xaxis)
    layout.name_axes(panels, across, x=f"tr Cov (return², N = {request.batch})")
    return figure, (
        f"Total variance (the trace of the covariance matrix) of gradient estimates with N = {request.batch} "
        f"trajectories, all measured on the same {request.policies} per panel. A dot is a policy; marks are geometric "
        "means with 95 % intervals. At the right: the ratio to "
        f"{reference.label} on the same policies, with its 95 % interval if there is room. Panels of one "
        "environment span equally many orders of magnitude. Variances of 0 are not drawn, and leave the mean undefined."
    )


def _is_plain(variant: Variant) -> bool:
    return (variant.returns.name, variant.baseline.name, variant.normalise_advantages) == ("total", "none", False)
