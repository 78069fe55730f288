"""Metrics of training against the levels of a swept option."""

from __future__ import annotations

import textwrap
from itertools import product

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.metrics import metrics_of
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import at_level
from pg.plotting.text import at_levels, counted, listed, option_in_words


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw the metrics against the option that is swept last: a line per variant.

    There is a row of panels per environment and level of the other options.
    """
    *others, (path, values) = request.experiment.swept.items()
    other_levels = [dict(zip(dict(others), level, strict=True)) for level in product(*dict(others).values())]
    places = [*product(request.environments, other_levels)]
    metrics = [metrics_of(request.experiment)[name] for name in request.figure.metrics]
    series, levels = request.series(shown=tuple(request.experiment.swept)), sorted(map(float, values))
    budget = request.experiment.budget.steps
    counts = [(at_levels(request.environment_label(name), level), len(metrics)) for name, level in places]
    across = min(len(metrics), 3 if request.is_wide else 1)
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.75, sharex=True, x=option_in_words(path))
    for (environment, level), panels in zip(places, blocks, strict=True):
        for axes, metric in zip(panels, metrics, strict=True):
            measured, summary = (at_level(rows, level) for rows in request.of(metric.name, environment=environment))
            axes.set_xscale("log")
            if metric.statistic == "share":
                axes.set_ylim(-0.04, 1.04)
            else:
                dots = marks.dodged(marks.gathered(series, measured), path)
                marks.scatter(axes, dots, x="shifted", y="value", s=5, **(marks.as_dots(series) | {"alpha": 0.35}))
            marks.draw_curves(axes, series, summary, path, dodge=True)
            if metric.statistic == "restricted_mean":
                axes.axhline(budget, **style.DASHED_RULE)
                axes.set_ylim(bottom=0)
            axes.set_ylabel(textwrap.fill(metric.label, 26))
            layout.ticks_at(axes, levels)
            layout.few_ticks(4, axes.yaxis)
            layout.plain_numbers(axes.yaxis)
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    names, statistics = listed([metric.label for metric in metrics]), {metric.statistic for metric in metrics}
    caption = f"{names[0].upper()}{names[1:]}, against {option_in_words(path)}; {request.runs} per variant and level."
    if statistics - {"share"}:
        caption += " Each dot is a seed; marks and bars are means with 95 % t intervals."
    if "restricted_mean" in statistics:
        caption += f" Seeds that miss the threshold count as the budget of {counted(budget, 'step')} (dashed)."
    if "share" in statistics:
        methods = request.rows("summary", statistic="share")["method"].unique()
        caption += f" Shares have {listed(methods)} intervals at 95 %."
    return figure, caption
