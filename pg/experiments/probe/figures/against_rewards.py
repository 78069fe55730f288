"""Total variance against the offset or the scale of rewards, with the parabola that theory predicts.

An estimate that is linear in the rewards has, on each policy, the total variance A + Bc + Cc² at offset c and Cα² at
scale α.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from matplotlib.figure import Figure

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.kind import REWARD_LEVELS
from pg.experiments.figures.request import FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks
from pg.plotting.text import option_in_words
from pg.statistics.estimates import parabola

_POINTS = 200
_LABELS = {
    "environment.rewards.offset": "offset c of every reward",
    "environment.rewards.scale": "scale α of every reward",
}
_GRIDS = MappingProxyType({"linear": np.linspace, "log": np.geomspace})


def draw(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> Figure:
    """Draw tr Cov against the levels of the rewards: a panel per environment and stage, a line per variant."""
    path = _path(request)
    series = request.series(shown=(path,))
    spacing = "linear" if path.endswith("offset") else "log"
    figure, panels = request.panels(1.9, sharex=True, x=_LABELS[path], y=f"tr Cov (return², N = {request.batch})")
    for place, axes in panels:
        measured, summary = request.of("total_variance", place, batch=request.batch)
        # A logarithmic axis cannot show variances of 0, which occur if all rewards cancel.
        marks.draw_curves(axes, series, summary[summary["estimate"] > 0], path, joined=False)
        levels = np.sort(measured[path].unique().astype(np.float64))
        grid = _GRIDS[spacing](levels[0], levels[-1], _POINTS)
        for one in series:
            by_policy = one.rows(measured).pivot_table(index="seed", columns=path, values="value")
            at = by_policy.columns.to_numpy(np.float64)
            fits = [parabola(at, own, grid) for own in by_policy.to_numpy(np.float64)]
            if defined := [fit for fit in fits if not np.isnan(fit).all()]:
                axes.plot(grid, np.exp(np.log(defined).mean(axis=0)), linewidth=1, zorder=2, **one.look.line)
        axes.set(xscale=spacing, yscale="log")
    layout.legend_below(figure, marks.legend_entries(series))
    return figure


def caption(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    return (
        f"Total variance of each gradient estimate with N = {request.batch} trajectories, on {request.policies} per "
        f"panel, against the {option_in_words(_path(request))} of all rewards. Marks are geometric means with 95 % "
        "intervals; lines are geometric means of a parabola per policy, which theory predicts, fitted by least "
        "squares of relative errors."
    )


def _path(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> str:
    (path,) = [path for path in REWARD_LEVELS if path in request.experiment.sweep]
    return path
