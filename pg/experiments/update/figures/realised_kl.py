"""KL divergence of an update over its limit: on the states of its batch, and of fresh trajectories."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest, Place
from pg.experiments.update.record import UpdateExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import counted, listed

_SAMPLES = {"kl_on_batch": "the update's batch", "kl_on_fresh": "fresh trajectories"}

Request = FigureRequest[UpdateExperiment]


def draw(request: Request) -> Figure:
    """Draw the divergence over δ: two panels per environment and stage, a row per variant, a dot per policy."""
    limits, places = _limits(request), request.places
    titles = 0.4 if len(places) == 1 else 0.55
    figure = style.canvas(request.figure.width, 0.3 + len(places) * (titles + 0.19 * len(limits)))
    grid = figure.subplots(len(places), 2, squeeze=False, sharex=True, sharey=True)
    for line, place in zip(grid, places, strict=True):
        for axes, (metric, title) in zip(line, _SAMPLES.items(), strict=True):
            _draw_panel(axes, request, place, metric, limits)
            axes.set_title(title)
        style.name_rows(line[0], [one.label for one, _ in limits], request.figure.width)
        if len(places) > 1:
            # The first line is for both panels, and may extend above the second.
            line[0].set_title(f"{request.heading(place)}\n{_SAMPLES['kl_on_batch']}")
    for axes in grid[-1]:
        axes.set_xlabel("realised KL / δ")
        layout.log_ticks(axes, x=True)
    return figure


def caption(request: Request) -> str:
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


def _draw_panel(
    axes: Axes, request: Request, place: Place, metric: str, limits: tuple[tuple[Series, float], ...]
) -> None:
    series = tuple(one for one, _ in limits)
    measured, summary = (request.rows(table, **place.where, metric=metric) for table in ("long", "summary"))
    dots = _over_limit(measured, limits, ["value"])
    means = _over_limit(summary, limits, ["estimate", "ci_low", "ci_high"])
    axes.set_xscale("log")
    dots = dots[dots["value"] > 0]
    marks.draw_dots(axes, marks.gathered(series, dots), series, s=6, alpha=0.4)
    marks.draw_row_intervals(axes, means[means["estimate"] > 0], series)
    if not dots.empty:
        # An interval that ends near 0 must not stretch the logarithmic axis.
        low, high = axes.get_xlim()
        axes.set_xlim(max(low, dots["value"].min() / 1.5), high)
    axes.axvline(1, color=style.INK, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)


def _over_limit(rows: pd.DataFrame, limits: tuple[tuple[Series, float], ...], columns: list[str]) -> pd.DataFrame:
    """Divide columns by the limit of each series."""
    parts: list[pd.DataFrame] = []
    for one, limit in limits:
        part = one.rows(rows)
        parts.append(part.assign(**{column: part[column] / limit for column in columns}))
    return pd.concat(parts)


def _limits(request: Request) -> tuple[tuple[Series, float], ...]:
    """Pair each series with its limit, or else the limit that all others share; omit it if there is neither."""
    own = [(one, _own_limit(request, one)) for one in request.series()]
    found = {limit for _, limit in own if limit is not None}
    shared = found.pop() if len(found) == 1 else None
    pairs = ((one, shared if limit is None else limit) for one, limit in own)
    return tuple((one, limit) for one, limit in pairs if limit is not None)


def _own_limit(request: Request, series: Series) -> float | None:
    kl = next(
        cell.variant.kl
        for cell in request.cells
        if cell.variant_name == series.variant and series.levels.items() <= cell.levels.items()
    )
    return None if kl is None else kl.limit
