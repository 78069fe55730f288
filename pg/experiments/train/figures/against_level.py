"""What becomes of training as one option is swept: any of its metrics against the option's levels."""

from __future__ import annotations

import math
import textwrap
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from pg.experiments.metrics import METRICS, Metric
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, in_words, itemised, listed, option_in_words, quoted
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest, Table
from pg.study.expansion import swept

_SPREAD = 0.5  # share of the gap between two levels that the strands at one of them take up


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw every metric of the figure against the swept level: a row of panels per environment, a line per variant."""
    strands, environments, metrics = _strands(request), request.environments, _metrics(request)
    across = min(len(metrics), 3 if request.figure.width == "two_columns" else 1)
    down = math.ceil(len(metrics) / across)
    figure = style.canvas(request.figure.width, 0.25 + 1.75 * down * len(environments))
    grid = figure.subplots(down * len(environments), across, squeeze=False, sharex=True)
    for start, environment in zip(range(0, len(grid), down), environments, strict=True):
        spots = layout.used(list(grid[start : start + down].flat), len(metrics))
        for axes, metric in zip(spots, metrics, strict=True):
            _draw_panel(axes, request, environment, metric, strands)
        spots[0].set_title(environment_label(request.study, environment))
        for axes in layout.lowest(spots, across):
            axes.set_xlabel(option_in_words(_path(request)))
            axes.tick_params(labelbottom=True)
    figure.align_ylabels()
    style.legend_below(figure, marks.legend_entries(strands, marked=True), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and every metric at the last level."""
    strands, path, metrics = _strands(request), _path(request), _metrics(request)
    seeds, last = request.seeds, _levels(request)[-1]
    names = listed([metric.label for metric in metrics])
    lead = (
        f"{names[0].upper()}{names[1:]}, against {option_in_words(path)}; {counted(seeds, 'seed')} per variant and "
        f"level. {_of_marks(request, metrics)}"
    )
    sentences = [lead]
    for environment in request.environments:
        for metric in metrics:
            results = {strand.label: _quoted(request, environment, metric, strand, last) for strand in strands}
            name = environment_label(request.study, environment)
            sentences.append(f"{name}, {metric.label}, at {in_words(path, last)} — {itemised(results)}.")
    return "\n".join(sentences)


def _of_marks(request: FigureRequest, metrics: tuple[Metric, ...]) -> str:
    """Say what dots, marks and bars are: shares have no dots, and intervals of their own kind."""
    shares = [metric for metric in metrics if metric.statistic == "share"]
    parts: list[str] = []
    if len(shares) < len(metrics):
        parts.append("Each dot is a seed; marks and bars are means with 95 % t intervals.")
    if any(metric.statistic == "restricted_mean" for metric in metrics):
        budget = counted(request.training.budget.steps, "step")
        parts.append(f"Seeds that do not reach the threshold count as the budget of {budget} (dashed).")
    if shares:
        parts.append("Shares have Clopper–Pearson intervals at 95 %.")
    return " ".join([*parts, "Intervals stand in brackets below."])


def _draw_panel(
    axes: Axes, request: FigureRequest, environment: str, metric: Metric, strands: tuple[compared.Strand, ...]
) -> None:
    levels = _levels(request)
    # A logarithmic axis: neighbouring strands differ by a factor.
    gap = min(math.log(after / before) for before, after in pairwise(levels))
    step = _SPREAD * gap / len(strands)
    axes.set_xscale("log")
    if metric.statistic != "share":
        dots = _beside(_rows(request, environment, metric, strands, "long"), request, step)
        marks.scatter(axes, dots, x="beside", y="value", s=5, **(marks.as_dots(strands) | {"alpha": 0.35}))
    means = _beside(_rows(request, environment, metric, strands, "summary"), request, step)
    marks.draw_column_intervals(axes, means.dropna(subset=["estimate"]), strands, "beside")
    if metric.statistic == "restricted_mean":
        axes.axhline(request.training.budget.steps, **style.DASHED_RULE)
        axes.set_ylim(bottom=0)
    if metric.statistic == "share":
        axes.set_ylim(-0.04, 1.04)
    axes.set_ylabel(textwrap.fill(metric.label, 26))
    layout.ticks_at(axes, levels)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.grid(visible=True)
    style.plain_numbers(axes, y=True)


def _beside(rows: DataFrame, request: FigureRequest, step: float) -> DataFrame:
    return rows.assign(beside=marks.dodged(rows, _path(request), step))


def _rows(
    request: FigureRequest, environment: str, metric: Metric, strands: tuple[compared.Strand, ...], table: Table
) -> DataFrame:
    return marks.gathered(strands, request.rows(table, environment=environment, metric=metric.name))


def _quoted(request: FigureRequest, environment: str, metric: Metric, strand: compared.Strand, level: float) -> str:
    rows = strand.rows(request.rows("summary", environment=environment, metric=metric.name))
    return quoted(rows[rows[_path(request)] == level])


def _strands(request: FigureRequest) -> tuple[compared.Strand, ...]:
    return compared.told_apart(request, but=(_path(request),))


def _metrics(request: FigureRequest) -> tuple[Metric, ...]:
    return tuple(METRICS[name] for name in request.figure.metrics)


def _levels(request: FigureRequest) -> list[float]:
    return sorted(map(float, request.training.sweep[_path(request)]))


def _path(request: FigureRequest) -> str:
    # Validation asks for exactly one.
    (path,) = swept(request.training)
    return path
