"""The figure of speeds draws what was measured, on axes where ratios are distances."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pg.report import speed
from pg.report.benchmarks import COLUMNS

BUDGETS = {"CartPole-v1": 60_000, "Humanoid-v5": 2_000}
SEEDS = (1, 10, 20)


def row(benchmark: str, system: str, environment: str, seeds: int, speed: float) -> dict[str, Any]:
    known = {"benchmark": benchmark, "system": system, "environment": environment, "seeds": seeds}
    spread = {"steps_per_second": speed, "lowest": 0.9 * speed, "highest": 1.2 * speed}
    return {**dict.fromkeys(COLUMNS, np.nan), **known, **spread}


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        row(benchmark, "pg", environment, seeds, fast * (1 + seeds))
        for environment in BUDGETS
        for benchmark, fast in (("training", 1e5), ("job", 5e4), ("floor", 1.5e5), ("stepping", 3e5))
        for seeds in SEEDS
    ]
    peers = [row("training", "tianshou", "CartPole-v1", 1, 8e3), row("training", "sb3-ppo", "CartPole-v1", 1, 4e3)]
    table = pd.DataFrame([*rows, *peers])
    ours = (table["benchmark"] == "training") & (table["system"] == "pg") & (table["environment"] == "CartPole-v1")
    return table.assign(
        ratio_to_tianshou=np.where(ours, table["steps_per_second"] / 8e3, np.nan),
        share_of_floor=np.where(ours, 2 / 3, np.nan),
    )


@pytest.fixture
def figure(table: pd.DataFrame) -> Figure:
    return speed.draw(table, BUDGETS)


def lines(axes: Axes) -> list[tuple[list[float], list[float]]]:
    return [(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()) for line in axes.lines]


def test_every_environment_has_its_speeds_and_its_costs(figure: Figure) -> None:
    assert [axes.get_title("left") for axes in figure.axes[:2]] == list(BUDGETS)
    assert all(axes.get_xscale() == axes.get_yscale() == "log" for axes in figure.axes)


def test_training_the_floor_and_bare_stepping_are_drawn_as_measured(figure: Figure) -> None:
    drawn = lines(figure.axes[0])
    for fast in (1e5, 1.5e5, 3e5):
        assert (list(SEEDS), [fast * (1 + seeds) for seeds in SEEDS]) in drawn


def test_a_system_is_drawn_only_where_it_was_measured(figure: Figure) -> None:
    drawn = [speeds for axes in figure.axes[:2] for _, speeds in lines(axes)]
    assert drawn.count([8e3]) == 1


def test_bars_reach_from_the_slowest_to_the_fastest(figure: Figure) -> None:
    (bars,) = figure.axes[1].collections
    low, high = np.asarray(bars.get_paths()[0].vertices)[:, 1]
    assert (low, high) == pytest.approx((0.9 * 2e5, 1.2 * 2e5))


def test_a_seed_costs_its_steps_over_the_speed(figure: Figure) -> None:
    costs = figure.axes[len(BUDGETS)]
    drawn = lines(costs)
    assert drawn[0] == (list(SEEDS), pytest.approx([60_000 / (1e5 * (1 + seeds)) for seeds in SEEDS]))
    assert drawn[1] == (list(SEEDS), pytest.approx([60_000 / (5e4 * (1 + seeds)) for seeds in SEEDS]))


def test_the_caption_quotes_ratios_where_there_are_any(table: pd.DataFrame) -> None:
    said = speed.caption(table, BUDGETS)
    assert "20 per job: 262 times Tianshou, 0.667 of the floor" in said
    assert said.count("times Tianshou") == len(SEEDS)
    assert "60,000 steps (CartPole-v1)" in said
