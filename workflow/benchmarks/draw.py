"""Draw the table of `compare.py`: `python draw.py TABLE PDF PNG`.

Above: environment steps per second of training on one core against seeds per job; bars from the slowest to the fastest
round. Other libraries train one seed at a time. Dashed: the floor, the same environment steps and passes through the
network; dotted: the environment steps alone. Below: the processor's seconds per 1,000 steps, with and without the start
of the job.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pg.plotting import layout, style

NAMES = {"pg": "here", "tianshou": "Tianshou, REINFORCE", "sb3-a2c": "SB3, A2C", "sb3-ppo": "SB3, PPO"}
COLOURS = {"pg": "#0072b2", "tianshou": "#d55e00", "sb3-a2c": "#009e73", "sb3-ppo": "#cc79a7"}
MARKERS = {"pg": "o", "tianshou": "s", "sb3-a2c": "^", "sb3-ppo": "D"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw a column of two panels for each environment in which this project trained."""
    table = table.sort_values("seeds")
    ours = table.loc[table["system"] == "pg"]
    environments = ours.loc[ours["benchmark"] == "training", "environment"].unique()
    with style.paper_style():
        figure = layout.canvas("two_columns", 3.7)
        panels = figure.subplots(2, len(environments), squeeze=False, sharex="col")
        for environment, (speeds, costs) in zip(environments, panels.T, strict=True):
            speeds.set_title(environment)
            _draw_speeds(speeds, table.loc[table["environment"] == environment])
            _draw_costs(costs, ours.loc[ours["environment"] == environment])
        panels[0, 0].set_ylabel("steps per second")
        panels[1, 0].set_ylabel("seconds per 1,000 steps")
        entries = {
            label: line for axes in figure.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=4)
    return figure


def _draw_speeds(axes: Axes, rows: pd.DataFrame) -> None:
    for benchmark, label, dashes in (("floor", "floor", "--"), ("stepping", "environment steps alone", ":")):
        limit = rows.loc[rows["benchmark"] == benchmark]
        axes.plot(limit["seeds"], limit["steps_per_second"], linestyle=dashes, color="#555555", label=label)
    for system, trained in rows.loc[rows["benchmark"] == "training"].groupby("system", sort=False):
        speed, colour = trained["steps_per_second"], COLOURS[system]
        bars = (speed - trained["lowest"], trained["highest"] - speed)
        axes.errorbar(trained["seeds"], speed, bars, color=colour, marker=MARKERS[system], label=NAMES[system])
        if system != "pg":
            axes.axhline(speed.iloc[0], linewidth=0.5, color=colour)
    axes.set(xscale="log", yscale="log")
    axes.grid(visible=True)


def _draw_costs(axes: Axes, rows: pd.DataFrame) -> None:
    for benchmark, label, dashes in (("training", None, "-"), ("job", "here, with the start of the job", "-.")):
        trained = rows.loc[rows["benchmark"] == benchmark]
        seconds = 1000 / trained["steps_per_second"]
        axes.plot(trained["seeds"], seconds, linestyle=dashes, color=COLOURS["pg"], marker=MARKERS["pg"], label=label)
    axes.set(xscale="log", yscale="log", xlabel="seeds per job")
    axes.set_xticks(trained["seeds"], labels=trained["seeds"])
    axes.set_xticks([], minor=True)
    axes.grid(visible=True)


def main() -> None:
    table, *pictures = map(Path, sys.argv[1:])
    figure = draw(pd.read_csv(table))
    for picture in pictures:
        style.save(figure, picture)


if __name__ == "__main__":
    main()
