"""Environment steps until evaluations reach the threshold."""

from __future__ import annotations

from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted, listed

_MARKERS = {1.0: "o", 0.0: ">"}  # by whether the run has reached the goal


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw a panel per environment, a row per variant, a mark per seed."""
    metric, budget, evaluate = "steps_to_threshold", request.experiment.budget, request.experiment.evaluate
    series, titles = request.series(), [request.environment_label(name) for name in request.environments]
    across = min(layout.panels_in_a_row(2), len(titles)) if request.is_wide else 1
    height = 0.65 + layout.height_of_rows([one.label for one in series], request.figure.width)
    figure, panels = layout.panels(request.figure.width, titles, across, height, sharey=True)
    for axes, environment in zip(panels, request.environments, strict=True):
        rows = marks.gathered(series, request.rows("long", environment=environment))
        keys = ["place", "series", "seed"]
        seeds = rows.pivot(index=keys, columns="metric", values="value").reset_index().rename(columns={metric: "value"})
        marks.draw_dots(axes, seeds, series, style="solved", markers=_MARKERS, s=9)
        marks.draw_rows(axes, series, request.rows("summary", environment=environment, metric=metric))
        for row, one in enumerate(series):
            reached = seeds.loc[seeds["series"] == one.key, "solved"]
            layout.note_right(axes, row, f"{int(reached.sum())}/{len(reached)}")
        # The interval of a restricted mean may extend beyond the budget.
        axes.set_xlim(0, max(1.04 * budget.steps, axes.get_xlim()[1]))
        axes.axvline(budget.steps, **style.DASHED_RULE)
        axes.set_xlabel(layout.broken("environment steps until the threshold", 2.9))
        layout.plain_numbers(axes.xaxis)
    seed = {"linestyle": "", "color": style.INK, "alpha": 0.5, "mew": 0}
    entries = [
        Line2D([], [], marker=_MARKERS[1.0], label="a seed", **seed),
        Line2D([], [], marker=_MARKERS[0.0], label="not reached", **seed),
        Line2D(
            [], [], marker="o", color=style.INK, markersize=4, linewidth=1.6, label="restricted mean, 95 % interval"
        ),
        Line2D([], [], label="budget", **style.DASHED_RULE),
    ]
    layout.legend_below(figure, entries)
    acting = "deterministic" if evaluate.deterministic else "sampled"
    length = "" if evaluate.horizon is None else f" of up to {counted(evaluate.horizon, 'step')}"
    found = [
        marks.extremes(series, request.rows("summary", environment=environment, metric=metric), lowest_first=True)
        + (f" in {title}" if len(titles) > 1 else "")
        for environment, title in zip(request.environments, titles, strict=True)
    ]
    return figure, (
        f"Steps to the threshold: {listed(found[:2])}. An evaluation has "
        f"{counted(evaluate.episodes, acting + ' episode')}{length}, about every "
        f"{counted(evaluate.spacing(budget), 'step')}. Misses count as the budget. Bars: "
        f"restricted mean of {request.runs}, 95 % interval. Right: seeds that did."
    )
