"""Scores of tuning against the learning rate, and the rate that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series, at_level
from pg.plotting.text import at_levels, counted

_AREA_OF_A_SELECTION = 12  # square points


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
            scores = marks.dodged(marks.gathered(series, scores), "learning_rate")
            finals = scores.loc[scores["share"] == 1]
            marks.scatter(axes, finals, x="shifted", y="score", s=5, **marks.as_dots(series))
            screened = _means(scores.loc[scores["share"] < 1])
            thin = {"linewidth": 0.6, "alpha": 0.5, **marks.as_lines(series)}
            marks.line(axes, screened, x="shifted", y="estimate", **thin)
            marks.draw_lines(axes, _means(finals), series, "shifted")
            _draw_choices(axes, series, finals.loc[finals["chosen"]])
        axes.set_xscale("log")
        layout.ticks_at(axes, sorted(table["learning_rate"].unique()))
        axes.grid(visible=True)
        axes.set(xlabel="learning rate", ylabel="mean return over budget")
        layout.plain_numbers(axes.yaxis)
    entries = marks.legend_entries([one for one in series if len(one.rows(table))])
    if any(table["at_edge"]):
        ring = {"marker": "o", "linestyle": "", "mfc": "none", "mec": style.INK, "markersize": 7, "mew": 0.7}
        entries.append(Line2D([], [], label="chosen at an edge of the rates tried", **ring))
    layout.legend_below(figure, entries)
    tuning = request.experiment.tuning
    assert tuning is not None, "only experiments that tune have this figure"
    return figure, (
        f"Mean return over the budget of {counted(request.seeds, 'tuning seed')} in "
        f"{counted(tuning.selections, 'selection')} (dots), and their mean (line). Thin: over the first quarter of the "
        "budget, after which the worse half of the rates is dropped. Large marks are the chosen rates, the larger the "
        "more selections chose them; a ring marks an edge of the rates tried."
    )


def _means(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.drop_duplicates(["series", "shifted"]).rename(columns={"mean": "estimate"})


def _draw_choices(axes: Axes, series: Sequence[Series], scores: pd.DataFrame) -> None:
    """Draw a mark at each chosen rate, with an area for each selection that chose it."""
    choices = scores.drop_duplicates(["series", "shifted", "selection"]).groupby(["series", "shifted"])
    drawn = choices.agg(mean=("mean", "first"), times=("selection", "size"), at_edge=("at_edge", "any")).reset_index()
    for one in series:
        chosen = drawn.loc[drawn["series"] == one.key]
        look = {"color": one.look.colour, "marker": one.look.marker, "edgecolors": "white", "linewidths": 0.6}
        axes.scatter(chosen["shifted"], chosen["mean"], s=_AREA_OF_A_SELECTION * chosen["times"], zorder=3, **look)
        ringed = chosen.loc[chosen["at_edge"]]
        ring = {"edgecolors": one.look.colour, "linewidths": 0.7, "zorder": 3}
        axes.scatter(ringed["shifted"], ringed["mean"], s=140, c="none", **ring)
