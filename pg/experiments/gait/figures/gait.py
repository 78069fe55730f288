"""Falls by direction, foot changes and distance of humanoids, against training steps."""

from __future__ import annotations

from itertools import product

from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.gait.record import GaitExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted, number

# The first category is grey, as the seeds of metrics that are drawn in ink.
_, _BACKWARD, _FORWARD = (
    (look.colour, look.marker) for look in style.categories(["neither", "backward", "forward"]).values()
)
# Single metrics of a panel are drawn in ink. The legend's colours are for the two falls.
_OWN = (style.INK, "D")
# Name of the axis: for each metric its colour and marker.
_PANELS = {
    "falls per episode": {"fell_forward": _FORWARD, "fell_backward": _BACKWARD},
    "foot changes per episode": {"alternating_steps": _OWN},
    "metres moved forward": {"displacement": _OWN},
}


def draw(request: FigureRequest[GaitExperiment]) -> Drawn:
    """Draw each metric against the environment steps trained: a row of panels per environment, thin lines for seeds."""
    drawn = list(product(request.environments, _PANELS.items()))
    titles = [f"{request.environment_label(one)}, {name}" for one, (name, _) in drawn]
    across, x = len(_PANELS) if request.is_wide else 1, "environment steps trained"
    figure, panels = layout.panels(request.figure.width, titles, across, 1.6, margin=0.2, sharex=True, x=x)
    for axes, (environment, (_, metrics)) in zip(panels, drawn, strict=True):
        for metric, (colour, marker) in metrics.items():
            seeds, means = (
                rows.assign(trained=rows["stage"].astype(str).map(request.trained))
                for rows in request.of(metric, environment=environment)
            )
            seeds, means = (rows.sort_values("trained", kind="stable") for rows in (seeds, means))
            marks.seeds(axes, seeds, "trained", "value", color=colour, linewidth=0.4, alpha=0.4)
            axes.vlines(means["trained"], *marks.ends(means), colors=colour, linewidth=0.9)
            how = {"color": colour, "marker": marker, "markersize": 3.5, "linewidth": 1.2}
            axes.plot(means["trained"], means["estimate"], markeredgewidth=0, **how)
        axes.grid(visible=True, axis="y")
        layout.ticks_at(axes, sorted(set(request.trained.values())))
        layout.plain_numbers(axes.xaxis)
        if len(metrics) > 1:
            axes.set_ylim(-0.04, 1.04)
    falls = {"fall forward": _FORWARD, "fall backward": _BACKWARD}
    entries = [Line2D([], [], color=colour, marker=marker, label=name) for name, (colour, marker) in falls.items()]
    layout.legend_below(figure, entries)
    moved = request.between(request.rows("summary", metric="displacement"))
    return figure, (
        f"Share of episodes that fall forward: {_falls(request)}; metres moved forward: {moved}; in "
        f"{counted(request.experiment.episodes, 'episode')} per policy. A fall is forward if the "
        "centre of mass has moved forward. Foot changes: the other foot alone on the floor. Thin "
        f"lines: {counted(request.seeds, 'seed')}; marks: means, 95 % intervals."
    )


def _falls(request: FigureRequest[GaitExperiment]) -> str:
    """Write the mean share of falls forward in the first environment, by stage: "0.8 (initial), 0.9 (late)"."""
    rows = request.rows("summary", metric="fell_forward", environment=next(iter(request.environments)))
    means = dict(zip(rows["stage"].astype(str), rows["estimate"], strict=True))
    return ", ".join(f"{number(means[one], 2)} ({one.replace('_', ' ')})" for one in request.stages if one in means)
