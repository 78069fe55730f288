"""The figure of the benchmark draws the measured speeds and costs on logarithmic axes."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from workflow.benchmarks.compare import COLUMNS
from workflow.benchmarks.draw import draw

ENVIRONMENTS = ("CartPole-v1", "Humanoid-v5")
SEEDS = (1, 10, 20)


def row(benchmark: str, system: str, environment: str, seeds: int, speed: float, **others: Any) -> dict[str, Any]:
    key = {"benchmark": benchmark, "system": system, "environment": environment, "seeds": seeds}
    key |= {"gradient_steps": 1, "instructions": "AVX512", **others}
    return {**dict.fromkeys(COLUMNS, np.nan), **key, "steps_per_second": speed, "lowest": 0.9 * speed, "highest": speed}


@pytest.fixture(scope="module")
def figure() -> Figure:
    rows = [
        row(benchmark, "pg", environment, seeds, slower * fast * (1 + seeds), instructions=instructions)
        for instructions, slower in (("AVX512", 1), ("AVX2", 0.8))
        for environment in ENVIRONMENTS
        for benchmark, fast in (
            ("training", 1e5),
            ("job", 5e4),
            ("floor", 1.5e5),
            ("stepping", 3e5),
            ("gymnasium", 2e5),
        )
        for seeds in SEEDS
    ]
    peers = [row("training", "tianshou", "CartPole-v1", 1, 8e3), row("training", "sb3-ppo", "CartPole-v1", 1, 4e3)]
    return draw(pd.DataFrame([*rows, *peers]))


def lines(axes: Axes) -> list[tuple[list[float], list[float]]]:
    return [(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()) for line in axes.lines]


def test_every_environment_has_speeds_and_costs(figure: Figure) -> None:
    assert tuple(axes.get_title("left") for axes in figure.axes[:2]) == ENVIRONMENTS
    assert len(figure.axes) == 6
    assert all(axes.get_xscale() == axes.get_yscale() == "log" for axes in figure.axes)


@pytest.mark.parametrize("fast", [1e5, 1.5e5, 3e5, 2e5], ids=["training", "floor", "stepping", "gymnasium"])
def test_speeds_are_drawn_as_measured(fast: float, figure: Figure) -> None:
    assert (list(SEEDS), [fast * (1 + seeds) for seeds in SEEDS]) in lines(figure.axes[0])
    assert (list(SEEDS), [0.8 * fast * (1 + seeds) for seeds in SEEDS]) in lines(figure.axes[2])


def test_a_library_is_drawn_only_where_it_was_measured(figure: Figure) -> None:
    drawn = [speeds for axes in figure.axes[:2] for _, speeds in lines(axes)]
    assert drawn.count([8e3]) == 1


def test_bars_end_at_the_slowest_and_fastest_round(figure: Figure) -> None:
    (bars,) = figure.axes[1].collections
    assert np.asarray(bars.get_paths()[0].vertices)[:, 1] == pytest.approx((0.9 * 2e5, 2e5))


@pytest.mark.parametrize(("place", "fast"), [(0, 1e5), (1, 5e4)], ids=["training", "whole job"])
def test_costs_are_seconds_per_1000_steps(place: int, fast: float, figure: Figure) -> None:
    drawn = lines(figure.axes[4])[place]
    assert drawn == (list(SEEDS), pytest.approx([1000 / (fast * (1 + seeds)) for seeds in SEEDS]))
