"""Backward passes for the gradient of one batch: one per step for the explicit sum, one for the surrogate."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pg.experiments.figures.request import FigureRequest
from pg.experiments.identity.record import IdentityExperiment
from pg.plotting import layout, marks, style
from pg.plotting.series import Series
from pg.plotting.text import listed, number

_SURROGATE = 1
_MARGIN = 1.5  # factor between the surrogate's one pass and the left end of the axis
_DASHED = {"color": style.INK, "linewidth": 0.8, "linestyle": (0, (4, 3))}

Request = FigureRequest[IdentityExperiment]


def draw(request: Request) -> Figure:
    """Draw the passes of the explicit sum on a logarithmic axis: a panel per environment, a row per variant."""
    series, count = request.series(), len(request.environments)
    across = min(2, count) if request.is_wide else 1
    height = 0.65 + 0.21 * len(series)
    figure, panels = layout.wrapped(request.figure.width, count, across, height, margin=0.15, sharey=True)
    for axes, environment in zip(panels, request.environments, strict=True):
        _draw_panel(axes, request, environment, series)
    most = max(axes.get_xlim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(_SURROGATE / _MARGIN, most)
    style.legend_below(figure, _entries(), request.figure.width)
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many policies."""
    measured = request.rows("long", metric="backward_passes")
    sizes = listed([f"{size:g}" for size in sorted(measured["batch"].unique())])
    return (
        "Backward passes for the gradient of one batch as the explicit sum of its terms: one for each step of each of "
        f"N = {sizes} trajectories. Each dot is one of {request.policies} (random); bars are means with 95 % "
        "intervals, written at the right. Dashed: the surrogate objective, with one backward pass for the same "
        "gradient (its difference to the explicit sum is in the table)."
    )


def _draw_panel(axes: Axes, request: Request, environment: str, series: tuple[Series, ...]) -> None:
    measured, summary = (
        request.rows(table, environment=environment, metric="backward_passes") for table in ("long", "summary")
    )
    marks.draw_dots(axes, marks.gathered(series, measured), series, s=9)
    marks.draw_row_intervals(axes, summary, series)
    for row, one in enumerate(series):
        for mean in one.rows(summary)["estimate"]:
            style.note_right(axes, row, number(mean))
    axes.axvline(_SURROGATE, zorder=1, **_DASHED)
    style.name_rows(axes, [one.label for one in series], request.figure.width)
    axes.set_xscale("log")
    style.plain_numbers(axes, x=True)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("backward passes per batch")
    axes.set_title(request.environment_label(environment))


def _entries() -> list[Line2D]:
    dot = {"marker": "o", "linestyle": "", "color": style.INK, "alpha": 0.5, "mew": 0}
    return [
        Line2D([], [], label="explicit sum, a seed", **dot),
        Line2D([], [], marker="o", color=style.INK, markersize=4, linewidth=1.6, label="mean, 95 % interval"),
        Line2D([], [], label="surrogate: one pass", **_DASHED),
    ]
