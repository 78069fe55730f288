"""What each log-likelihood of a few trajectories is multiplied with, under every estimator."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import MaxNLocator

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import listed, number

_ROOM = 0.06  # above and below, over the range of all panels


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw the weights against the step: a row of panels per environment, in each a trajectory, a line per variant."""
    series, stage = request.series(), request.stages[0]
    rows = marks.gathered(series, request.rows("trajectories", stage=stage)).assign(estimate=lambda one: one["weight"])
    numbers = sorted(rows["trajectory"].unique())
    across = min(layout.panels_in_a_row(5 if request.is_wide else 2), len(numbers))
    counts = [(request.environment_label(name), len(numbers)) for name in request.environments]
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.35, x="step")
    seeds = []
    for name, panels in zip(request.environments, blocks, strict=True):
        own = rows[rows["environment"] == name]
        seeds.append(telling_seed(own))
        own = own[own["seed"] == seeds[-1]]
        names = [heading(f"τ$^{{{one}}}$", own, one) for one in numbers]
        layout.name_panels(panels, request.environment_label(name), names)
        for axes, one in zip(panels, numbers, strict=True):
            axes.axhline(0, **style.RULE)
            shown = own[own["trajectory"] == one]
            marks.draw_lines(axes, shown, series, "step")
            axes.set_xlim(0.5, shown["step"].max() + 0.5)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        layout.share_limits(panels, "y")
        # Panels differ in range: without room of the common range, the lowest marks would be cut.
        low, high = panels[0].get_ylim()
        for axes in panels:
            axes.set_ylim(low - _ROOM * (high - low), high + _ROOM * (high - low))
        layout.name_axes(panels, across, y="weight")
    layout.legend_below(figure, marks.legend_entries(series))
    return figure, (
        "The weight of each step's log-likelihood in the gradient estimate: above 0 its action becomes more likely. "
        "Total return weights all steps of a trajectory alike; a baseline moves weights below 0. Of "
        f"{request.policies} ({stage}), seed {listed(list(dict.fromkeys(map(str, seeds))))} is shown, the first whose "
        "batch has different returns R."
    )


def telling_seed(rows: pd.DataFrame) -> int:
    """Return the first policy whose trajectories have different returns, from rows of one place; else the first."""
    one = rows[rows["variant"] == rows["variant"].iloc[0]]
    returns = one.groupby(["seed", "trajectory"])["reward"].sum()
    spread = returns.groupby(level="seed").agg(lambda found: found.max() - found.min())
    return int((spread > 0).idxmax())


def heading(name: str, rows: pd.DataFrame, trajectory: int) -> str:
    """Return the name of a trajectory and its return, from rows of one batch."""
    own = rows[rows["trajectory"] == trajectory]
    return f"{name}, R = {number(own.groupby('variant', observed=True)['reward'].sum().iloc[0])}"
