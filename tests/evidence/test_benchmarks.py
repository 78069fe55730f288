"""Programs are compared round by round."""

import sys

import pytest
from pg.evidence.benchmarks import compare


def program(steps: int, seconds: float) -> list[str]:
    return [sys.executable, "-c", f"print('noise'); print('{{\"steps\": {steps}, \"seconds\": {seconds}}}')"]


def test_speeds_are_ratios_to_the_first_program() -> None:
    frame = compare({("peer", 1): program(100, 2.0), ("pg", 10): program(1000, 1.0)}, 2).set_index("system")
    assert frame.loc["peer", "steps_per_second"] == pytest.approx(50)
    assert frame.loc["pg", "ratio_to_tianshou"] == pytest.approx(20)
    assert frame.loc["pg", "seeds"] == 10
