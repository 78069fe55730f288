"""KL divergence of an update over its limit: on the states of its batch, and of fresh trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.update.record import UpdateExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import counted, listed

# Each metric with its name in the legend, and how its marks differ.
_SAMPLES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("kl_on_batch", "on the update's batch", {"shift": -0.17, "hollow": True}),
    ("kl_on_fresh", "on new trajectories", {"shift": 0.17}),
)


def draw(request: FigureRequest[UpdateExperiment]) -> Drawn:
    """Draw the divergence over δ: a panel per environment and stage, a row per variant, a dot per policy."""
    experiment, limits = request.experiment, _limits(request)
    series = [one for one in request.series() if one.key in limits]
    missing = [one.label for one in request.series() if one.key not in limits]
    how: dict[str, Any] = {"sharex": True, "sharey": True, "x": "KL divergence / δ"}
    figure, panels = request.panels(0.5 + 0.25 * len(series), **how)
    tables = {metric: [_over_limit(rows, series, limits) for rows in request.of(metric)] for metric, *_ in _SAMPLES}
    layout.logarithmic_with_zero(panels[0][1], pd.concat([dots["value"] for dots, _ in tables.values()]))
    for place, axes in panels:
        for metric, _, how in _SAMPLES:
            where = {"environment": place.environment, "stage": place.stage}
            dots, means = (marks.at_level(rows, where) for rows in tables[metric])
            marks.draw_rows(axes, series, means, dots, s=6, alpha=0.4, **how)
        axes.axvline(1, **style.DASHED_RULE)
    mark: dict[str, Any] = {"marker": "o", "linestyle": "", "color": style.INK}
    entries = [
        Line2D([], [], label=label, markerfacecolor="white" if how.get("hollow") else style.INK, **mark)
        for _, label, how in _SAMPLES
    ]
    layout.legend_below(figure, entries)
    left_out = f" Not drawn, because the others share no δ: {listed(missing)}." if missing else ""
    return figure, (
        f"KL divergence of an update over its limit δ: {request.between(tables['kl_on_batch'][1])} on its batch "
        f"(hollow), as on {experiment.fresh} new trajectories (filled). Dots are means over "
        f"{counted(experiment.updates, 'update')} of {request.policies}; bars are means with 95 % intervals. Without a "
        f"limit, δ is that of the others.{left_out}"
    )


def _over_limit(rows: pd.DataFrame, series: Sequence[Series], limits: Mapping[str, float]) -> pd.DataFrame:
    rows = marks.gathered(series, rows)
    columns = [column for column in ("value", "estimate", "ci_low", "ci_high") if column in rows]
    return rows.assign(**{column: rows[column] / rows["series"].map(limits) for column in columns})


def _limits(request: FigureRequest[UpdateExperiment]) -> dict[str, float]:
    """Return the limit of each series by its key; without one of its own, the only one that others have, if any."""
    kl = {
        one.key: cell.variant.kl
        for one in request.series()
        for cell in request.cells
        if cell.variant_name == one.variant and one.levels.items() <= cell.levels.items()
    }
    own = {key: limit.limit for key, limit in kl.items() if limit is not None}
    return (dict.fromkeys(kl, min(own.values())) if len(set(own.values())) == 1 else {}) | own
