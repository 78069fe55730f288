"""Environment steps until the threshold: every seed, and the mean restricted to the budget."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame

from pg.presentation import marks, style
from pg.presentation.captions import counted, itemised, number, with_interval
from pg.presentation.figures import FigureRequest
from pg.study.equations import environment_label

_MARKERS = {0.0: "o", 1.0: ">"}  # by whether the run is censored


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
    figure = style.canvas(request.figure.width, 0.15 + down * (0.65 + 0.21 * len(strands)))
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
    lead = (
        "Environment steps until the mean return of the last five batches first reaches the threshold, "
        f"{counted(seeds, 'seed')} per variant. A dot is a seed; a triangle is one that did not reach the threshold "
        f"within {budget} steps and counts as {budget}. Bars are means restricted to the budget with 95 % intervals, "
        "which stand in brackets below. At the right: how many seeds reached it."
    )
    sentences = [lead]
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
    marks.draw_dots(axes, _seeds(request, environment, strands), strands, style="censored", markers=_MARKERS, s=9)
    marks.draw_row_intervals(axes, summary, strands)
    for row, strand in enumerate(strands):
        style.note_beside(axes, row, _solved(request, environment, strand, "/"))
    style.name_rows(axes, strands, request.figure.width)
    # The interval of a restricted mean may reach beyond the budget.
    axes.set_xlim(0, max(1.04 * budget, axes.get_xlim()[1]))
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


def _seeds(request: FigureRequest, environment: str, strands: tuple[style.Strand, ...]) -> DataFrame:
    """Gather every seed's steps, together with whether it missed the threshold."""
    keys = ["strand", "place", "seed"]
    steps, censored = (
        marks.gathered(strands, request.rows("long", environment=environment, metric=metric))[[*keys, "value"]]
        for metric in ("steps_to_threshold", "censored")
    )
    return steps.merge(censored.rename(columns={"value": "censored"}), on=keys)


def _solved(request: FigureRequest, environment: str, strand: style.Strand, between: str) -> str:
    solved = strand.rows(request.rows("long", environment=environment, metric="solved"))["value"]
    return f"{int(solved.sum())}{between}{len(solved)}"


def _entries() -> list[Line2D]:
    ink = style.INK
    return [
        Line2D([], [], marker=_MARKERS[0.0], linestyle="", color=ink, alpha=0.5, mew=0, label="a seed"),
        Line2D([], [], marker=_MARKERS[1.0], linestyle="", color=ink, alpha=0.5, mew=0, label="not reached"),
        Line2D([], [], marker="o", color=ink, markersize=4, linewidth=1.6, label="restricted mean, 95 % interval"),
        Line2D([], [], color=style.FAINT, linewidth=0.6, linestyle=(0, (4, 3)), label="budget"),
    ]
