"""Backward passes that the gradient of one batch takes: one per step as the explicit sum, one as the surrogate's."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame, concat

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, listed, number, quoted
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest, Table

_SURROGATE = 1
_MARGIN = 1.5  # factor between the surrogate's one pass and the beginning of the axis
_DASHED = {"color": style.INK, "linewidth": 0.8, "linestyle": (0, (4, 3))}


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the passes of the explicit sum on a logarithmic axis: a panel per environment, a row per variant."""
    strands, environments = compared.strands(request), request.environments
    across = min(2, len(environments)) if request.figure.width == "two_columns" else 1
    height = 0.65 + 0.21 * len(strands)
    figure, panels = layout.wrapped(request, len(environments), across, height, margin=0.15, sharey=True)
    for axes, environment in zip(panels, environments, strict=True):
        _draw_panel(axes, request, environment, strands)
    _share_axis(panels)
    style.legend_below(figure, _entries(), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, each variant's mean number of passes, and how far the two gradients ever lie apart."""
    strands = compared.strands(request)
    passes = _drawn(request, strands, "backward_passes")
    sizes = listed([f"{size:g}" for size in sorted(passes["batch"].unique())])
    lead = (
        "Backward passes that the gradient of one batch takes as the explicit sum of its terms: one for each step of "
        f"each of N = {sizes} trajectories. Each dot is the random policy of one of "
        f"{counted(len(passes['seed'].unique()), 'seed')}; bars are means, written at the right, with 95 % intervals, "
        "in brackets below. The dashed line is the surrogate objective, whose gradient takes one backward pass."
    )
    sentences = [lead]
    for environment in request.environments:
        summary = _rows(request, environment, "summary")
        means = {strand.label: quoted(own) for strand in strands if len(own := strand.rows(summary))}
        if means:
            sentences.append(f"{environment_label(request.study, environment)}, passes — {itemised(means)}.")
    return "\n".join([*sentences, *_agreement(_drawn(request, strands, "explicit_difference"))])


def _agreement(differences: DataFrame) -> list[str]:
    """Say how far the two gradients lie apart at most, and in how many batches that cannot be said."""
    known = differences["value"].dropna()
    largest = (
        "Largest relative difference between the surrogate's gradient and the explicit sum, of all "
        f"{len(known):,} gradients above: {number(known.max())}."
    )
    undefined = len(differences) - len(known)
    return [largest] + ([f"Undefined, as where the explicit sum alone is zero: {undefined}."] if undefined else [])


def _draw_panel(axes: Axes, request: FigureRequest, environment: str, strands: Sequence[compared.Strand]) -> None:
    summary = _rows(request, environment, "summary")
    marks.draw_dots(axes, marks.gathered(strands, _rows(request, environment, "long")), strands, s=9)
    marks.draw_row_intervals(axes, summary, strands)
    for row, strand in enumerate(strands):
        for mean in strand.rows(summary)["estimate"]:
            style.note_beside(axes, row, number(mean))
    axes.axvline(_SURROGATE, zorder=1, **_DASHED)
    style.name_rows(axes, [strand.label for strand in strands], request.figure.width)
    axes.set_xscale("log")
    style.plain_numbers(axes, x=True)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("backward passes per batch")
    axes.set_title(environment_label(request.study, environment))


def _share_axis(panels: Sequence[Axes]) -> None:
    """Let all panels begin left of the surrogate's one pass and end at the same number."""
    most = max(axes.get_xlim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(_SURROGATE / _MARGIN, most)


def _drawn(request: FigureRequest, strands: Sequence[compared.Strand], metric: str) -> DataFrame:
    """Gather the long rows of everything that the figure shows."""
    return concat(
        [
            marks.gathered(strands, request.rows("long", environment=environment, metric=metric))
            for environment in request.environments
        ]
    )


def _rows(request: FigureRequest, environment: str, table: Table) -> DataFrame:
    return request.rows(table, environment=environment, metric="backward_passes")


def _entries() -> list[Line2D]:
    ink = style.INK
    return [
        Line2D([], [], marker="o", linestyle="", color=ink, alpha=0.5, mew=0, label="explicit sum, a seed"),
        Line2D([], [], marker="o", color=ink, markersize=4, linewidth=1.6, label="mean, 95 % interval"),
        Line2D([], [], label="surrogate: one pass", **_DASHED),
    ]
