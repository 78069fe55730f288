"""Programs are compared round by round."""

import sys

import pytest
from pg.evidence.benchmarks import compare, compare_all


def program(steps: int, seconds: float) -> list[str]:
    return [sys.executable, "-c", f"print('noise'); print('{{\"steps\": {steps}, \"seconds\": {seconds}}}')"]


def test_speeds_are_ratios_to_the_first_program() -> None:
    frame = compare({("peer", 1): program(100, 2.0), ("pg", 10): program(1000, 1.0)}, 2).set_index("system")
    assert frame.loc["peer", "steps_per_second"] == pytest.approx(50)
    assert frame.loc["pg", "ratio_to_peer"] == pytest.approx(20)
    assert frame.loc["pg", "seeds"] == 10


def test_each_benchmark_has_a_first_of_its_own() -> None:
    frame = compare_all(
        {
            "training": {("peer", 1): program(1, 1.0), ("pg", 1): program(3, 1.0)},
            "gradient": {("loop", 1): program(2, 1.0), ("stack", 1): program(8, 1.0)},
        },
        1,
    ).set_index("system")
    assert frame.loc["pg", "ratio_to_peer"] == pytest.approx(3)
    assert frame.loc["stack", "ratio_to_loop"] == pytest.approx(4)
    assert frame["benchmark"].tolist() == ["training", "training", "gradient", "gradient"]
