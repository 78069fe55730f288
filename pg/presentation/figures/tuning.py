"""How sensitive each variant is to its learning rate, and which one tuning chose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from pg.evidence.statistics import Interval, mean
from pg.presentation import style
from pg.presentation.captions import counted, itemised
from pg.presentation.figures import FigureRequest
from pg.study.equations import environment_label
from pg.study.expansion import Cell


def tuned_table(choices: Iterable[tuple[Cell, Mapping[str, Any]]]) -> pd.DataFrame:
    """Lay the scores of tuning out as one table.

    Parameters
    ----------
    choices
        Each tuned cell with its record: `learning_rate`, `at_edge` and `scores`, a list of `learning_rate`, `seed`,
        `score`.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, learning_rate, seed, score, chosen, at_edge; a row per score.
    """
    rows = [
        {
            "environment": cell.environment_name,
            "variant": cell.variant_name,
            **cell.levels,
            **score,
            "chosen": score["learning_rate"] == choice["learning_rate"],
            "at_edge": choice["at_edge"],
        }
        for cell, choice in choices
        for score in choice["scores"]
    ]
    fixed = ["environment", "variant", "learning_rate", "seed", "score", "chosen", "at_edge"]
    return pd.DataFrame(rows, columns=None if rows else fixed)


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the score against the learning rate: a panel per environment, a line per variant."""
    strands, environments = style.strands(request), request.environments
    across = min(3, len(environments)) if request.figure.width == "two_columns" else 1
    down = math.ceil(len(environments) / across)
    figure = style.canvas(request.figure.width, 0.6 + 0.05 * len(strands) + 1.75 * down)
    grid = figure.subplots(down, across, squeeze=False)
    for axes, environment in zip(grid.flat, environments, strict=False):
        _draw_panel(axes, request, environment, strands)
    for unused in grid.flat[len(environments) :]:
        unused.set_axis_off()
    style.legend_below(figure, _entries(request, strands), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, which rates were chosen, and which of them lie at an edge of the grid."""
    table = request.tables["tuned"]
    sentences = [
        "Sensitivity to the learning rate: the mean return over the whole budget (area under the learning curve), "
        f"mean and 95 % t interval over {counted(len(table['seed'].unique()), 'tuning seed')}, which are apart from "
        "the seeds of the evaluation. Large marks are the chosen rates; a ring marks a choice at an edge of the grid, "
        "where a better rate may lie beyond."
    ]
    for environment in request.environments:
        rates = {
            strand.label: f"{chosen.learning_rate:g}" + (" (edge of the grid)" if chosen.at_edge else "")
            for strand in style.strands(request)
            for chosen in _chosen(strand.rows(request.rows("tuned", environment=environment)))
        }
        if rates:
            sentences.append(f"{environment_label(request.study, environment)} — {itemised(rates)}.")
    return "\n".join(sentences)


def _draw_panel(axes: Axes, request: FigureRequest, environment: str, strands: tuple[style.Strand, ...]) -> None:
    for place, strand in enumerate(strands):
        rows = strand.rows(request.rows("tuned", environment=environment))
        if not rows.empty:
            _draw_strand(axes, strand, rows, math.exp(0.06 * (place - (len(strands) - 1) / 2)))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sorted(request.tables["tuned"]["learning_rate"].unique())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(visible=True)
    axes.set_title(environment_label(request.study, environment))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("mean return over the budget")
    style.plain_numbers(axes, y=True)


def _draw_strand(axes: Axes, strand: style.Strand, rows: pd.DataFrame, dodge: float) -> None:
    look = strand.look
    scores: dict[float, Interval] = {
        rate: mean(rows.loc[rows["learning_rate"] == rate, "score"].to_numpy(float))
        for rate in sorted(rows["learning_rate"].unique())
    }
    rates = [rate * dodge for rate in scores]
    means = [score.estimate for score in scores.values()]
    low, high = (style.bounded([getattr(score, end) for score in scores.values()]) for end in ("low", "high"))
    axes.vlines(rates, low, high, color=look.colour, linewidth=0.8)
    axes.plot(rates, means, marker=look.marker, markersize=2.5, mec="white", mew=0.3, linewidth=1, **look.line)
    for chosen in _chosen(rows):
        at = (chosen.learning_rate * dodge, scores[chosen.learning_rate].estimate)
        axes.plot(*at, look.marker, color=look.colour, markersize=6, mec="white", mew=0.6, zorder=3)
        if chosen.at_edge:
            axes.plot(*at, "o", mfc="none", mec=look.colour, markersize=10, mew=0.7, zorder=3)


def _chosen(rows: pd.DataFrame) -> Iterable[Any]:
    """Yield one row at the chosen rate, if there is one."""
    return rows[rows["chosen"]].head(1).itertuples()


def _entries(request: FigureRequest, strands: tuple[style.Strand, ...]) -> list[Line2D]:
    entries = [
        Line2D([], [], marker=strand.look.marker, label=strand.label, markersize=3.5, **strand.look.line)
        for strand in strands
    ]
    if any(request.tables["tuned"]["at_edge"]):
        ring = Line2D([], [], marker="o", linestyle="", mfc="none", mec=style.INK, markersize=7, mew=0.7)
        ring.set_label("chosen at an edge of the grid")
        entries.append(ring)
    return entries
