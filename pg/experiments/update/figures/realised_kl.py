"""KL divergence of an update over its limit: on the states of its batch, and of fresh trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.update.record import UpdateExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import counted, listed

_SAMPLES = {"kl_on_batch": "the update's batch", "kl_on_fresh": "fresh trajectories"}


def draw(request: FigureRequest[UpdateExperiment]) -> Drawn:
    """Draw the divergence over δ: two panels per environment and stage, a row per variant, a dot per policy."""
    experiment, limits = request.experiment, _limits(request)
    series = [one for one in request.series() if one.key in limits]
    missing = [one.label for one in request.series() if one.key not in limits]
    drawn = list(product(request.places, _SAMPLES))
    titles, height = [_SAMPLES[metric] for _, metric in drawn], 0.4 + 0.19 * len(series)
    if len(request.places) > 1:
        # The first line is for both panels, and may extend above the second.
        titles[::2] = [f"{request.heading(place)}\n{_SAMPLES['kl_on_batch']}" for place in request.places]
        height += 0.15
    figure, panels = layout.panels(
        request.figure.width, titles, 2, height, margin=0.3, x="realised KL / δ", sharex=True, sharey=True
    )
    for axes, (place, metric) in zip(panels, drawn, strict=True):
        dots, means = (_over_limit(rows, series, limits) for rows in request.of(metric, place))
        dots = dots[dots["value"] > 0]
        axes.set_xscale("log")
        marks.draw_rows(axes, series, means[means["estimate"] > 0], dots, s=6, alpha=0.4)
        if not dots.empty:
            # An interval that ends near 0 must not stretch the logarithmic axis.
            axes.set_xlim(left=max(axes.get_xlim()[0], dots["value"].min() / 1.5))
        axes.axvline(1, color=style.INK, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
    for axes in panels[-2:]:
        layout.log_ticks(axes.xaxis)
    left_out = f" Not drawn, because the others share no δ: {listed(missing)}." if missing else ""
    return figure, (
        "Mean KL divergence of the policy after one update from the policy before it, over the limit δ: left over the "
        "states of the update's batch, where a limit applies, right over those of "
        f"{experiment.fresh} trajectories that it has not seen. Each dot is the mean over "
        f"{counted(experiment.updates, 'update')} of one of {request.policies}, each update from the policy itself on "
        "a batch of its own; marks and bars are means with 95 % intervals. Variants without a limit are divided by the "
        f"δ that the others share.{left_out} A penalty limits no single update: its factor starts at 1 and adapts from "
        "each update of a policy to the next. Policies with no update left, at divergence 0, are not drawn."
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
