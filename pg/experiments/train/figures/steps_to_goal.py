"""Environment steps until a goal: the environment's threshold, or two successive evaluations that pass."""

from __future__ import annotations

from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted, number, steps_of

_MARKERS = {1.0: "o", 0.0: ">"}  # by whether the run has reached the goal
# By kind of figure, which is also the metric: the metric of reaching the goal, what is awaited, and the statistic.
_GOALS = {
    "steps_to_threshold": ("solved", "the threshold", "restricted mean"),
    "steps_to_pass": ("passed", "two passed evaluations", "median"),
}


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw a panel per environment, a row per variant, a mark per seed."""
    kind, budget = request.figure.kind, request.experiment.budget
    goal, awaited, statistic = _GOALS[kind]
    series, titles = request.series(), [request.environment_label(name) for name in request.environments]
    across = min(layout.panels_in_a_row(2), len(titles)) if request.is_wide else 1
    figure, panels = layout.panels(request.figure.width, titles, across, 0.65 + 0.21 * len(series), sharey=True)
    for axes, environment in zip(panels, request.environments, strict=True):
        rows = marks.gathered(series, request.rows("long", environment=environment))
        keys = ["place", "series", "seed"]
        seeds = rows.pivot(index=keys, columns="metric", values="value").reset_index().rename(columns={kind: "value"})
        marks.draw_dots(axes, seeds, series, style=goal, markers=_MARKERS, s=9)
        marks.draw_rows(axes, series, request.rows("summary", environment=environment, metric=kind))
        for row, one in enumerate(series):
            reached = seeds.loc[seeds["series"] == one.key, goal]
            layout.note_right(axes, row, f"{int(reached.sum())}/{len(reached)}")
        # The interval of a restricted mean may extend beyond the budget.
        axes.set_xlim(0, max(1.04 * budget.steps, axes.get_xlim()[1]))
        axes.axvline(budget.steps, **style.DASHED_RULE)
        axes.set_xlabel(layout.broken(f"environment steps until {awaited}", 2.9))
        layout.plain_numbers(axes.xaxis)
    seed = {"linestyle": "", "color": style.INK, "alpha": 0.5, "mew": 0}
    interval = f"{statistic}, 95 % interval"
    entries = [
        Line2D([], [], marker=_MARKERS[1.0], label="a seed", **seed),
        Line2D([], [], marker=_MARKERS[0.0], label="not reached", **seed),
        Line2D([], [], marker="o", color=style.INK, markersize=4, linewidth=1.6, label=interval),
        Line2D([], [], label="budget", **style.DASHED_RULE),
    ]
    layout.legend_below(figure, entries)
    return figure, (
        f"Environment steps {_until(request)}, {counted(request.seeds, 'seed')} per variant. A dot is a seed; a "
        f"triangle is one that missed the goal within {steps_of(budget.steps, budget.max_iterations)}, and counts as "
        f"{budget.steps:,}. Bars are the {statistic} with its 95 % interval. At the right: number of seeds that "
        "reached the goal."
    )


def _until(request: FigureRequest[TrainExperiment]) -> str:
    evaluate = request.experiment.evaluate
    if request.figure.kind == "steps_to_threshold" or evaluate is None:
        return "until the mean return of the last five batches first reaches the threshold of the environment"
    level = "the threshold" if evaluate.passed_at is None else number(evaluate.passed_at)
    acting = "deterministic" if evaluate.deterministic else "sampled"
    length = "" if evaluate.horizon is None else f" of up to {counted(evaluate.horizon, 'step')}"
    return (
        f"until two successive evaluations have passed, one about every {counted(evaluate.every_steps, 'step')}: "
        f"{counted(evaluate.episodes, acting + ' episode')}{length}, all of which must return {level}"
    )
