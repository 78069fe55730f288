"""Environment steps until the threshold: every seed, and the mean restricted to the budget."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import Series

from pg.presentation import style
from pg.presentation.captions import counted, itemised, number, with_interval
from pg.presentation.figures import FigureRequest
from pg.study.equations import environment_label


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw a panel per environment that has a threshold, a row per variant, a mark per seed.

    Raises
    ------
    ValueError
        If no environment of the figure declares a threshold.
    """
    strands, environments = style.strands(request), _environments(request)
    across = min(2, len(environments)) if request.figure.width == "two_columns" else 1
    down = math.ceil(len(environments) / across)
    figure = style.canvas(request.figure.width, 0.7 + down * (0.55 + 0.21 * len(strands)))
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes, environment in zip(grid.flat, environments, strict=False):
        _draw_panel(axes, request, environment, strands)
    for unused in grid.flat[len(environments) :]:
        unused.set_axis_off()
    style.legend_below(figure, _entries(), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and each variant's restricted mean and number of seeds that reached the threshold."""
    budget = number(request.training.budget.steps)
    seeds = len(request.tables["long"]["seed"].unique())
    sentences = [
        "Environment steps until the mean return of the last five batches first reaches the threshold, "
        f"{counted(seeds, 'seed')} per variant. A dot is a seed; a triangle is one that did not reach the threshold "
        f"within {budget} steps and counts as {budget}. Bars are means restricted to the budget with 95 % intervals, "
        "which stand in brackets below. At the right: how many seeds reached it."
    ]
    for environment in _environments(request):
        summary = request.rows("summary", environment=environment, metric="steps_to_threshold")
        results = {
            strand.label: f"{with_interval(*line)}, reached by {_solved(request, environment, strand, ' of ')}"
            for strand in style.strands(request)
            for line in strand.rows(summary)[["estimate", "ci_low", "ci_high"]].itertuples(index=False)
        }
        if results:
            threshold = number(request.study.environments[environment].threshold or math.nan)
            name = environment_label(request.study, environment)
            sentences.append(f"{name}, steps to a return of {threshold} — {itemised(results)}.")
    return "\n".join(sentences)


def _draw_panel(axes: Axes, request: FigureRequest, environment: str, strands: tuple[style.Strand, ...]) -> None:
    budget = request.training.budget.steps
    summary = request.rows("summary", environment=environment, metric="steps_to_threshold")
    for row, strand in enumerate(strands):
        colour = strand.look.colour
        steps = _values(request, environment, strand, "steps_to_threshold")
        missed = _values(request, environment, strand, "censored").reindex(steps.index) > 0
        heights = row + style.spread(len(steps))
        axes.plot(steps[~missed], heights[~missed], ".", color=colour, alpha=0.5, markersize=4, mew=0)
        axes.plot(steps[missed], heights[missed], ">", mfc="none", mec=colour, markersize=3, mew=0.6)
        style.draw_interval(axes, strand.rows(summary), row, strand.look)
        style.note_beside(axes, row, _solved(request, environment, strand, "/"))
    style.name_rows(axes, strands, request.figure.width)
    axes.set_xlim(0, 1.04 * budget)
    axes.axvline(budget, color=style.FAINT, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("environment steps until the threshold")
    axes.set_title(environment_label(request.study, environment))
    style.plain_numbers(axes, x=True)


def _environments(request: FigureRequest) -> tuple[str, ...]:
    solvable = tuple(name for name in request.environments if request.study.environments[name].threshold is not None)
    if not solvable:
        raise ValueError(f"none of the environments {', '.join(request.environments)} declares a threshold")
    return solvable


def _solved(request: FigureRequest, environment: str, strand: style.Strand, between: str) -> str:
    solved = _values(request, environment, strand, "solved")
    return f"{int(np.nansum(solved))}{between}{len(solved)}"


def _values(request: FigureRequest, environment: str, strand: style.Strand, metric: str) -> Series:
    rows = strand.rows(request.rows("long", environment=environment, metric=metric))
    return Series(rows["value"].to_numpy(np.float64), index=rows["seed"]).sort_index()


def _entries() -> list[Line2D]:
    ink = style.INK
    return [
        Line2D([], [], marker=".", linestyle="", color=ink, alpha=0.5, markersize=5, mew=0, label="a seed"),
        Line2D([], [], marker=">", linestyle="", mfc="none", mec=ink, markersize=3.5, mew=0.6, label="not reached"),
        Line2D([], [], marker="o", color=ink, markersize=4, linewidth=1.6, label="restricted mean, 95 % interval"),
        Line2D([], [], color=style.FAINT, linewidth=0.6, linestyle=(0, (4, 3)), label="budget"),
    ]
