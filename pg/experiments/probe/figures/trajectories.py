"""What each log-likelihood of a few trajectories is multiplied with, under every estimator."""

from __future__ import annotations

import pandas as pd

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import number


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw the weights against the step: a row of panels per environment, in each a trajectory, a line per variant."""
    series, stage, seed = request.series(), request.stages[0], request.experiment.seeds.first
    rows = marks.gathered(series, request.rows("trajectories", stage=stage, seed=seed))
    rows = rows[rows["environment"].isin(list(request.environments))].assign(estimate=rows["weight"])
    numbers = sorted(rows["trajectory"].unique())
    across = min(layout.panels_in_a_row(5 if request.is_wide else 2), len(numbers))
    counts = [(request.environment_label(name), len(numbers)) for name in request.environments]
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.35, x="step")
    for name, panels in zip(request.environments, blocks, strict=True):
        own = rows[rows["environment"] == name]
        layout.name_panels(
            panels, request.environment_label(name), [heading(f"τ$^{{{one}}}$", own, one) for one in numbers]
        )
        for axes, one in zip(panels, numbers, strict=True):
            axes.axhline(0, **style.RULE)
            marks.draw_lines(axes, own[own["trajectory"] == one], series, "step")
            layout.few_ticks(4, axes.xaxis, axes.yaxis)
        layout.share_limits(panels, "y")
        layout.name_axes(panels, across, y="weight")
    layout.legend_below(figure, marks.legend_entries(series))
    return figure, (
        "The weight of each step's log-likelihood in the gradient estimate: above 0 its action becomes more likely. "
        f"One batch of policy {seed} of {request.policies} at stage {stage}; R is the return. With total return, all "
        "steps of a trajectory have one weight; rewards-to-go follow the step; a baseline moves weights below 0."
    )


def heading(name: str, rows: pd.DataFrame, trajectory: int) -> str:
    """Return the name of a trajectory and its return, from rows of one batch."""
    own = rows[rows["trajectory"] == trajectory]
    return f"{name}, R = {number(own.groupby('variant', observed=True)['reward'].sum().iloc[0])}"
