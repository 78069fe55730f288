"""Environment steps until a goal: the environment's threshold, or two successive evaluations that pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pg.experiments.figures.request import FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import counted, number, steps_of

_MARKERS = {1.0: "o", 0.0: ">"}  # by whether the run has reached the goal

Request = FigureRequest[TrainExperiment]


@dataclass(frozen=True, slots=True)
class _Goal:
    """A goal: the metric of reaching it, the label of the axis, and the statistic over seeds."""

    reached: str
    axis: str
    summary: str


# By kind of figure, which is also the name of the metric.
_GOALS: Mapping[str, _Goal] = {
    "steps_to_threshold": _Goal("solved", "environment steps until the threshold", "restricted mean"),
    "steps_to_pass": _Goal("passed", "environment steps until two passed evaluations", "median"),
}


def draw(request: Request) -> Figure:
    """Draw a panel per environment, a row per variant, a mark per seed."""
    series, count = request.series(), len(request.environments)
    across = min(style.panels_in_a_row(2), count) if request.is_wide else 1
    height = 0.65 + 0.21 * len(series)
    figure, panels = layout.wrapped(request.figure.width, count, across, height, margin=0.15, sharey=True)
    for axes, environment in zip(panels, request.environments, strict=True):
        _draw_panel(axes, request, environment, series)
    style.legend_below(figure, _entries(_GOALS[request.figure.kind]), request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many seeds."""
    budget, goal = request.experiment.budget, _GOALS[request.figure.kind]
    return (
        f"Environment steps {_until(request)}, {counted(request.seeds, 'seed')} per variant. A dot is a seed; a "
        f"triangle is one that missed the goal within {steps_of(budget.steps, budget.max_iterations)}, and counts as "
        f"{budget.steps:,}. Bars are the {goal.summary} with its 95 % interval. At the right: number of seeds that "
        "reached the goal."
    )


def _until(request: Request) -> str:
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


def _draw_panel(axes: Axes, request: Request, environment: str, series: tuple[Series, ...]) -> None:
    goal, budget = _GOALS[request.figure.kind], request.experiment.budget.steps
    seeds = _seeds(request, environment, series)
    marks.draw_dots(axes, seeds, series, style="reached", markers=_MARKERS, s=9)
    summary = request.rows("summary", environment=environment, metric=request.figure.kind)
    marks.draw_row_intervals(axes, summary, series)
    for row, one in enumerate(series):
        reached = seeds.loc[seeds["series"] == one.key, "reached"]
        style.note_right(axes, row, f"{int(reached.sum())}/{len(reached)}")
    style.name_rows(axes, [one.label for one in series], request.figure.width)
    # The interval of a restricted mean may extend beyond the budget.
    axes.set_xlim(0, max(1.04 * budget, axes.get_xlim()[1]))
    axes.axvline(budget, **style.DASHED_RULE)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(style.broken(goal.axis, 2.9))
    axes.set_title(request.environment_label(environment))
    style.plain_numbers(axes, x=True)


def _seeds(request: Request, environment: str, series: tuple[Series, ...]) -> pd.DataFrame:
    """Gather every seed's steps, with whether it reached the goal in column reached."""
    keys = ["series", "place", "seed"]
    steps, reached = (
        marks.gathered(series, request.rows("long", environment=environment, metric=metric))[[*keys, "value"]]
        for metric in (request.figure.kind, _GOALS[request.figure.kind].reached)
    )
    return steps.merge(reached.rename(columns={"value": "reached"}), on=keys)


def _entries(goal: _Goal) -> list[Line2D]:
    seed = {"linestyle": "", "color": style.INK, "alpha": 0.5, "mew": 0}
    interval = f"{goal.summary}, 95 % interval"
    return [
        Line2D([], [], marker=_MARKERS[1.0], label="a seed", **seed),
        Line2D([], [], marker=_MARKERS[0.0], label="not reached", **seed),
        Line2D([], [], marker="o", color=style.INK, markersize=4, linewidth=1.6, label=interval),
        Line2D([], [], label="budget", **style.DASHED_RULE),
    ]
