"""Total variance of each gradient estimate on the same policies, and its ratio to the plain estimator's."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.comparisons import paired_ratio
from pg.experiments.figures.request import FigureRequest, Place
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import noted, number

Request = FigureRequest[ProbeExperiment]


def draw(request: Request) -> Figure:
    """Draw tr Cov on a logarithmic axis: a panel per environment and stage, a row per variant, a dot per policy."""
    series, reference, across = request.series(), _reference(request), _panels_in_a_row(request)
    # Panels of several environments side by side: a row per stage.
    by_stage = across == len(request.environments) and across > 1
    places = sorted(request.places, key=lambda one: request.stages.index(one.stage)) if by_stage else request.places
    down = len(places) // across
    figure = style.canvas(request.figure.width, 0.3 + down * (0.42 + 0.15 * len(series)))
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for place, axes in zip(places, grid.flat, strict=True):
        measured, summary = _rows(request, place, "long"), _rows(request, place, "summary")
        # A logarithmic axis cannot show zeros.
        marks.draw_dots(axes, marks.gathered(series, measured[measured["value"] > 0]), series, s=5)
        marks.draw_row_intervals(axes, summary[summary["estimate"] > 0], series)
        for row, one in enumerate(series):
            ratio = _ratio(one.rows(measured), reference.rows(measured), with_ends=across < 3)
            style.note_right(axes, row, "1" if one == reference else ratio)
        style.note_right(axes, -1, "ratio")
        style.name_rows(axes, [one.label for one in series], request.figure.width)
        axes.set_xscale("log")
        axes.grid(visible=True, axis="x")
        axes.set_title(f"{request.environment_label(place.environment)}, {place.stage}")
    _equal_spans(places, list(grid.flat))
    for axes in grid.flat:
        layout.log_ticks(axes, x=True)
    for axes in grid[-1]:
        axes.set_xlabel(f"tr Cov (return², N = {request.batch})")
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        f"Total variance (the trace of the covariance matrix) of gradient estimates with N = {request.batch} "
        f"trajectories, all measured on the same {request.policies} per panel. A dot is a policy; marks are geometric "
        "means with 95 % intervals. At the right: the ratio to "
        f"{_reference(request).label} on the same policies, with its 95 % interval if there is room. Panels of one "
        "environment span equally many orders of magnitude. Variances of 0 are not drawn, and leave the mean undefined."
    )


def _ratio(own: pd.DataFrame, other: pd.DataFrame, *, with_ends: bool) -> str:
    ratio = paired_ratio(own, other)
    if ratio is None:
        return ""
    return noted(ratio.estimate, ratio.low, ratio.high) if with_ends else number(ratio.estimate, 2)


def _rows(request: Request, place: Place, table: str) -> pd.DataFrame:
    return request.rows(table, **place.where, metric="total_variance", batch=request.batch)


def _panels_in_a_row(request: Request) -> int:
    """Return the number of environments, or of stages if there is one environment; 1 if they do not fit."""
    count = len(request.environments) if len(request.environments) > 1 else len(request.stages)
    return count if request.is_wide and count <= style.panels_in_a_row(3) else 1


def _equal_spans(places: tuple[Place, ...] | list[Place], panels: list[Axes]) -> None:
    """Give all panels of an environment axes with the same ratio of ends, so that lengths can be compared."""
    for environment in {place.environment for place in places}:
        own = [axes for place, axes in zip(places, panels, strict=True) if place.environment == environment]
        ends = np.log([axes.get_xlim() for axes in own])
        reach = np.diff(ends).max() / 2
        for axes, middle in zip(own, ends.mean(axis=1), strict=True):
            axes.set_xlim(*np.exp([middle - reach, middle + reach]))


def _reference(request: Request) -> Series:
    """Return the lecture's first estimator if it is drawn, else the first variant."""
    series = request.series()
    plain = [one for one in series if _is_plain(request, one.variant)]
    return (plain or list(series))[0]


def _is_plain(request: Request, name: str) -> bool:
    variant = request.variants[name]
    return (variant.returns.name, variant.baseline.name, variant.normalise_advantages) == ("total", "none", False)
