"""Backward passes for the gradient of one batch: one per step for the explicit sum, one for the surrogate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.identity.record import IdentityExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series, at_level
from pg.plotting.text import number

_SURROGATE = 1
_MARGIN = 1.5  # factor between the surrogate's one pass and the left end of the axis
_DASHED = {"color": style.INK, "linewidth": 0.8, "linestyle": (0, (4, 3))}


def draw(request: FigureRequest[IdentityExperiment]) -> Drawn:
    """Draw the passes of the explicit sum on a logarithmic axis: a row per environment, a dot per policy.

    Variants with the same passes, as those that are measured on the same batches, have one row.
    """
    measured, summary = request.of("backward_passes")
    rows = _distinct(request, measured)
    dots, means = (_by_row(rows, table) for table in (measured, summary))
    series = [Series(label, {}, label, replace(one.look, colour=style.INK)) for label, (_, one) in rows.items()]
    figure, (axes,) = layout.panels(request.figure.width, [""], 1, 0.55 + 0.21 * len(series))
    axes.set(xscale="log", xlabel="backward passes per batch")
    marks.draw_rows(axes, series, means, dots, s=9)
    for row, one in enumerate(series):
        for mean in one.rows(means)["estimate"]:
            layout.note_right(axes, row, number(mean))
    axes.axvline(_SURROGATE, zorder=1, **_DASHED)
    layout.include(axes, x=(_SURROGATE / _MARGIN,))
    layout.plain_numbers(axes.xaxis)
    layout.legend_below(figure, [Line2D([], [], label="surrogate: one pass", **_DASHED)])
    return figure, (
        f"The explicit sum takes {request.between(summary)} backward passes for one gradient, one per step of each of "
        f"N = {request.batch_sizes(metric='backward_passes')} trajectories; the surrogate (dashed) takes one for the "
        f"same gradient. Dots are {request.policies} (random); bars are means, written at the right, with 95 % "
        "intervals."
    )


def _distinct(request: FigureRequest[IdentityExperiment], measured: pd.DataFrame) -> dict[str, tuple[str, Series]]:
    """Return the environment and the series of each row by its name; series with equal passes share the first's row."""
    rows = {}
    for environment in request.environments:
        own = at_level(measured, {"environment": environment}).sort_values("seed")
        found = {tuple(one.rows(own)["value"]): one for one in reversed(request.series())}
        label = request.environment_label(environment)
        for one in reversed(found.values()):
            rows[label if len(found) == 1 else f"{label}, {one.label}"] = environment, one
    return rows


def _by_row(rows: Mapping[str, tuple[str, Series]], table: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of a table that are drawn, with the name of the figure's row as variant."""
    found = (
        one.rows(at_level(table, {"environment": environment})).assign(variant=label)
        for label, (environment, one) in rows.items()
    )
    return pd.concat(found, ignore_index=True)
