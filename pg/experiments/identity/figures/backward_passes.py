"""Backward passes for the gradient of one batch: one per step for the explicit sum, one for the surrogate."""

from __future__ import annotations

from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.identity.record import IdentityExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import number

_SURROGATE = 1
_MARGIN = 1.5  # factor between the surrogate's one pass and the left end of the axis
_DASHED = {"color": style.INK, "linewidth": 0.8, "linestyle": (0, (4, 3))}


def draw(request: FigureRequest[IdentityExperiment]) -> Drawn:
    """Draw the passes of the explicit sum on a logarithmic axis: a panel per environment, a row per variant."""
    series, titles = request.series(), [request.environment_label(name) for name in request.environments]
    across = min(2, len(titles)) if request.is_wide else 1
    figure, panels = layout.panels(request.figure.width, titles, across, 0.65 + 0.21 * len(series), sharey=True)
    for axes, environment in zip(panels, request.environments, strict=True):
        measured, summary = request.of("backward_passes", environment=environment)
        marks.draw_rows(axes, series, summary, measured, s=9)
        for row, one in enumerate(series):
            for mean in one.rows(summary)["estimate"]:
                layout.note_right(axes, row, number(mean))
        axes.axvline(_SURROGATE, zorder=1, **_DASHED)
        axes.set(xscale="log", xlabel="backward passes per batch")
        layout.plain_numbers(axes.xaxis)
    most = max(axes.get_xlim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(_SURROGATE / _MARGIN, most)
    dot = {"marker": "o", "linestyle": "", "color": style.INK, "alpha": 0.5, "mew": 0}
    entries = [
        Line2D([], [], label="explicit sum, a seed", **dot),
        Line2D([], [], marker="o", color=style.INK, markersize=4, linewidth=1.6, label="mean, 95 % interval"),
        Line2D([], [], label="surrogate: one pass", **_DASHED),
    ]
    layout.legend_below(figure, entries)
    return figure, (
        "Backward passes for the gradient of one batch as the explicit sum of its terms: one for each step of each of "
        f"N = {request.batch_sizes(metric='backward_passes')} trajectories. Each dot is one of {request.policies} "
        "(random); bars are means with 95 % intervals, written at the right. Dashed: the surrogate objective, with one "
        "backward pass for the same gradient (its difference to the explicit sum is in the table)."
    )
