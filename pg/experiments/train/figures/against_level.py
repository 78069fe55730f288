"""Metrics of training against the levels of one swept option."""

from __future__ import annotations

import math
import textwrap
from itertools import pairwise

from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest
from pg.experiments.metric import Metric
from pg.experiments.metrics import metrics_of
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted, listed, option_in_words

_SPREAD = 0.5  # share of the gap between two levels that the series at one of them occupy


def draw(request: FigureRequest[TrainExperiment]) -> Figure:
    """Draw the metrics of the figure against the level: a row of panels per environment, a line per variant."""
    ((path, values),) = request.experiment.swept.items()
    series, metrics, levels = request.series(shown=(path,)), _metrics(request), sorted(map(float, values))
    across = min(len(metrics), 3 if request.is_wide else 1)
    down = math.ceil(len(metrics) / across)
    figure = layout.canvas(request.figure.width, 0.25 + 1.75 * down * len(request.environments))
    grid = figure.subplots(down * len(request.environments), across, squeeze=False, sharex=True)
    # On a logarithmic axis neighbouring series differ by a factor.
    step = _SPREAD * min(math.log(after / before) for before, after in pairwise(levels)) / len(series)
    for start, environment in zip(range(0, len(grid), down), request.environments, strict=True):
        panels = layout.used(list(grid[start : start + down].flat), len(metrics))
        for axes, metric in zip(panels, metrics, strict=True):
            measured, summary = request.of(metric.name, environment=environment)
            axes.set_xscale("log")
            if metric.statistic == "share":
                axes.set_ylim(-0.04, 1.04)
            else:
                dots = marks.dodged(series, measured, path, step)
                marks.scatter(axes, dots, x="shifted", y="value", s=5, **(marks.as_dots(series) | {"alpha": 0.35}))
            marks.draw_curves(axes, series, summary, path, dodge=step)
            if metric.statistic == "restricted_mean":
                axes.axhline(request.experiment.budget.steps, **style.DASHED_RULE)
                axes.set_ylim(bottom=0)
            axes.set_ylabel(textwrap.fill(metric.label, 26))
            layout.ticks_at(axes, levels)
            layout.few_ticks(4, axes.yaxis)
            layout.plain_numbers(axes.yaxis)
        panels[0].set_title(request.environment_label(environment))
        layout.name_axes(panels, across, x=option_in_words(path))
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    return figure


def _metrics(request: FigureRequest[TrainExperiment]) -> list[Metric]:
    declared = metrics_of(request.experiment)
    return [declared[name] for name in request.figure.metrics]


def caption(request: FigureRequest[TrainExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many seeds."""
    (path,) = request.experiment.swept
    metrics = _metrics(request)
    names = listed([metric.label for metric in metrics])
    statistics = {metric.statistic for metric in metrics}
    lead = (
        f"{names[0].upper()}{names[1:]}, against {option_in_words(path)}; {counted(request.seeds, 'seed')} per variant "
        "and level."
    )
    sentences = [lead]
    if statistics - {"share"}:
        sentences.append("Each dot is a seed; marks and bars are means with 95 % t intervals.")
    if "restricted_mean" in statistics:
        budget = counted(request.experiment.budget.steps, "step")
        sentences.append(f"Seeds that miss the threshold count as the budget of {budget} (dashed).")
    if "share" in statistics:
        sentences.append("Shares have Clopper-Pearson intervals at 95 %.")
    return " ".join(sentences)
