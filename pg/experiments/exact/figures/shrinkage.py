"""The part of the true gradient that each estimator expects: 1, or 1 − 1/N if a trajectory enters its own baseline."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.plotting import layout, marks, style

_STAIRS = {"color": style.FAINT, "linewidth": 0.9}
_FILLED = 0.75  # part of a stair that the marks of one N occupy


def draw(request: FigureRequest[ExactExperiment]) -> Drawn:
    """Draw ⟨E[ĝ], ∇J⟩ / ‖∇J‖² against N, with 1 − 1/N as stairs: a panel per environment and stage."""
    series = request.series(shown=("variant.batch",))
    kept = r"$\langle \mathrm{E}[\hat{g}], \nabla J \rangle \,/\, \|\nabla J\|^2$"
    figure, panels = request.panels(1.6, sharex=True, sharey=True, x="batch size N", y=kept)
    for place, axes in panels:
        rows = request.rows("long", place, metric="shrinkage").dropna(subset=["value"])
        rows = rows.assign(batch=rows["batch"].astype(np.float64), kept=1 + rows["value"])
        sizes = np.sort(marks.gathered(series, rows)["batch"].unique())
        # Stairs end half-way between sizes on a logarithmic axis.
        between = np.sqrt(sizes[1:] * sizes[:-1])
        first, last = (between[0], between[-1]) if len(between) else (sizes[0] / 1.2, sizes[0] * 1.2)
        edges = np.array([sizes[0] ** 2 / first, *between, sizes[-1] ** 2 / last])
        axes.stairs(1 - 1 / sizes, edges, baseline=None, zorder=1, **_STAIRS)
        axes.axhline(1, zorder=1, **_STAIRS)
        step = _FILLED * float(np.diff(np.log(edges)).min()) / len(series)
        shifted = marks.dodged(series, rows, "batch", step)
        marks.scatter(axes, shifted, x="shifted", y="kept", s=14, linewidth=0.3, zorder=3, **marks.as_marks(series))
        axes.set_xscale("log")
        layout.ticks_at(axes, sizes)
        axes.grid(visible=True, axis="y")
    # All panels share this axis. It shows 0: the height above it is what is left of the gradient.
    layout.include(panels[0][1], y=(0, 1.08))
    entries = [*marks.legend_entries(series, joined=False), Line2D([], [], label="1 − 1/N", **_STAIRS)]
    layout.legend_below(figure, entries)
    return figure, (
        "Part of the true gradient that an estimate has in expectation, ⟨E[ĝ], ∇J⟩ / ‖∇J‖², exact, from every possible "
        f"batch of N = {request.batch_sizes(metric='shrinkage')} trajectories. Each mark is one of {request.policies}; "
        "at each N the variants are next to each other. The grey stairs are 1 − 1/N, the grey line above them is 1. "
        "Policies with ∇J = 0 are not drawn."
    )
