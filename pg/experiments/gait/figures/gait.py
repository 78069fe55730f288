"""Falls by direction, foot changes and return of humanoids, against training steps."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pg.experiments.figures.request import FigureRequest
from pg.experiments.gait.record import GaitExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted

_FIRST, _SECOND = ((look.colour, look.marker) for look in style.looks(["first", "second"]).values())
# Single metrics of a panel are drawn in ink. The legend's colours are for the two falls.
_OWN = (style.INK, "D")
# Name of the axis: for each metric its colour and marker.
_PANELS = {
    "share of episodes": {"fell_forward": _FIRST, "fell_backward": _SECOND},
    "foot changes per episode": {"alternating_steps": _OWN},
    "return of an episode": {"episode_return": _OWN},
}

Request = FigureRequest[GaitExperiment]


def draw(request: Request) -> Figure:
    """Draw each metric against the environment steps trained: a row of panels per environment, thin lines for seeds."""
    across = len(_PANELS) if request.is_wide else 1
    down = len(_PANELS) // across * len(request.environments)
    figure = style.canvas(request.figure.width, 0.2 + 1.6 * down)
    grid = figure.subplots(down, across, squeeze=False, sharex=True)
    panels = iter(grid.flat)
    for environment in request.environments:
        for place, (name, metrics) in enumerate(_PANELS.items()):
            axes = next(panels)
            axes.set_ylabel(name)
            for metric, look in metrics.items():
                _draw_curve(axes, request, environment, metric, *look)
            axes.grid(visible=True, axis="y")
            style.plain_numbers(axes, x=True)
            layout.few_ticks(axes, 5, x=True)
            if place == 0:
                axes.set_ylim(-0.04, 1.04)
                axes.set_title(request.environment_label(environment))
    for axes in grid[-1]:
        axes.set_xlabel("environment steps trained")
    figure.align_ylabels()
    style.legend_below(figure, _entries(), request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many seeds."""
    return (
        f"Policies of {counted(request.seeds, 'seed')} as they train, "
        f"{counted(request.experiment.episodes, 'episode')} of each. A fall ends an episode; it is forward if the "
        "torso has moved forward since the start. A foot change is counted when only one foot touches the floor and "
        "it is not the one that last did so alone. Thin lines are seeds; marks and bars are means over seeds with 95 % "
        "intervals."
    )


def _draw_curve(axes: Axes, request: Request, environment: str, metric: str, colour: str, marker: str) -> None:
    seeds, means = (_rows(request, environment, metric, table) for table in ("long", "summary"))
    faint = {"color": colour, "linewidth": 0.4, "alpha": 0.4}
    marks.line(axes, seeds, x="trained", y="value", units="seed", estimator=None, errorbar=None, **faint)
    axes.vlines(means["trained"], *marks.ends(means), colors=colour, linewidth=0.9)
    how = {"color": colour, "marker": marker, "markersize": 3.5, "linewidth": 1.2}
    axes.plot(means["trained"], means["estimate"], markeredgewidth=0, **how)


def _rows(request: Request, environment: str, metric: str, table: str) -> pd.DataFrame:
    """Select a metric's rows, with the environment steps trained before each stage in column trained."""
    rows = request.rows(table, environment=environment, metric=metric)
    rows = rows.assign(trained=rows["stage"].astype(str).map(request.trained))
    return rows.sort_values("trained", kind="stable")


def _entries() -> list[Line2D]:
    falls = {"fall forward": _FIRST, "fall backward": _SECOND}
    return [Line2D([], [], color=colour, marker=marker, label=name) for name, (colour, marker) in falls.items()]
