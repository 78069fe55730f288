"""Batches that carry no gradient at all, and batches whose returns are alike but for one, as the batch grows."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import at_levels, counted, itemised, listed, quoted
from pg.plotting.request import FigureRequest

_EMPTY, _ALIKE = "empty", "returns_alike"
_DODGE = 0.04  # factor between neighbouring strands, as a logarithm


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw both shares against N: a panel per environment and stage, a line per variant and one for the returns."""
    across = layout.beside_each_other(request)
    figure, panels = layout.panels(request, across, 1.45, sharex=True, sharey=True)
    for place, axes in zip(layout.places(request), panels, strict=True):
        _draw_panel(axes, request, place)
    # All panels share this axis. Intervals of means may reach beyond what a share can be.
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(-0.04, low), max(1.04, high))
    for axes in layout.lowest(panels, across):
        axes.set_xlabel("batch size N")
        axes.tick_params(labelbottom=True)
    for axes in panels[::across]:
        axes.set_ylabel("share of batches")
    entries = marks.legend_entries((*_strands(request), *_returns(request)), marked=True)
    style.legend_below(figure, entries, request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and both shares at the smallest and the largest batch of every stage."""
    batches = request.probe.sample.batches
    sizes = sorted({min(batches), max(batches)})
    lead = (
        "Share of batches of N trajectories whose gradient estimate is exactly zero, by variant, and in grey the share "
        "of batches in which all trajectories but at most one have the same return, so that every constant baseline "
        "weights all but that one alike; the latter is the same for all variants. Means over "
        f"{counted(request.seeds, 'policy snapshot')} per stage, on the same trajectories; bars are 95 % "
        "intervals, in brackets below."
    )
    sentences = [lead]
    for place in layout.places(request):
        strands = _strands(request)
        empty = [strand for strand in strands if (_rows(request, place, _EMPTY, (strand,))["estimate"] > 0).any()]
        shares = {one.label: _at_sizes(request, place, _ALIKE, one, sizes) for one in _returns(request)}
        shares |= {one.label: _at_sizes(request, place, _EMPTY, one, sizes) for one in empty}
        at = listed([f"N = {size}" for size in sizes])
        sentences.append(f"{layout.heading(request, place)}, at {at} — {itemised(shares)}.")
        if never := "; ".join(strand.label for strand in strands if strand not in empty):
            sentences[-1] += f" No batch without a gradient — {never}."
    return "\n".join(sentences)


def _draw_panel(axes: Axes, request: FigureRequest, place: layout.Place) -> None:
    for metric, strands in ((_ALIKE, _returns(request)), (_EMPTY, _strands(request))):
        rows = _rows(request, place, metric, strands)
        beside = rows.assign(beside=marks.dodged(rows, "batch", _DODGE))
        marks.draw_column_intervals(axes, beside, strands, "beside")
    axes.set_xscale("log", base=2)
    layout.ticks_at(axes, request.probe.sample.batches)
    axes.grid(visible=True)
    axes.set_title(layout.heading(request, place))


def _strands(request: FigureRequest) -> tuple[compared.Strand, ...]:
    return compared.told_apart(request)


def _returns(request: FigureRequest) -> tuple[compared.Strand, ...]:
    """Turn the first variant into what is measured of the returns, which all variants share."""
    grey = {"colour": style.FAINT, "marker": "d"}
    return tuple(
        replace(
            strand,
            label=at_levels("all returns but one alike", strand.levels),
            look=replace(strand.look, **grey),
        )
        for strand in _strands(request)
        if strand.variant == request.variants[0]
    )


def _at_sizes(
    request: FigureRequest, place: layout.Place, metric: str, strand: compared.Strand, sizes: list[int]
) -> str:
    rows = _rows(request, place, metric, (strand,))
    return listed([quoted(rows[rows["batch"] == size]) for size in sizes])


def _rows(request: FigureRequest, place: layout.Place, metric: str, strands: tuple[compared.Strand, ...]) -> DataFrame:
    rows = request.rows("summary", environment=place.environment, stage=place.stage, metric=metric)
    return marks.gathered(strands, rows.dropna(subset=["batch", "estimate"]))
