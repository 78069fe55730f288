"""Scores of tuning against the learning rate, and the rate that was chosen."""

from __future__ import annotations

from itertools import product

from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import at_level
from pg.plotting.text import at_levels, counted

_DODGE = 0.06  # factor between neighbouring series, as a logarithm


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw the score against the learning rate: a panel per environment and level, a line per variant."""
    swept, table = request.experiment.swept, request.tables["tuned"]
    series = request.series(shown=tuple(swept))
    # A panel per level keeps many curves readable.
    levels = [dict(zip(swept, values, strict=True)) for values in product(*swept.values())]
    drawn = list(product(request.environments, levels))
    titles = [at_levels(request.environment_label(environment), level) for environment, level in drawn]
    across = min(layout.panels_in_a_row(3), len(drawn)) if request.is_wide else 1
    figure, panels = layout.panels(request.figure.width, titles, across, 2.0, margin=0.1)
    for axes, (environment, level) in zip(panels, drawn, strict=True):
        scores = at_level(request.rows("tuned", environment=environment), level)
        if len(scores):
            scores = marks.dodged(series, scores, "learning_rate", _DODGE)
            marks.scatter(axes, scores, x="shifted", y="score", s=5, **marks.as_dots(series))
            means = scores.drop_duplicates(["series", "shifted"]).rename(columns={"mean": "estimate"})
            marks.draw_lines(axes, means, series, "shifted")
            chosen = means.loc[means["chosen"]]
            large = {"s": 36, "linewidth": 0.6, "zorder": 3, **marks.as_marks(series)}
            marks.scatter(axes, chosen, x="shifted", y="estimate", **large)
            ringed = chosen.loc[chosen["at_edge"]]
            ring = {"edgecolors": ringed["colour"].tolist(), "linewidths": 0.7}
            axes.scatter(ringed["shifted"], ringed["estimate"], s=100, c="none", zorder=3, **ring)
        axes.set_xscale("log")
        layout.ticks_at(axes, sorted(table["learning_rate"].unique()))
        axes.grid(visible=True)
        axes.set(xlabel="learning rate", ylabel="mean return over budget")
        layout.plain_numbers(axes.yaxis)
    entries = marks.legend_entries([one for one in series if len(one.rows(table))])
    if any(table["at_edge"]):
        ring = {"marker": "o", "linestyle": "", "mfc": "none", "mec": style.INK, "markersize": 7, "mew": 0.7}
        entries.append(Line2D([], [], label="chosen at an edge of the grid", **ring))
    layout.legend_below(figure, entries)
    return figure, (
        "Sensitivity to the learning rate: the mean return over the whole budget (area under the learning curve) of "
        f"each of {counted(request.seeds, 'tuning seed')} as a dot, and their mean as a line. Tuning and evaluation "
        "use different seeds. Large marks are the chosen rates; a ring marks a choice at an edge of the grid, "
        "beyond which a better rate may exist. If all rates tie, tuning cannot rank them and there is no ring."
    )
