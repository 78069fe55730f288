"""Environment steps until a goal: every seed, and what summarises them.

The goal is the environment's threshold for the returns of batches, or two successive evaluations that pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, number, quoted, steps_of
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest

_MARKERS = {1.0: "o", 0.0: ">"}  # by whether the run has reached the goal


@dataclass(frozen=True, slots=True)
class _Goal:
    """A goal: the share of runs that reach it, and how axis, legend and caption speak of it."""

    reached: str
    axis: str
    summary: str
    until: str
    bars: str


# By kind of figure, which is the name of the metric.
_GOALS: Mapping[str, _Goal] = {
    "steps_to_threshold": _Goal(
        reached="solved",
        axis="environment steps until the threshold",
        summary="restricted mean",
        until="until the mean return of the last five batches first reaches the threshold",
        bars="means restricted to the budget",
    ),
    "steps_to_pass": _Goal(
        reached="passed",
        axis="environment steps until two passed evaluations",
        summary="median",
        until="until two successive evaluations have passed",
        bars="medians",
    ),
}


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw a panel per environment that has the goal, a row per variant, a mark per seed.

    Raises
    ------
    ValueError
        If the goal is a threshold, and no environment of the figure declares one.
    """
    strands, environments = compared.strands(request), _environments(request)
    across = min(style.beside(2), len(environments)) if request.figure.width == "two_columns" else 1
    height = 0.65 + 0.21 * len(strands)
    figure, panels = layout.wrapped(request, len(environments), across, height, margin=0.15, sharey=True)
    for axes, environment in zip(panels, environments, strict=True):
        _draw_panel(axes, request, environment, strands)
    style.legend_below(figure, _entries(_goal(request)), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and each variant's summary and number of seeds that reached the goal."""
    goal, budget = _goal(request), request.training.budget
    lead = (
        f"Environment steps {goal.until}, {counted(request.seeds, 'seed')} per variant. A dot is a seed; a triangle is "
        f"one that did not get there within {steps_of(budget)}, and counts as {budget.steps:,}. Bars are {goal.bars} "
        "with 95 % intervals, which stand in brackets below. At the right: how many seeds got there."
    )
    sentences = [lead]
    for environment in _environments(request):
        summary = request.rows("summary", environment=environment, metric=request.figure.kind)
        results = {
            strand.label: f"{quoted(own)}, reached by {_solved(request, environment, strand, ' of ')}"
            for strand in compared.strands(request)
            if len(own := strand.rows(summary))
        }
        if results:
            name = environment_label(request.study, environment)
            sentences.append(f"{name}, {_in_words(request, environment)} — {itemised(results)}.")
    return "\n".join(sentences)


def _draw_panel(axes: Axes, request: FigureRequest, environment: str, strands: tuple[compared.Strand, ...]) -> None:
    budget = request.training.budget.steps
    summary = request.rows("summary", environment=environment, metric=request.figure.kind)
    marks.draw_dots(axes, _seeds(request, environment, strands), strands, style="reached", markers=_MARKERS, s=9)
    marks.draw_row_intervals(axes, summary, strands)
    for row, strand in enumerate(strands):
        style.note_beside(axes, row, _solved(request, environment, strand, "/"))
    style.name_rows(axes, [strand.label for strand in strands], request.figure.width)
    # The interval of a restricted mean may reach beyond the budget.
    axes.set_xlim(0, max(1.04 * budget, axes.get_xlim()[1]))
    axes.axvline(budget, **style.DASHED_RULE)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(style.broken(_goal(request).axis, 2.9))
    axes.set_title(environment_label(request.study, environment))
    style.plain_numbers(axes, x=True)


def _goal(request: FigureRequest) -> _Goal:
    return _GOALS[request.figure.kind]


def _in_words(request: FigureRequest, environment: str) -> str:
    """Say what exactly is reached in an environment."""
    threshold, evaluate = request.study.environments[environment].threshold, request.training.evaluate
    if request.figure.kind == "steps_to_threshold" or evaluate is None:
        return f"steps to a return of {number(threshold or math.nan)}"
    level = threshold if evaluate.passed_at is None else evaluate.passed_at
    acting = "deterministic" if evaluate.deterministic else "sampled"
    length = "" if evaluate.horizon is None else f" of up to {counted(evaluate.horizon, 'step')}"
    return (
        f"evaluations of {counted(evaluate.episodes, acting + ' episode')}{length} about every "
        f"{counted(evaluate.every_steps, 'step')}, all of which must return {number(level or math.nan)}"
    )


def _environments(request: FigureRequest) -> tuple[str, ...]:
    if request.figure.kind == "steps_to_pass":
        return request.environments
    solvable = tuple(name for name in request.environments if request.study.environments[name].threshold is not None)
    if not solvable:
        raise ValueError(f"none of the environments {', '.join(request.environments)} declares a threshold")
    return solvable


def _seeds(request: FigureRequest, environment: str, strands: tuple[compared.Strand, ...]) -> DataFrame:
    """Gather every seed's steps, together with whether it reached the goal."""
    keys = ["strand", "place", "seed"]
    steps, reached = (
        marks.gathered(strands, request.rows("long", environment=environment, metric=metric))[[*keys, "value"]]
        for metric in (request.figure.kind, _goal(request).reached)
    )
    return steps.merge(reached.rename(columns={"value": "reached"}), on=keys)


def _solved(request: FigureRequest, environment: str, strand: compared.Strand, between: str) -> str:
    solved = strand.rows(request.rows("long", environment=environment, metric=_goal(request).reached))["value"]
    return f"{int(solved.sum())}{between}{len(solved)}"


def _entries(goal: _Goal) -> list[Line2D]:
    ink = style.INK
    return [
        Line2D([], [], marker=_MARKERS[1.0], linestyle="", color=ink, alpha=0.5, mew=0, label="a seed"),
        Line2D([], [], marker=_MARKERS[0.0], linestyle="", color=ink, alpha=0.5, mew=0, label="not reached"),
        Line2D([], [], marker="o", color=ink, markersize=4, linewidth=1.6, label=f"{goal.summary}, 95 % interval"),
        Line2D([], [], label="budget", **style.DASHED_RULE),
    ]
