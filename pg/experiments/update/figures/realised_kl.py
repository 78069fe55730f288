"""KL divergence of an update over its limit: on the states of its batch, and of fresh trajectories."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest
from pg.experiments.update.record import UpdateExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import counted, listed

_SAMPLES = {"kl_on_batch": "the update's batch", "kl_on_fresh": "fresh trajectories"}


def draw(request: FigureRequest[UpdateExperiment]) -> Figure:
    """Draw the divergence over δ: two panels per environment and stage, a row per variant, a dot per policy."""
    limits, places = _limits(request), request.places
    series = tuple(one for one, _ in limits)
    titles = 0.4 if len(places) == 1 else 0.55
    figure = layout.canvas(request.figure.width, 0.3 + len(places) * (titles + 0.19 * len(limits)))
    grid = figure.subplots(len(places), 2, squeeze=False, sharex=True, sharey=True)
    for line, place in zip(grid, places, strict=True):
        for axes, (metric, title) in zip(line, _SAMPLES.items(), strict=True):
            dots, means = (_over_limit(rows, limits) for rows in request.of(metric, place))
            dots = dots[dots["value"] > 0]
            axes.set_xscale("log")
            marks.draw_rows(axes, series, means[means["estimate"] > 0], dots, s=6, alpha=0.4)
            if not dots.empty:
                # An interval that ends near 0 must not stretch the logarithmic axis.
                axes.set_xlim(left=max(axes.get_xlim()[0], dots["value"].min() / 1.5))
            axes.axvline(1, color=style.INK, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
            axes.set_title(title)
        if len(places) > 1:
            # The first line is for both panels, and may extend above the second.
            line[0].set_title(f"{request.heading(place)}\n{_SAMPLES['kl_on_batch']}")
    for axes in grid[-1]:
        axes.set_xlabel("realised KL / δ")
        layout.log_ticks(axes.xaxis)
    return figure


def caption(request: FigureRequest[UpdateExperiment]) -> str:
    """Say what is drawn, how to read it, from how many policies, and which variants are left out."""
    experiment = request.experiment
    drawn = {one.key for one, _ in _limits(request)}
    missing = [one.label for one in request.series() if one.key not in drawn]
    left_out = f" Not drawn, because the others share no δ: {listed(missing)}." if missing else ""
    return (
        "Mean KL divergence of the policy after one update from the policy before it, over the limit δ: left over the "
        "states of the update's batch, where a limit applies, right over those of "
        f"{experiment.fresh} trajectories that it has not seen. Each dot is the mean over "
        f"{counted(experiment.updates, 'update')} of one of {request.policies}, each update from the policy itself on "
        "a batch of its own; marks and bars are means with 95 % intervals. Variants without a limit are divided by the "
        f"δ that the others share.{left_out} A penalty limits no single update: its factor starts at 1 and adapts from "
        "each update of a policy to the next. Policies with no update left, at divergence 0, are not drawn."
    )


def _over_limit(rows: pd.DataFrame, limits: Sequence[tuple[Series, float]]) -> pd.DataFrame:
    """Divide values, or estimates and intervals, by the limit of each series."""
    columns = [column for column in ("value", "estimate", "ci_low", "ci_high") if column in rows]
    parts = [(one.rows(rows), limit) for one, limit in limits]
    return pd.concat([part.assign(**{column: part[column] / limit for column in columns}) for part, limit in parts])


def _limits(request: FigureRequest[UpdateExperiment]) -> Sequence[tuple[Series, float]]:
    """Pair each series with its limit, or else the limit that all others share; omit it if there is neither."""
    own: list[tuple[Series, float | None]] = []
    for one in request.series():
        cells = (cell for cell in request.cells if cell.variant_name == one.variant)
        kl = next(cell.variant.kl for cell in cells if one.levels.items() <= cell.levels.items())
        own.append((one, None if kl is None else kl.limit))
    found = {limit for _, limit in own if limit is not None}
    shared = found.pop() if len(found) == 1 else None
    pairs = ((one, shared if limit is None else limit) for one, limit in own)
    return [(one, limit) for one, limit in pairs if limit is not None]
