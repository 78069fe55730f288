"""Conclusions of two runs: verdicts and joint intervals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from pg.claims.agreement import Conclusions, compare
from pg.statistics.estimates import mean

TABLE = "tables/a-summary.csv"


def summary(*intervals: tuple[float, float, float], n: int = 20, selections: int = 0) -> pd.DataFrame:
    size = {"n": n, "selections": selections}
    rows = [
        {"metric": f"m{index}", **size, "estimate": estimate, "ci_low": low, "ci_high": high}
        for index, (estimate, low, high) in enumerate(intervals)
    ]
    return pd.DataFrame(rows)


def compared(found: pd.DataFrame, expected: pd.DataFrame) -> Conclusions:
    return compare({TABLE: found}, {TABLE: expected})


def sampled(generator: np.random.Generator, rows: int, n: int, shift: float = 0.0) -> pd.DataFrame:
    results = [mean(generator.normal(size=n) + shift * (index == 0)) for index in range(rows)]
    return summary(*((one.estimate, one.low, one.high) for one in results), n=n)


def test_equal_quantities_differ_in_few_comparisons_and_capture_83_percent() -> None:
    generator = np.random.default_rng(1)
    runs = [compared(sampled(generator, 20, 5), sampled(generator, 20, 5)) for _ in range(300)]

    false_alarms = np.mean([bool(one.apart) for one in runs])
    assert false_alarms < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    captured = sum(one.captured for one in runs) / sum(one.intervals for one in runs)
    # Of Student's intervals with n = 5: a little more than 83 %, because their widths vary.
    assert 0.83 < captured < 0.9


@pytest.mark.parametrize(("selections", "agree"), [(5, True), (0, False)])
def test_runs_that_share_a_selection_count_once(selections: int, agree: bool) -> None:
    """Twice the joint interval is within 1 - 0.05/20 of Student's t with 4 degrees of freedom, and not with 19."""
    others = [(0.0, -1.0, 1.0)] * 19
    ours, theirs = (
        summary((at, at - 1, at + 1), *others, n=20, selections=selections) for at in (0.0, 2 * math.sqrt(2))
    )
    assert compared(ours, theirs).agree is agree


def test_the_smaller_of_two_samples_has_the_degrees_of_freedom() -> None:
    others = [(0.0, -1.0, 1.0)] * 19
    small, large = (summary((at, at - 1, at + 1), *others, n=n) for at, n in ((0.0, 2), (2 * math.sqrt(2), 20)))
    assert compared(small, large).agree
    assert compared(large, small).agree
    assert not compared(small.assign(n=20), large).agree


def test_capture_of_large_samples_is_83_percent() -> None:
    generator = np.random.default_rng(2)
    runs = [compared(sampled(generator, 50, 200), sampled(generator, 50, 200)) for _ in range(30)]
    captured = sum(one.captured for one in runs) / sum(one.intervals for one in runs)
    assert captured == pytest.approx(0.834, abs=0.025)


@pytest.mark.parametrize(("difference", "agree"), [(1.40, True), (1.43, False)])
def test_the_joint_interval_is_the_root_of_the_sum_of_squares(difference: float, agree: bool) -> None:
    """Half widths of 1 and 1 make one of 1.414."""
    ours, theirs = (summary((at, at - 1, at + 1), n=10**6) for at in (0.0, difference))
    assert compared(ours, theirs).agree is compared(theirs, ours).agree is agree


def test_a_large_difference_among_many_is_found() -> None:
    generator = np.random.default_rng(3)
    found = compared(sampled(generator, 30, 20, shift=3.0), sampled(generator, 30, 20))
    assert len(found.apart) == 1
    assert found.apart[0].startswith(f"{TABLE}: m0: ")
    assert not found.agree


@pytest.mark.parametrize(
    ("ours", "theirs", "agree"),
    [
        ((1.0 + 1e-12,) * 3, (1.0,) * 3, True),
        ((1.001,) * 3, (1.0,) * 3, False),
        ((3e-16,) * 3, (5e-16,) * 3, True),
        ((math.nan,) * 3, (math.nan,) * 3, True),
        ((1.0, 0.5, 1.5), (math.nan,) * 3, False),
        ((1.0, -math.inf, math.inf), (90.0, -math.inf, math.inf), True),
    ],
    ids=["rounding", "exact results", "zero but for rounding", "undefined", "one undefined", "unbounded"],
)
def test_results_without_an_interval(
    ours: tuple[float, float, float], theirs: tuple[float, float, float], agree: bool
) -> None:
    found = compared(summary(ours), summary(theirs))
    assert found.agree is agree
    assert found.effects == 1


def test_parts_with_a_published_number_are_compared_by_their_verdicts_alone() -> None:
    row = {
        "claim": "c",
        "primary": True,
        "verdict": "supported",
        "n": 20,
        "selections": 0,
        "ci_low": -1.0,
        "ci_high": 1.0,
    }

    def claims(effect: float) -> pd.DataFrame:
        parts = [{"part": "own", "published": math.nan}, {"part": "beside", "published": 5.0, "primary": False}]
        return pd.DataFrame([row | part | {"effect": effect} for part in parts])

    found = compare({"claims.csv": claims(0.0)}, {"claims.csv": claims(0.1)})
    assert (found.effects, found.intervals, found.captured) == (1, 2, 2)
    assert compare({"claims.csv": claims(0.0)[:1]}, {"claims.csv": claims(0.1)}).missing == ("claims.csv: c, beside",)
