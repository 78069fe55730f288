"""What one update does to likelihoods: which trajectories of its batch rise, and how it ranks those it has not seen.

The batch's own trajectories are told apart by whether they earned less or more than the batch's mean return.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame

from pg.experiments.records import UpdateExperiment
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, quoted
from pg.plotting.layout import Place
from pg.plotting.request import FigureRequest, Table

_CORRELATION = "rank_correlation"


@dataclass(frozen=True, slots=True)
class _Side:
    """The trajectories on one side of their batch's mean return, and how they stand in a row."""

    metric: str
    words: str
    shift: float
    fill: str | None


_SIDES = (
    _Side("rising_below_average", "below average", -0.17, fill="white"),
    _Side("rising_above_average", "above average", 0.17, fill=None),
)


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw shares that rise and the rank correlation: two panels per environment and stage, a row per variant."""
    strands, places = compared.told_apart(request), layout.places(request)
    figure = style.canvas(request.figure.width, 0.3 + len(places) * (0.3 + 0.22 * len(strands)))
    grid = figure.subplots(len(places), 2, squeeze=False, sharex="col", sharey=True, width_ratios=(3, 2))
    for (shares, correlations), place in zip(grid, places, strict=True):
        _draw_shares(shares, request, place, strands)
        _draw_means(correlations, request, place, _CORRELATION, strands)
        _set_axes(correlations, neutral=0.0, label="rank correlation")
        style.name_rows(shares, [strand.label for strand in strands], request.figure.width)
        shares.set_title(layout.heading(request, place))
    for axes in grid[:-1].flat:
        axes.set_xlabel("")
    style.legend_below(figure, _entries(), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and every variant's numbers at the last stage."""
    experiment = request.experiment_of(UpdateExperiment)
    lead = (
        "What one update does to the likelihood p(τ) of trajectories, in "
        f"{counted(experiment.updates, 'update')} from each of {counted(request.seeds, 'policy snapshot')}. Left: the "
        "share of the batch's own trajectories that become likelier, of those that earned less than the batch's mean "
        "return and of those that earned more. Right: the rank correlation (Spearman) of the change in log p(τ) with "
        f"the return, over {experiment.fresh} trajectories that the update has not seen. Each dot is a snapshot; marks "
        "and bars are means with 95 % intervals, which stand in brackets below."
    )
    strands, sentences = compared.told_apart(request), [lead + layout.last_stage_quoted(request)]
    for place in layout.last_places(request):
        results = {strand.label: _result(request, place, strand) for strand in strands}
        sentences.append(f"{layout.heading(request, place)} — {itemised(results)}.")
    return "\n".join([*sentences, *_undefined(request, strands)])


def _undefined(request: FigureRequest, strands: tuple[compared.Strand, ...]) -> list[str]:
    """Say why there are dashes, where there are any."""
    quoted = product(layout.last_places(request), (*(side.metric for side in _SIDES), _CORRELATION))
    rows = [marks.gathered(strands, _at(request, place, metric, "summary")) for place, metric in quoted]
    if not any(one["estimate"].isna().any() for one in rows):
        return []
    return ["A dash: undefined, because all trajectories of some snapshot earn the same."]


def _draw_shares(axes: Axes, request: FigureRequest, place: Place, strands: tuple[compared.Strand, ...]) -> None:
    for side in _SIDES:
        _draw_means(axes, request, place, side.metric, strands, side)
    _set_axes(axes, neutral=0.5, label="share made likelier")
    low, high = axes.get_xlim()
    axes.set_xlim(min(-0.03, low), max(1.03, high))


def _draw_means(
    axes: Axes,
    request: FigureRequest,
    place: Place,
    metric: str,
    strands: tuple[compared.Strand, ...],
    side: _Side | None = None,
) -> None:
    """Draw a dot per snapshot, the mean and its interval; those of a side apart from the middle of the row."""
    tables: tuple[Table, ...] = ("long", "summary")
    dots, means = (marks.gathered(strands, _at(request, place, metric, table)) for table in tables)
    if side is not None:
        dots, means = (rows.assign(place=rows["place"] + side.shift) for rows in (dots, means))
    marks.draw_dots(axes, dots, strands, s=4, alpha=0.35)
    means = means.dropna(subset=["estimate"])
    if means.empty:
        return
    colours = [marks.colours(strands)[key] for key in means["strand"]]
    axes.hlines(means["place"], style.bounded(means["ci_low"]), style.bounded(means["ci_high"]), colors=colours)
    marks.scatter(axes, means, x="estimate", y="place", s=16, zorder=3, **marks.as_marks(strands))
    drawn = axes.collections[-1]
    drawn.set_edgecolor(colours)
    if side is not None and side.fill is not None:
        drawn.set_facecolor(side.fill)


def _set_axes(axes: Axes, neutral: float, label: str) -> None:
    axes.axvline(neutral, **style.RULE)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(style.broken(label, 1.2))
    axes.tick_params(axis="y", length=0)


def _entries() -> list[Line2D]:
    return [
        Line2D([], [], marker="o", linestyle="", color=style.INK, markerfacecolor=side.fill, label=side.words)
        for side in _SIDES
    ]


def _result(request: FigureRequest, place: Place, strand: compared.Strand) -> str:
    shares = [f"{_mean(request, place, strand, side.metric)} {side.words}" for side in _SIDES]
    return ", ".join([*shares, f"rank correlation {_mean(request, place, strand, _CORRELATION)}"])


def _mean(request: FigureRequest, place: Place, strand: compared.Strand, metric: str) -> str:
    return quoted(strand.rows(_at(request, place, metric, "summary")))


def _at(request: FigureRequest, place: Place, metric: str, table: Table) -> DataFrame:
    return request.rows(table, environment=place.environment, stage=place.stage, metric=metric)
