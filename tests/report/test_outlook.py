"""The number of seeds in the report has the power that it promises."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from pg.claims.record import ClaimPart
from pg.experiments.metrics import METRICS
from pg.report.claims import outlook
from pg.statistics import estimates as statistics
from pg.statistics.decisions import power
from pg.statistics.intervals import Interval


def part(metric: str = "area", relation: str = "greater", **options: object) -> ClaimPart:
    declared = {"experiment": "e", "metric": metric, "relation": relation, "a": {"variant": "a"}} | options
    return ClaimPart.model_validate(declared if "reference" in declared else declared | {"b": {"variant": "b"}})


def of(one: ClaimPart, *found: Any) -> str:
    return outlook(one, METRICS[one.metric], *found)


def outlook_of(one: ClaimPart, interval: Interval, undecided: int = 1) -> str:
    return of(one, interval.estimate, interval.low, interval.high, interval.n, undecided)


def needed(text: str) -> int:
    (found,) = re.findall(r"([\d,]+) (?:seeds|selections) instead", text)
    return int(found.replace(",", ""))


NOISE = np.random.default_rng(1).normal(0, 1, 20)
SAMPLE = NOISE - NOISE.mean() + 0.2


@pytest.mark.parametrize("undecided", [1, 7])
def test_the_reported_n_decides_four_of_five_studies(undecided: int) -> None:
    size = SAMPLE.mean() / SAMPLE.std(ddof=1)
    n = needed(outlook_of(part(), statistics.mean(SAMPLE), undecided))

    assert power(size, n, undecided) >= 0.8 > power(size, n - 1, undecided)


def test_more_seeds_than_there_are_decide_what_is_undecided() -> None:
    """Fewer would decide this effect alone; it is undecided for another reason, such as another environment."""
    assert needed(of(part(), 10.0, 9.0, 11.0, 20, 1)) == 21


def test_a_reference_is_what_the_effect_is_measured_from() -> None:
    shifted = statistics.mean(SAMPLE + 5)

    assert (
        outlook_of(part(reference=5.0), shifted)
        == outlook_of(part(), statistics.mean(SAMPLE))
        != outlook_of(part(), shifted)
    )


def test_ratios_are_taken_on_logarithms() -> None:
    of_ratios = outlook_of(part("total_variance", "less"), statistics.geometric_mean(np.exp(SAMPLE)))

    assert needed(of_ratios) == needed(outlook_of(part(), statistics.mean(SAMPLE)))


def test_no_number_of_seeds_changes_an_interval_of_width_0() -> None:
    said = of(part(), 0.0, 0.0, 0.0, 8, 1)

    assert said == "The interval has width 0; more seeds would not change it."


def test_an_equality_is_decided_from_the_nearer_end_of_its_margin() -> None:
    interval = statistics.mean(SAMPLE, level=0.9)
    wide, narrow = (part(relation="equal", margin=interval.estimate + far) for far in (0.5, 0.2))

    assert needed(outlook_of(narrow, interval)) > needed(outlook_of(wide, interval))
    n, size = needed(outlook_of(narrow, interval)), 0.2 / SAMPLE.std(ddof=1)
    assert power(size, n, alpha=0.1) >= 0.8 > power(size, n - 1, alpha=0.1), "each of the two tests is at 5 %"


def test_an_undecidable_effect_is_reported_with_its_interval() -> None:
    text = of(part(), 0.0, -1.0, 1.0, 20, 1)

    expected = "not even 10,000 seeds would decide it; −1.00 to 1.00 remains possible."
    assert text == f"If the effect is as large as measured, {expected}"


@pytest.mark.parametrize(("low", "high"), [(-math.inf, math.inf), (0.0, math.inf)])
def test_an_interval_without_bounds_asks_for_seeds(low: float, high: float) -> None:
    assert of(part(), 1.0, low, high, 1, 1) == "No bounds follow from 1 seed; run more."


def test_methods_without_an_interval_have_no_coverage() -> None:
    assert of(part("relative_bias", "exact", margin=0.1), 1.0, math.nan, math.nan, 3, 1) == ""
    assert of(part(), math.nan, math.nan, math.nan, 3, 1) == ""


def test_selections_take_the_place_of_seeds() -> None:
    of_groups = statistics.mean(np.repeat(SAMPLE[:6], 3), groups=np.repeat(np.arange(6), 3))
    alone = statistics.mean(SAMPLE[:6])
    text = outlook(part(), METRICS["area"], of_groups.estimate, of_groups.low, of_groups.high, 18, 1, 6)

    assert text.replace("selections", "seeds") == outlook_of(part(), alone)
    assert "selections instead of 6 would decide it" in text
    no_bounds = outlook(part(), METRICS["area"], 1.0, -math.inf, math.inf, 20, 1, 1)
    assert no_bounds == "No bounds follow from 1 selection; run more."
