"""Total variance against the offset or the scale of rewards, with the parabola that theory predicts.

An estimate that is linear in the rewards has, on each policy, the total variance A + Bc + Cc² at offset c and Cα² at
scale α.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.kind import REWARD_LEVELS
from pg.experiments.figures.request import FigureRequest, Place
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import option_in_words
from pg.statistics.estimates import parabola

_POINTS = 200
_LABELS = {
    "environment.rewards.offset": "offset c of every reward",
    "environment.rewards.scale": "scale α of every reward",
}
_GRIDS = MappingProxyType({"linear": np.linspace, "log": np.geomspace})

Request = FigureRequest[ProbeExperiment | ExactExperiment]


def draw(request: Request) -> Figure:
    """Draw tr Cov against the levels of the rewards: a panel per environment and stage, a line per variant."""
    path, across = _path(request), request.panels_in_a_row()
    series = request.series(shown=(path,))
    figure, panels = request.panels(across, 1.9, sharex=True)
    for place, axes in zip(request.places, panels, strict=True):
        _draw_panel(axes, request, place, series)
        axes.set_title(request.heading(place))
    layout.name_axes(panels, across, x=_LABELS[path], y=f"tr Cov (return², N = {request.batch})")
    style.legend_below(figure, marks.legend_entries(series), request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        f"Total variance of each gradient estimate with N = {request.batch} trajectories, on {request.policies} per "
        f"panel, against the {option_in_words(_path(request))} of all rewards. Marks are geometric means with 95 % "
        "intervals; lines are geometric means of a parabola per policy, which theory predicts, fitted by least "
        "squares of relative errors."
    )


def _draw_panel(axes: Axes, request: Request, place: Place, series: tuple[Series, ...]) -> None:
    path = _path(request)
    spacing = "linear" if path.endswith("offset") else "log"
    where: dict[str, Any] = {**place.where, "metric": "total_variance", "batch": request.batch}
    summary, measured = (request.rows(table, **where) for table in ("summary", "long"))
    # A logarithmic axis cannot show variances of 0, which occur if all rewards cancel.
    rows = marks.gathered(series, summary[summary["estimate"] > 0])
    marks.draw_column_intervals(axes, rows, series, path, joined=False)
    levels = np.sort(measured[path].unique().astype(np.float64))
    grid = _GRIDS[spacing](levels[0], levels[-1], _POINTS)
    for one in series:
        by_policy = one.rows(measured).pivot_table(index="seed", columns=path, values="value")
        fits = [parabola(by_policy.columns.to_numpy(np.float64), own, grid) for own in by_policy.to_numpy(np.float64)]
        if defined := [fit for fit in fits if not np.isnan(fit).all()]:
            axes.plot(grid, np.exp(np.log(defined).mean(axis=0)), linewidth=1, zorder=2, **one.look.line)
    axes.set_yscale("log")
    axes.set_xscale(spacing)
    axes.grid(visible=True)


def _path(request: Request) -> str:
    (path,) = [path for path in REWARD_LEVELS if path in request.experiment.sweep]
    return path
