"""How much of the true gradient each estimator expects: all of it, or 1 − 1/N where a trajectory enters its baseline.

What is drawn is exact, so that no policy needs an interval: each of them is a mark.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from pandas import DataFrame, concat

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, listed, span
from pg.plotting.request import FigureRequest

_STAIRS = {"color": style.FAINT, "linewidth": 0.9}
_FILLED = 0.75  # part of a stair that the marks of one N take up

_SHRUNK, _WHOLE, _NEITHER = "At 1 − 1/N, but for rounding", "At 1, but for rounding", "At neither"


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw ⟨E[ĝ], ∇J⟩ / ‖∇J‖² against N, with 1 − 1/N as stairs: a panel per environment and stage."""
    strands = _strands(request)
    across = layout.beside_each_other(request)
    figure, panels = layout.panels(request, across, 1.6, sharex=True, sharey=True)
    for place, axes in zip(layout.places(request), panels, strict=True):
        _draw_panel(axes, _rows(request, place, strands), strands)
        axes.set_title(layout.heading(request, place))
    # All panels share this axis, with zero in sight: the height above it is what is left of the gradient.
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(min(0.0, low), max(1.08, high))
    for axes in layout.lowest(panels, across):
        axes.set_xlabel("batch size N")
        axes.tick_params(labelbottom=True)
    for axes in panels[::across]:
        axes.set_ylabel(r"$\langle \mathrm{E}[\hat{g}], \nabla J \rangle \,/\, \|\nabla J\|^2$")
    entries = [*marks.mark_entries(strands), Line2D([], [], label="1 − 1/N", **_STAIRS)]
    style.legend_below(figure, entries, request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, which variants lie on the stairs and which at 1, and how far the others spread."""
    strands = _strands(request)
    rows = concat([_rows(request, place, strands) for place in layout.places(request)])
    sizes = listed([f"{size:g}" for size in sorted(rows["batch"].unique())])
    lead = (
        "Part of the true gradient that an estimate has in expectation, ⟨E[ĝ], ∇J⟩ / ‖∇J‖², exact, from every possible "
        f"batch of N = {sizes} trajectories. Each mark is the policy of one of "
        f"{counted(len(rows['seed'].unique()), 'seed')}; at each N the variants stand beside each other. The grey "
        "stairs are 1 − 1/N, the grey line above them is 1."
    )
    found: dict[str, dict[str, str]] = {_SHRUNK: {}, _WHOLE: {}, _NEITHER: {}}
    for strand in strands:
        own = rows.loc[rows["strand"] == strand.key]
        if len(own):
            found[_course(own)][strand.label] = span(own["kept"].min(), own["kept"].max())
    exact = [f"{course} — {'; '.join(found[course])}." for course in (_SHRUNK, _WHOLE) if found[course]]
    others = [f"{_NEITHER}, from lowest to highest mark — {itemised(found[_NEITHER])}."] if found[_NEITHER] else []
    return "\n".join([lead, *exact, *others])


def _draw_panel(axes: Axes, rows: DataFrame, strands: tuple[compared.Strand, ...]) -> None:
    sizes, edges = _stairs(rows)
    axes.stairs(_shrunk(sizes), edges, baseline=None, zorder=1, **_STAIRS)
    axes.axhline(1, zorder=1, **_STAIRS)
    step = _FILLED * float(np.diff(np.log(edges)).min()) / len(strands)
    beside = rows.assign(beside=marks.dodged(rows, "batch", step))
    look = marks.as_marks(strands)
    marks.scatter(axes, beside, x="beside", y="kept", s=14, linewidth=0.3, zorder=3, **look)
    axes.set_xscale("log")
    layout.ticks_at(axes, sizes)
    axes.grid(visible=True, axis="y")


def _stairs(rows: DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes drawn and the edges of their stairs: marks that stand beside each other share one height."""
    sizes = np.sort(rows["batch"].unique().astype(np.float64))
    between = np.sqrt(sizes[1:] * sizes[:-1])
    first, last = (between[0], between[-1]) if len(between) else (sizes[0] / 1.2, sizes[0] * 1.2)
    return sizes, np.array([sizes[0] ** 2 / first, *between, sizes[-1] ** 2 / last])


def _shrunk(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 - 1 / sizes


def _course(rows: DataFrame) -> str:
    kept = rows["kept"].to_numpy(np.float64)
    for course, expected in ((_SHRUNK, _shrunk(rows["batch"].to_numpy(np.float64))), (_WHOLE, np.ones(len(rows)))):
        if (np.abs(kept - expected) < marks.ROUNDING).all():
            return course
    return _NEITHER


def _strands(request: FigureRequest) -> tuple[compared.Strand, ...]:
    return compared.told_apart(request, but=("variant.batch",))


def _rows(request: FigureRequest, place: layout.Place, strands: tuple[compared.Strand, ...]) -> DataFrame:
    rows = request.rows("long", environment=place.environment, stage=place.stage, metric="shrinkage")
    # Under a policy whose true gradient is zero there is nothing to have a part of.
    gathered = marks.gathered(strands, rows).dropna(subset=["value"])
    return gathered.assign(batch=gathered["batch"].astype(np.float64), kept=1 + gathered["value"])
