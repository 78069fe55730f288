"""What several environments say together: interquartile means, and how probably a run improves on the first variant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pg.experiments.train.figures.performance_profiles import SCORE, across_words
from pg.plotting import compared, marks, style
from pg.plotting.captions import itemised, quoted, without_scores
from pg.plotting.labels import label
from pg.plotting.request import FigureRequest

_ON_WHITE: dict[str, Any] = {"color": style.FAINT, "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1.5}}


@dataclass(frozen=True, slots=True)
class _Aggregate:
    """A statistic of the table: the value that says nothing, and how axis and caption speak of it."""

    statistic: str
    axis: str
    neutral: float


_AGGREGATES = (
    _Aggregate("interquartile mean", "interquartile mean of the scores", 1.0),
    _Aggregate("improvement", "probability of improvement", 0.5),
)


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw a panel per statistic, a row per variant."""
    strands = compared.strands(request)
    beside = request.figure.width == "two_columns"
    down, across = (1, 2) if beside else (2, 1)
    figure = style.canvas(request.figure.width, 0.2 + down * (0.5 + 0.21 * len(strands)))
    panels = figure.subplots(down, across, sharey=True)
    for axes, aggregate in zip(panels, _AGGREGATES, strict=True):
        _draw_panel(axes, request, aggregate, strands)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, with every estimate and its interval."""
    first = label(request.study, _reference(request))
    lead = (
        f"Statistics across {across_words(request)} (Agarwal et al. 2021), with 95 % intervals of a bootstrap "
        f"stratified by environment, which stand in brackets below. {SCORE} The interquartile mean is that of the "
        "middle half of all runs' scores. The probability of improvement is that of a run scoring higher than one of "
        f"{first}, averaged over environments. Dashed lines: the threshold, and one half, where neither is better."
    )
    quoted = [f"{one.axis.capitalize()} — {itemised(_quoted(request, one))}." for one in _AGGREGATES]
    return "\n".join([lead, *quoted, *without_scores(request.rows("across")["estimate"])])


def _quoted(request: FigureRequest, aggregate: _Aggregate) -> dict[str, str]:
    rows = request.rows("across", statistic=aggregate.statistic)
    return {strand.label: quoted(own) for strand in compared.strands(request) if len(own := strand.rows(rows))}


def _draw_panel(
    axes: Axes, request: FigureRequest, aggregate: _Aggregate, strands: tuple[compared.Strand, ...]
) -> None:
    marks.draw_row_intervals(axes, request.rows("across", statistic=aggregate.statistic), strands)
    style.name_rows(axes, [strand.label for strand in strands], request.figure.width)
    axes.axvline(aggregate.neutral, **style.DASHED_RULE)
    if aggregate.statistic == "improvement":
        axes.set_xlim(-0.02, 1.02)
        for row, strand in enumerate(strands):
            if strand.variant == _reference(request):
                axes.annotate(
                    "compared with", (0.5, row), ha="center", va="center", fontsize=style.scaled(6.5), **_ON_WHITE
                )
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(style.broken(aggregate.axis, 2.1))


def _reference(request: FigureRequest) -> str:
    """Name the variant that the others are compared with."""
    over = request.rows("across", statistic="improvement")["over"]
    return str(over.iloc[0]) if len(over) else request.variants[0]
