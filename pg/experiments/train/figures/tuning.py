"""Scores of tuning by learning rate, and how often each rate was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import counted, number

_SCORES = LinearSegmentedColormap.from_list("scores", ["#ffffff", "#7fb4de"])  # pale enough for dark text


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw a table per environment: a row per variant and level, a column per learning rate; equal rows once."""
    table = request.tables["tuned"]
    series = [one for one in request.distinct_series(table="tuned", column="score") if len(one.rows(table))]
    rates = sorted(table["learning_rate"].unique())
    names = [one.label for one in series]
    titles = [request.environment_label(name) for name in request.environments]
    height = 0.45 + layout.height_of_rows(names, request.figure.width)
    figure, panels = layout.panels(request.figure.width, titles, 1, height, margin=0.1, x="learning rate")
    best: list[pd.DataFrame] = []
    for axes, environment in zip(panels, request.environments, strict=True):
        scores = marks.gathered(series, request.rows("tuned", environment=environment))
        _draw_cells(axes, scores, rates)
        _frame_choices(axes, series, scores.loc[(scores["share"] == 1) & scores["chosen"]], rates)
        layout.name_rows(axes, names)
        axes.set(xlim=(-0.5, len(rates) - 0.5), ylim=(len(names) - 0.5, -0.5))
        axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        axes.tick_params(axis="x", length=0)
        axes.spines[:].set_visible(False)
        best.append(scores.loc[scores["share"] == 1].rename(columns={"mean": "estimate"}))
    tuning = request.experiment.tuning
    assert tuning is not None, "only experiments that tune have this figure"
    highest = pd.concat(best).sort_values("estimate").drop_duplicates("series", keep="last")
    return figure, (
        f"Best mean return over the budget: {marks.between(series, highest)}. Numbers average "
        f"{counted(request.seeds, 'tuning seed')}; italic: its first quarter, after which the worse half of the rates "
        f"is dropped. Framed: chosen by so many of {counted(tuning.selections, 'selection')}; †: edge of the rates."
    )


def _draw_cells(axes: Axes, scores: pd.DataFrame, rates: Sequence[float]) -> None:
    """Write a score per cell: over the budget on its colour, or over the first part of the budget in italics."""
    shown = scores.sort_values("share").drop_duplicates(["place", "learning_rate"], keep="last")
    places = sorted(shown["place"].unique())
    whole = shown.loc[shown["share"] == 1].pivot_table("mean", "place", "learning_rate")
    whole = whole.reindex(index=places, columns=list(rates)).to_numpy(np.float64)
    edges = np.arange(len(rates) + 1) - 0.5, np.arange(len(places) + 1) - 0.5
    axes.pcolormesh(*edges, np.ma.masked_invalid(whole), cmap=_SCORES, edgecolors="white")
    for row in shown.to_dict("records"):
        font: dict[str, Any] = {"fontsize": style.scaled(6.5), "fontstyle": "normal" if row["share"] == 1 else "italic"}
        at = (rates.index(row["learning_rate"]), row["place"])
        axes.text(*at, number(row["mean"]), ha="center", va="center", **font)


def _frame_choices(axes: Axes, series: Sequence[Series], chosen: pd.DataFrame, rates: Sequence[float]) -> None:
    """Frame each chosen rate, with the number of selections that chose it."""
    times = chosen.groupby(["place", "learning_rate"]).agg(count=("selection", "nunique"), edge=("at_edge", "any"))
    for found in times.reset_index().to_dict("records"):
        column, place = rates.index(found["learning_rate"]), found["place"]
        look: dict[str, Any] = {"fill": False, "edgecolor": series[int(place)].look.colour, "linewidth": 1.2}
        axes.add_patch(Rectangle((column - 0.47, place - 0.42), 0.94, 0.84, **look))
        text = f"({found['count']}{'†' if found['edge'] else ''})"
        axes.text(column + 0.44, place, text, ha="right", va="center", fontsize=style.scaled(6.5))
