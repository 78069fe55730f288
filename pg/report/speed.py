"""How fast training is: steps per second of each system against the floor, and what a seed costs in its job."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from pandas import DataFrame

from pg.plotting import layout, marks, style
from pg.plotting.captions import itemised, number

_OURS = "pg"
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "pg": "here",
        "tianshou": "Tianshou, REINFORCE",
        "sb3-a2c": "SB3, A2C",
        "sb3-ppo": "SB3, PPO",
    }
)
_LOOKS = style.looks(tuple(_NAMES))
_FLOOR: Mapping[str, Any] = MappingProxyType({"color": style.INK, "linewidth": 0.9, "linestyle": (0, (4, 2))})
_STEPPING: Mapping[str, Any] = MappingProxyType({"color": style.FAINT, "linewidth": 0.9, "linestyle": (0, (1, 1.5))})
_WHOLE: Mapping[str, Any] = MappingProxyType({"color": _LOOKS[_OURS].colour, "linestyle": (0, (4, 2)), "marker": "s"})


@style.paper_style()
def draw(table: DataFrame, budgets: Mapping[str, int]) -> Figure:
    """Draw a column of two panels per environment.

    Parameters
    ----------
    table
        The measured speeds; columns as in `pg.report.benchmarks`.
    budgets
        Environment steps of a seed, by environment.
    """
    environments = list(budgets)
    figure = style.canvas("two_columns", 3.3)
    grid = figure.subplots(2, len(environments), squeeze=False, sharex="col")
    for environment, (speeds, costs) in zip(environments, grid.T, strict=True):
        rows = table.loc[table["environment"] == environment]
        speeds.set_title(environment)
        _draw_speeds(speeds, rows)
        _draw_costs(costs, rows, budgets[environment])
    grid[0, 0].set_ylabel("steps per second")
    grid[1, 0].set_ylabel("seconds per seed")
    figure.align_ylabels()
    style.legend_below(figure, _entries(table), "two_columns")
    return figure


def caption(table: DataFrame, budgets: Mapping[str, int]) -> str:
    """Say what is drawn, and how the fastest training compares."""
    lead = (
        "Above: environment steps per second of training on one core against seeds per job; bars from the slowest to "
        "the fastest of the repetitions. Other libraries train one seed at a time. Dashed: the floor, as many bare "
        "environment steps and passes through the network; dotted: the environment steps alone. "
        f"Below: the processor's seconds per seed of {_of_budgets(budgets)}, with and without the start of the job."
    )
    sentences = [lead]
    for environment in budgets:
        rows = _ours(table.loc[table["environment"] == environment], "training")
        if rows["ratio_to_tianshou"].notna().any():
            ratios = {
                f"{seeds} per job": f"{number(ratio)} times Tianshou, {number(share)} of the floor"
                for seeds, ratio, share in rows[["seeds", "ratio_to_tianshou", "share_of_floor"]].itertuples(
                    index=False
                )
            }
            sentences.append(f"{environment} — {itemised(ratios)}.")
    return "\n".join(sentences)


def _of_budgets(budgets: Mapping[str, int]) -> str:
    return ", ".join(f"{number(steps)} steps ({environment})" for environment, steps in budgets.items())


def _draw_speeds(axes: Axes, rows: DataFrame) -> None:
    for benchmark, look in (("floor", _FLOOR), ("stepping", _STEPPING)):
        limit = _ours(rows, benchmark)
        marks.line(axes, limit, x="seeds", y="steps_per_second", estimator=None, **look)
    for system in _systems(rows):
        trained = rows.loc[(rows["benchmark"] == "training") & (rows["system"] == system)]
        look = _LOOKS[system]
        speeds = trained["steps_per_second"]
        bars = (speeds - trained["lowest"], trained["highest"] - speeds)
        axes.errorbar(trained["seeds"], speeds, bars, marker=look.marker, elinewidth=0.8, **look.line)
        if system != _OURS:
            axes.axhline(speeds.iloc[0], linewidth=0.5, alpha=0.6, **look.line)
    _against_seeds(axes, rows)
    style.plain_numbers(axes, y=True)


def _draw_costs(axes: Axes, rows: DataFrame, steps: int) -> None:
    training: dict[str, Any] = {**_LOOKS[_OURS].line, "marker": _LOOKS[_OURS].marker}
    for benchmark, look in (("training", training), ("job", _WHOLE)):
        ours = _ours(rows, benchmark)
        axes.plot(ours["seeds"], steps / ours["steps_per_second"], **look)
    _against_seeds(axes, rows)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("seeds per job")


def _against_seeds(axes: Axes, rows: DataFrame) -> None:
    axes.set(xscale="log", yscale="log")
    layout.ticks_at(axes, sorted(_ours(rows, "training")["seeds"]))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if _is_narrow(axes) else (1.0,)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True)


def _is_narrow(axes: Axes) -> bool:
    """Tell whether an axis spans so little that powers of ten alone would leave it bare."""
    low, high = axes.get_ylim()
    return high < 50 * low


def _ours(rows: DataFrame, benchmark: str) -> DataFrame:
    return rows.loc[(rows["benchmark"] == benchmark) & (rows["system"] == _OURS)].sort_values("seeds")


def _systems(rows: DataFrame) -> list[str]:
    trained = set(rows.loc[rows["benchmark"] == "training", "system"])
    return [system for system in _NAMES if system in trained]


def _entries(table: DataFrame) -> list[Line2D]:
    systems = [
        Line2D([], [], marker=_LOOKS[system].marker, label=_NAMES[system], **_LOOKS[system].line)
        for system in _systems(table)
    ]
    return [
        *systems,
        Line2D([], [], label="floor", **_FLOOR),
        Line2D([], [], label="environment steps alone", **_STEPPING),
        Line2D([], [], label="here, with the start of the job", **_WHOLE),
    ]
