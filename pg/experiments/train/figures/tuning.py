"""How sensitive each variant is to its learning rate, and which one tuning chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import at_levels, counted, itemised
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest
from pg.study.expansion import swept

_DODGE = 0.06  # factor between neighbouring strands, as a logarithm


@dataclass(frozen=True, slots=True)
class _Panel:
    """An environment at one level of the sweep: a panel of its own keeps many curves readable."""

    environment: str
    level: Mapping[str, Any]

    def rows(self, request: FigureRequest) -> pd.DataFrame:
        """Select the scores of the panel."""
        rows = request.rows("tuned", environment=self.environment)
        return compared.at_level(rows, self.level)

    def title(self, request: FigureRequest) -> str:
        """Name the panel as its title and the caption do."""
        named = environment_label(request.study, self.environment)
        return at_levels(named, self.level)


def _panels(request: FigureRequest) -> list[_Panel]:
    varied = swept(request.study.experiments[request.figure.experiment])
    levels = [{path: level[path] for path in varied} for level in request.levels]
    return [_Panel(*both) for both in product(request.environments, levels)]


def _strands(request: FigureRequest) -> tuple[compared.Strand, ...]:
    return compared.told_apart(request, but=tuple(request.study.experiments[request.figure.experiment].sweep))


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the score against the learning rate: a panel per environment and level, a line per variant."""
    strands, panels = _strands(request), _panels(request)
    across = min(style.beside(3), len(panels)) if request.figure.width == "two_columns" else 1
    figure, spots = layout.wrapped(request, len(panels), across, 2.0, margin=0.1)
    for axes, panel in zip(spots, panels, strict=True):
        _draw_panel(axes, request, panel, strands)
    style.legend_below(figure, _entries(request, strands), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, which rates were chosen, and which of them lie at an edge of the grid or tie with all."""
    table = request.tables["tuned"]
    lead = (
        "Sensitivity to the learning rate: the mean return over the whole budget (area under the learning curve), of "
        f"each of {counted(len(table['seed'].unique()), 'tuning seed')} as a dot and their mean as a line; seeds of "
        "tuning are apart from those of the evaluation. Large marks are the chosen rates; a ring marks a choice at an "
        "edge of the grid, where a better rate may lie beyond."
    )
    sentences = [lead]
    if table["tied"].any():
        sentences.append("Where all rates tie, nothing was learned from tuning.")
    for panel in _panels(request):
        rates = {
            strand.label: f"{chosen.learning_rate:g}{_remark(chosen)}"
            for strand in _strands(request)
            for chosen in _chosen(strand.rows(panel.rows(request)))
        }
        if rates:
            sentences.append(f"{panel.title(request)} — {itemised(rates)}.")
    return "\n".join(sentences)


def _draw_panel(axes: Axes, request: FigureRequest, panel: _Panel, strands: tuple[compared.Strand, ...]) -> None:
    scores = marks.gathered(strands, panel.rows(request))
    if len(scores):
        _draw_scores(axes, scores.assign(beside=marks.dodged(scores, "learning_rate", _DODGE)), strands)
    axes.set_xscale("log")
    layout.ticks_at(axes, sorted(request.tables["tuned"]["learning_rate"].unique()))
    axes.grid(visible=True)
    axes.set_title(panel.title(request))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("mean return over budget")
    style.plain_numbers(axes, y=True)


def _draw_scores(axes: Axes, scores: pd.DataFrame, strands: tuple[compared.Strand, ...]) -> None:
    """Draw seeds as dots, because an interval over so few would say little, and the means that tuning compares."""
    marks.scatter(axes, scores, x="beside", y="score", s=5, **marks.as_dots(strands))
    keys = ["strand", "place", "beside", "chosen", "at_edge"]
    means = scores.groupby(keys, sort=False)["score"].mean(skipna=False).rename("estimate").reset_index()
    marks.draw_lines(axes, means, strands, "beside")
    chosen = means.loc[means["chosen"]]
    marks.scatter(axes, chosen, x="beside", y="estimate", s=36, linewidth=0.6, zorder=3, **marks.as_marks(strands))
    at_edge = chosen.loc[chosen["at_edge"]]
    colours = at_edge["strand"].map(marks.colours(strands)).tolist()
    axes.scatter(at_edge["beside"], at_edge["estimate"], s=100, c="none", edgecolors=colours, linewidths=0.7, zorder=3)


def _chosen(rows: pd.DataFrame) -> Iterable[Any]:
    """Yield one row at the chosen rate, if there is one."""
    return rows[rows["chosen"]].head(1).itertuples()


def _remark(chosen: Any) -> str:
    if chosen.tied:
        return " (all rates tie)"
    return " (edge of the grid)" if chosen.at_edge else ""


def _entries(request: FigureRequest, strands: tuple[compared.Strand, ...]) -> list[Line2D]:
    drawn = [strand for strand in strands if len(strand.rows(request.tables["tuned"]))]
    entries = marks.legend_entries(drawn, marked=True)
    if any(request.tables["tuned"]["at_edge"]):
        ring = Line2D([], [], marker="o", linestyle="", mfc="none", mec=style.INK, markersize=7, mew=0.7)
        ring.set_label("chosen at an edge of the grid")
        entries.append(ring)
    return entries
