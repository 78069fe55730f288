"""What becomes of importance weights as trajectories grow longer, at a policy change of one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.experiments.records import HorizonExperiment
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, listed, number, quoted
from pg.plotting.layout import Place
from pg.plotting.request import FigureRequest

_QUANTILES = tuple(f"log_weight_q{at}" for at in ("05", "25", "50", "75", "95"))
_AXIS_LABELS = {
    "effective_share": "effective share of N",
    "log_weight_variance": "variance of log w",
    "largest_weight": "largest w",
    "total_variance": "tr Cov (return²)",
}
_QUOTED = {**_AXIS_LABELS, "median_weight": "median w"}
_DODGE = 0.05  # factor between neighbouring strands, as a logarithm


@dataclass(frozen=True, slots=True)
class _Panel:
    """A metric of every strand, or the quantiles of a single one."""

    place: Place
    strands: tuple[compared.Strand, ...]
    metric: str | None


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the quantiles of log w against T, a panel per variant, and four measures with a line per variant."""
    strands, places, horizons = (
        compared.told_apart(request),
        layout.places(request),
        request.experiment_of(HorizonExperiment).horizons,
    )
    across = 3 if request.figure.width == "two_columns" else 2
    panels = [_panels(place, strands) for place in places]
    down = math.ceil(len(panels[0]) / across)
    figure = style.canvas(request.figure.width, 0.25 + 1.45 * down * len(places))
    grid = figure.subplots(down * len(places), across, squeeze=False, sharex=True)
    for start, of_place in zip(range(0, len(grid), down), panels, strict=True):
        spots = layout.used(list(grid[start : start + down].flat), len(of_place))
        for axes, panel in zip(spots, of_place, strict=True):
            _draw_panel(axes, request, panel, horizons)
        _share_heights(spots[: len(strands)])
        spots[0].set_title(layout.heading(request, of_place[0].place))
        for axes in layout.lowest(spots, across):
            axes.set_xlabel("horizon T")
            axes.tick_params(labelbottom=True)
    figure.align_ylabels()
    style.legend_below(figure, marks.legend_entries(strands, marked=True), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and every number at the longest horizon."""
    experiment, strands = request.experiment_of(HorizonExperiment), compared.told_apart(request)
    snapshots, longest = request.seeds, max(experiment.horizons)
    lead = (
        f"Importance weights of {experiment.trajectories} trajectories of θ, cut off at T, at a policy θ' in a random "
        f"direction from θ, at mean divergence E[KL(π_θ'‖π_θ)] = {number(experiment.kl)} at the longest horizon and "
        "the same for every T. Panels of log w hold one variant each: its median, and bands from the 25 % to the 75 % "
        "and from the 5 % to the 95 % quantile, each quantile the mean over policies. Quantiles and variance are those "
        "of the logarithm of whole products, where weights are products, else of single ratios. Lines are means (of "
        f"tr Cov geometric ones) with 95 % intervals over {counted(snapshots, 'policy snapshot')}, in brackets below."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for place in layout.last_places(request):
        results = {strand.label: _result(request, place, strand, longest) for strand in strands}
        sentences.append(f"{layout.heading(request, place)}, T = {longest} — {itemised(results)}.")
    return "\n".join(sentences)


def _result(request: FigureRequest, place: Place, strand: compared.Strand, horizon: int) -> str:
    return listed([f"{words} {_quoted(request, place, metric, strand, horizon)}" for metric, words in _QUOTED.items()])


def _panels(place: Place, strands: tuple[compared.Strand, ...]) -> list[_Panel]:
    return [
        *(_Panel(place, (strand,), None) for strand in strands),
        *(_Panel(place, strands, metric) for metric in _AXIS_LABELS),
    ]


def _draw_panel(axes: Axes, request: FigureRequest, panel: _Panel, horizons: Sequence[int]) -> None:
    axes.set_xscale("log")
    if panel.metric is None:
        _draw_bands(axes, request, panel.place, panel.strands[0])
        axes.set_ylabel("log w")
    else:
        _draw_lines(axes, _rows(request, panel.place, panel.metric, panel.strands), panel.strands)
        axes.set_ylabel(_AXIS_LABELS[panel.metric])
    layout.ticks_at(axes, horizons)
    axes.grid(visible=True)


def _draw_bands(axes: Axes, request: FigureRequest, place: Place, strand: compared.Strand) -> None:
    lowest, low, middle, high, highest = (
        strand.rows(request.rows("summary", environment=place.environment, stage=place.stage, metric=metric))
        for metric in _QUANTILES
    )
    horizons = middle["horizon"]
    for below, above, alpha in ((lowest, highest, 0.18), (low, high, 0.32)):
        colour = strand.look.colour
        axes.fill_between(horizons, below["estimate"], above["estimate"], color=colour, alpha=alpha, linewidth=0)
    axes.plot(horizons, middle["estimate"], marker=strand.look.marker, markersize=3, linewidth=1, **strand.look.line)


def _draw_lines(axes: Axes, rows: DataFrame, strands: tuple[compared.Strand, ...]) -> None:
    axes.set_yscale("log")
    if not rows.empty:
        marks.draw_column_intervals(axes, rows.assign(beside=marks.dodged(rows, "horizon", _DODGE)), strands, "beside")
        # An interval that reaches down to nothing must not stretch a logarithmic axis.
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, rows["estimate"].min() / 3), high)
    layout.log_ticks(axes, y=True)


def _share_heights(panels: Sequence[Axes]) -> None:
    """Give panels one range of heights, so that their bands can be compared."""
    ends = [panel.get_ylim() for panel in panels]
    for panel in panels:
        panel.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))


def _rows(request: FigureRequest, place: Place, metric: str, strands: tuple[compared.Strand, ...]) -> DataFrame:
    rows = request.rows("summary", environment=place.environment, stage=place.stage, metric=metric)
    # A logarithmic axis has no place for the variance of weights that are all 1.
    return marks.gathered(strands, rows[rows["estimate"] > 0])


def _quoted(request: FigureRequest, place: Place, metric: str, strand: compared.Strand, horizon: int) -> str:
    rows = strand.rows(request.rows("summary", environment=place.environment, stage=place.stage, metric=metric))
    return quoted(rows[rows["horizon"] == horizon])
