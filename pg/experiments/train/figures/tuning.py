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
from pg.plotting.text import counted, listed, number

_SCORES = LinearSegmentedColormap.from_list("scores", ["#ffffff", "#7fb4de"])  # pale enough for dark text


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw a table per experiment and environment: a row per variant and level, a column per learning rate."""
    parts = (request, *request.others)
    rates = sorted({rate for part in parts for rate in part.tables["tuned"]["learning_rate"]})
    drawn = [(part, _tuned_series(part), environment) for part in parts for environment in part.environments]
    names = [[one.label for one in series] for _, series, _ in drawn]
    heights = [0.32 + _height(labels, is_wide=request.is_wide) for labels in names]
    figure = layout.canvas(request.figure.width, 0.15 + sum(heights))
    panels = figure.subplots(len(drawn), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (part, series, environment), labels in zip(panels, drawn, names, strict=True):
        experiment = f"{part.figure.experiment.replace('_', ' ')}, " if request.others else ""
        axes.set_title(f"{experiment}{part.environment_label(environment)}")
        scores = marks.gathered(series, part.rows("tuned", environment=environment))
        _draw_cells(axes, scores, rates, is_wide=request.is_wide)
        chosen = scores.loc[(scores["share"] == 1) & scores["chosen"]]
        _frame_choices(axes, series, chosen, rates, is_wide=request.is_wide)
        layout.name_rows(axes, labels)
        axes.set(xlim=(-0.5, len(rates) - 0.5), ylim=(len(labels) - 0.5, -0.5))
        axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates] if axes is panels[-1] else [])
        axes.tick_params(axis="x", length=0)
        axes.spines[:].set_visible(False)
    panels[-1].set_xlabel("learning rate")
    return figure, (
        f"{_commonest(drawn)} Numbers: mean return over the budget of {counted(request.seeds, 'tuning seed')}; italic: "
        "over its first quarter, after which the worse half of the rates is dropped. Framed: chosen, by so many "
        "selections; †: an edge of the rates tried."
    )


def _tuned_series(part: FigureRequest[TrainExperiment]) -> list[Series]:
    table = part.tables["tuned"]
    return [one for one in part.distinct_series(table="tuned", column="score") if len(one.rows(table))]


def _commonest(drawn: Sequence[tuple[FigureRequest[TrainExperiment], list[Series], str]]) -> str:
    """Say which rates were chosen most often."""
    scores = [
        marks.gathered(series, part.rows("tuned", environment=environment)).assign(panel=place)
        for place, (part, series, environment) in enumerate(drawn)
    ]
    every = pd.concat(scores)
    every = every.loc[every["chosen"]].drop_duplicates(["panel", "series", "selection"])
    counts = every["learning_rate"].value_counts().sort_index()
    most = counts[counts == counts.max()]
    rates, each = listed([f"{rate:g}" for rate in most.index]), " each" if len(most) > 1 else ""
    return f"Chosen most often: {rates}, by {most.iloc[0]} of {counted(len(every), 'selection')}{each}."


def _height(labels: Sequence[str], *, is_wide: bool) -> float:
    """Return the inches of a table; in narrow cells the number of selections is below the score."""
    if is_wide:
        return 0.8 * layout.height_of_rows(labels, "two_columns")
    return max(layout.height_of_rows(labels, "one_column"), 0.3 * len(labels))


def _draw_cells(axes: Axes, scores: pd.DataFrame, rates: Sequence[float], *, is_wide: bool) -> None:
    """Write a score per cell: over the budget on its colour, or over the first part of the budget in italics."""
    shown = scores.sort_values("share").drop_duplicates(["place", "learning_rate"], keep="last")
    places = sorted(shown["place"].unique())
    whole = shown.loc[shown["share"] == 1].pivot_table("mean", "place", "learning_rate")
    whole = whole.reindex(index=places, columns=list(rates)).to_numpy(np.float64)
    edges = np.arange(len(rates) + 1) - 0.5, np.arange(len(places) + 1) - 0.5
    axes.pcolormesh(*edges, np.ma.masked_invalid(whole), cmap=_SCORES, edgecolors="white")
    for row in shown.to_dict("records"):
        font: dict[str, Any] = {"fontsize": style.scaled(6.5), "fontstyle": "normal" if row["share"] == 1 else "italic"}
        at = (rates.index(row["learning_rate"]), row["place"] - (0.0 if is_wide else 0.18))
        axes.text(*at, number(row["mean"]), ha="center", va="center", **font)


def _frame_choices(
    axes: Axes, series: Sequence[Series], chosen: pd.DataFrame, rates: Sequence[float], *, is_wide: bool
) -> None:
    """Frame each chosen rate, with the number of selections that chose it."""
    times = chosen.groupby(["place", "learning_rate"]).agg(count=("selection", "nunique"), edge=("at_edge", "any"))
    for found in times.reset_index().to_dict("records"):
        column, place = rates.index(found["learning_rate"]), found["place"]
        look: dict[str, Any] = {"fill": False, "edgecolor": series[int(place)].look.colour, "linewidth": 1.2}
        axes.add_patch(Rectangle((column - 0.47, place - 0.42), 0.94, 0.84, **look))
        text = f"({found['count']}{'†' if found['edge'] else ''})"
        at = (column + 0.44, place) if is_wide else (column + 0.4, place + 0.22)
        axes.text(*at, text, ha="right", va="center", fontsize=style.scaled(6.5))
