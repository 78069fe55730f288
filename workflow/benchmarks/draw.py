"""Draw the table of `compare.py`: `python draw.py TABLE PDF PNG`.

Above, a row per instruction set: environment steps per second of training on one core against seeds per job; bars from
the slowest to the fastest round. Tianshou and SB3 train one seed at a time. Dashed: the floor, the same environment
steps and passes through the network; dotted: the environment steps alone. Below: the processor's seconds per 1,000
steps with the first instruction set, with and without the start of the job.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pg.plotting import layout, style

# Name, colour and marker of each system.
SYSTEMS = {
    "pg": ("here", "#0072b2", "o"),
    "jax": ("JAX, same algorithm", "#e69f00", "v"),
    "jax-vmap": ("JAX, seeds by vmap", "#f0e442", "<"),
    "rejax-ppo": ("rejax, PPO", "#56b4e9", "P"),
    "tianshou": ("Tianshou, REINFORCE", "#d55e00", "s"),
    "sb3-a2c": ("SB3, A2C", "#009e73", "^"),
    "sb3-ppo": ("SB3, PPO", "#cc79a7", "D"),
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw a column of panels for each environment and number of gradient steps with which this project trained."""
    table = table.sort_values("seeds")
    ours = table.loc[(table["system"] == "pg") & (table["benchmark"] == "training")]
    columns = list(ours.groupby(["environment", "gradient_steps"]).groups)
    sets = sorted(ours["instructions"].unique(), reverse=True)
    with style.paper_style():
        figure = layout.canvas("two_columns", 1.3 + 1.2 * (1 + len(sets)))
        panels = figure.subplots(1 + len(sets), len(columns), squeeze=False, sharex="col")
        for (environment, steps), (*speeds, costs) in zip(columns, panels.T, strict=True):
            chosen = table.loc[(table["environment"] == environment) & (table["gradient_steps"] == steps)]
            for name, axes in zip(sets, speeds, strict=True):
                _draw_speeds(axes, chosen.loc[chosen["instructions"] == name])
            speeds[0].set_title(environment if steps == 1 else f"{environment}, K = {steps}")
            _draw_costs(costs, chosen.loc[(chosen["system"] == "pg") & (chosen["instructions"] == sets[0])])
        for name, axes in zip(sets, panels[:, 0], strict=False):
            axes.set_ylabel(f"steps per second, {name}")
        panels[-1, 0].set_ylabel("seconds per 1,000 steps")
        entries = {
            label: line for axes in figure.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=4)
    return figure


def _draw_speeds(axes: Axes, rows: pd.DataFrame) -> None:
    for benchmark, label, dashes in (
        ("floor", "floor", "--"),
        ("stepping", "environment steps alone", ":"),
        ("gymnasium", "gymnasium's steps alone", "-."),
    ):
        limit = rows.loc[rows["benchmark"] == benchmark]
        axes.plot(limit["seeds"], limit["steps_per_second"], linestyle=dashes, color="#555555", label=label)
    for system, trained in rows.loc[rows["benchmark"] == "training"].groupby("system", sort=False):
        speed, (name, colour, marker) = trained["steps_per_second"], SYSTEMS[str(system)]
        bars = (speed - trained["lowest"], trained["highest"] - speed)
        axes.errorbar(trained["seeds"], speed, bars, color=colour, marker=marker, label=name)
        if len(trained) == 1 and system != "pg":
            axes.axhline(speed.iloc[0], linewidth=0.5, color=colour)
    axes.set(xscale="log", yscale="log")
    axes.grid(visible=True)


def _draw_costs(axes: Axes, rows: pd.DataFrame) -> None:
    _, colour, marker = SYSTEMS["pg"]
    for benchmark, label, dashes in (("training", None, "-"), ("job", "here, with the start of the job", "-.")):
        trained = rows.loc[rows["benchmark"] == benchmark]
        seconds = 1000 / trained["steps_per_second"]
        axes.plot(trained["seeds"], seconds, linestyle=dashes, color=colour, marker=marker, label=label)
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
