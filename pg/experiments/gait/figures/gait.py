"""Falls by direction, foot changes and return of humanoids, against training steps."""

from __future__ import annotations

from itertools import product

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


def draw(request: FigureRequest[GaitExperiment]) -> Figure:
    """Draw each metric against the environment steps trained: a row of panels per environment, thin lines for seeds."""
    across = len(_PANELS) if request.is_wide else 1
    down = len(_PANELS) // across * len(request.environments)
    figure = layout.canvas(request.figure.width, 0.2 + 1.6 * down)
    grid = figure.subplots(down, across, squeeze=False, sharex=True)
    panels = product(request.environments, _PANELS.items())
    for axes, (environment, (name, metrics)) in zip(grid.flat, panels, strict=True):
        for metric, (colour, marker) in metrics.items():
            seeds, means = (
                rows.assign(trained=rows["stage"].astype(str).map(request.trained)).sort_values(
                    "trained", kind="stable"
                )
                for rows in request.of(metric, environment=environment)
            )
            marks.seeds(axes, seeds, "trained", "value", color=colour, linewidth=0.4, alpha=0.4)
            axes.vlines(means["trained"], *marks.ends(means), colors=colour, linewidth=0.9)
            how = {"color": colour, "marker": marker, "markersize": 3.5, "linewidth": 1.2}
            axes.plot(means["trained"], means["estimate"], markeredgewidth=0, **how)
        axes.set_ylabel(name)
        axes.grid(visible=True, axis="y")
        layout.plain_numbers(axes.xaxis)
        layout.few_ticks(5, axes.xaxis)
        if len(metrics) > 1:
            axes.set_ylim(-0.04, 1.04)
            axes.set_title(request.environment_label(environment))
    for axes in grid[-1]:
        axes.set_xlabel("environment steps trained")
    figure.align_ylabels()
    falls = {"fall forward": _FIRST, "fall backward": _SECOND}
    entries = [Line2D([], [], color=colour, marker=marker, label=name) for name, (colour, marker) in falls.items()]
    layout.legend_below(figure, entries)
    return figure


def caption(request: FigureRequest[GaitExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many seeds."""
    return (
        f"Policies of {counted(request.seeds, 'seed')} as they train, "
        f"{counted(request.experiment.episodes, 'episode')} of each. A fall ends an episode; it is forward if the "
        "torso has moved forward since the start. A foot change is counted when only one foot touches the floor and "
        "it is not the one that last did so alone. Thin lines are seeds; marks and bars are means over seeds with 95 % "
        "intervals."
    )
