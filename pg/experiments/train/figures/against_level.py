"""Metrics of training at each level of a sweep: a row per variant and level."""

from __future__ import annotations

from itertools import product

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.metrics import metrics_of
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import at_level
from pg.plotting.text import at_levels, listed


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw a panel per metric, and in it a row per variant and level of the option that is swept last.

    There is a row of panels per environment and level of the other options. Equal runs are drawn once.
    """
    *others, _ = request.experiment.swept.items()
    other_levels = [dict(zip(dict(others), level, strict=True)) for level in product(*dict(others).values())]
    places = [*product(request.environments, other_levels)]
    metrics = [metrics_of(request.experiment)[name] for name in request.figure.metrics]
    series, budget = request.distinct_series(shown=tuple(dict(others))), request.experiment.budget.steps
    counts = [(at_levels(request.environment_label(name), level), len(metrics)) for name, level in places]
    across = min(len(metrics), layout.panels_in_a_row(3)) if request.is_wide else 1
    height = 0.5 + layout.height_of_rows([one.label for one in series], request.figure.width)
    figure, blocks = layout.blocks(request.figure.width, counts, across, height, sharey=across > 1)
    found: list[str] = []
    for (environment, level), panels in zip(places, blocks, strict=True):
        for axes, metric in zip(panels, metrics, strict=True):
            measured, summary = (at_level(rows, level) for rows in request.of(metric.name, environment=environment))
            is_share = metric.statistic == "share"
            marks.draw_rows(axes, series, summary, None if is_share else measured, s=6, alpha=0.5)
            if is_share:
                axes.set_xlim(-0.04, 1.04)
            if metric.statistic == "restricted_mean":
                axes.axvline(budget, **style.DASHED_RULE)
                layout.include(axes, x=(0,))
            axes.set_xlabel(layout.broken(metric.label, style.WIDTHS[request.figure.width] / across - 0.9))
            layout.few_ticks(4, axes.xaxis)
            layout.plain_numbers(axes.xaxis)
            ends = marks.extremes(series, summary, lowest_first=is_share or metric.statistic == "restricted_mean")
            found.append(f"{metric.label}: {ends}")
    statistics = {metric.statistic for metric in metrics}
    caption = f"{found[0][0].upper()}{found[0][1:]}. {request.runs[0].upper()}{request.runs[1:]} per row."
    if statistics - {"share"}:
        caption += " A dot is a seed; marks and bars are means with 95 % intervals."
    if "restricted_mean" in statistics:
        caption += " Seeds that miss the threshold count as the budget (dashed)."
    if "share" in statistics:
        methods = request.rows("summary", statistic="share")["method"].unique()
        caption += f" Shares have {listed(methods)} intervals."
    return figure, caption
