"""Performance profiles: the share of runs that score more than each score, over several environments."""

from __future__ import annotations

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import listed, number


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw the share of runs above each score, a line with a band of intervals per variant."""
    series = request.series()
    figure = layout.canvas(request.figure.width, 2.2)
    axes = figure.subplots()
    rows = marks.gathered(series, request.rows("across", statistic="profile"))
    marks.line(axes, rows, x="above", y="estimate", linewidth=1.2, **marks.as_lines(series))
    marks.draw_bands(axes, rows, series, "above", alpha=0.15)
    if request.figure.threshold_line:
        axes.axvline(1, **style.DASHED_RULE)
    axes.set(xlim=(rows["above"].min(), rows["above"].max()), ylim=(-0.02, 1.02))
    axes.set(xlabel="score τ (0: random policy, 1: threshold)", ylabel="share of runs that score more than τ")
    axes.grid(visible=True)
    layout.legend_below(figure, marks.legend_entries(series, marked=False))
    solved = rows.loc[rows["above"] == rows["above"][rows["above"] <= 1].max()]
    return figure, (
        f"Share of runs above τ = {number(solved['above'].max(), 2)}: {marks.extremes(series, solved)}. "
        f"Lines: share of runs that score more than τ, with pointwise 95 % intervals "
        f"({listed(rows['method'].unique())}). {scores(request)}"
    )


def scores(request: FigureRequest[TrainExperiment]) -> str:
    """Say what a score is, and which runs have one."""
    return (
        f"{request.runs[0].upper()}{request.runs[1:]} in each of {len(request.environments)} environments; scores are "
        "final returns, 0 for the random policy and 1 at the threshold."
    )
