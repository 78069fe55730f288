"""Claims against published numbers: both uncertainties count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pg.claims.comparisons import estimate_of
from pg.claims.record import ClaimPart, Published
from pg.statistics.independent import Estimate
from pydantic import ValidationError
from scipy import stats
from tests.claims.declared import judged, normal, part, table

SOURCE: dict[str, Any] = {"source": "Somebody (2020), table 1"}


def against(metric: str, value: float, relation: str = "equal", **options: Any) -> ClaimPart:
    margin = {"margin": options.pop("margin", 1.0)} if relation in ("equal", "exact") else {}
    return part(metric, relation, reference={"value": value, **options} | SOURCE, **margin)


def alone(metric: str, values: Any) -> pd.DataFrame:
    return table(metric, {("c", "a", ""): np.asarray(values, dtype=np.float64)})


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, 0.0),
        ({"n": 9}, 0.0),
        ({"se": 2.0}, 2.0),
        ({"sd": 6.0, "n": 9}, 2.0),
        ({"interval": (8.0, 12.0)}, 2 / stats.norm.ppf(0.975)),
        ({"interval": (8.0, 12.0), "n": 5}, 2 / stats.t.ppf(0.975, 4)),
    ],
)
def test_the_standard_error_follows_from_what_was_published(given: dict[str, Any], error: float) -> None:
    found = estimate_of(Published(value=10.0, **given, **SOURCE))
    assert (found.value, found.n) == (10.0, given.get("n"))
    assert found.error == pytest.approx(error)


def test_a_published_share_is_uncertain_by_its_number_of_runs() -> None:
    assert estimate_of(Published(value=0.5, n=100, **SOURCE), is_share=True).error == pytest.approx(0.5 / 102**0.5)
    assert estimate_of(Published(value=0.0, n=100, **SOURCE), is_share=True).error > 0.009
    assert estimate_of(Published(value=0.5, **SOURCE), is_share=True) == Estimate(0.5)
    given = estimate_of(Published(value=0.5, n=100, se=0.2, **SOURCE), is_share=True)
    assert (given.error, given.is_count) == (0.2, False)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"se": 1.0, "sd": 1.0, "n": 3}, "give one of se, sd and interval, not se and sd"),
        ({"sd": 1.0}, "sd needs n"),
        ({"sd": 1.0, "n": 1}, "n: one run has no standard error"),
        ({"se": 1.0, "n": 1}, "n: one run has no standard error"),
        ({"interval": (2.0, 1.0)}, "interval: the first end must be below the second"),
        ({"interval": (2.0, 3.0)}, "interval: must hold the value"),
    ],
)
def test_contradicting_uncertainties_are_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Published(value=1.0, **given, **SOURCE)


def test_a_published_number_needs_a_source() -> None:
    with pytest.raises(ValidationError, match=r"reference\.published\.source"):
        part("area", reference={"value": 1.0})


@pytest.mark.parametrize(
    ("shift", "se", "margin", "verdict"),
    [
        (0.1, 0.1, 1.0, "supported"),
        (3.0, 0.1, 1.0, "refuted"),
        (0.1, 1.0, 1.0, "undecided"),
        (3.0, 2.0, 1.0, "undecided"),
    ],
)
def test_agreement_is_an_equivalence_with_both_uncertainties(
    shift: float, se: float, margin: float, verdict: str
) -> None:
    values = normal(0, 10 + shift, 20, 1.0)
    row = judged(against("area", 10.0, se=se, margin=margin), alone("area", values))
    assert row["verdict"] == verdict
    assert row["effect"] == pytest.approx(values.mean() - 10)
    assert row["mean_a"] == pytest.approx(values.mean())
    assert row["ci_high"] - row["ci_low"] > 2 * stats.norm.ppf(0.95) * se
    assert row["comparison"] == f"a − 10 = 0 ± {margin:g} (90 % interval) in c; Welch's t"


def test_a_direction_may_be_claimed_over_a_published_number() -> None:
    values = normal(0, 12, 20, 1.0)
    assert judged(against("area", 10.0, "greater", se=0.1), alone("area", values))["verdict"] == "supported"
    assert judged(against("area", 10.0, "less", se=0.1), alone("area", values))["verdict"] == "refuted"
    assert judged(against("area", 10.0, "greater", se=5.0), alone("area", values))["verdict"] == "undecided"


def test_shares_and_ratios_have_their_own_comparison() -> None:
    ones = np.repeat([1.0, 0.0], [52, 48])
    row = judged(against("solved", 0.516, n=100, margin=0.2), alone("solved", ones))
    assert (row["verdict"], row["effect"]) == ("supported", pytest.approx(0.004))
    assert "Agresti-Caffo" in row["comparison"]
    # A run without a value has failed.
    assert judged(against("solved", 0.5, n=100), alone("solved", [*ones, math.nan]))["effect"] == pytest.approx(
        52 / 101 - 0.5
    )
    ratio = judged(
        against("total_variance", 2.0, "less", se=0.1), alone("total_variance", np.exp(normal(0, 0, 20, 0.1)))
    )
    assert ratio["verdict"] == "supported"
    assert ratio["effect"] == pytest.approx(0.5, rel=0.1)
    assert ratio["comparison"].startswith("a / 2 < 1 in c")


def test_a_closed_form_may_be_met_up_to_rounding() -> None:
    rows = alone("relative_bias", [10.0, 10.0 + 1e-12])
    assert judged(against("relative_bias", 10.0, "exact", margin=1e-9), rows)["verdict"] == "supported"


def test_a_share_of_a_change_has_no_published_number() -> None:
    sides = {"zero": {"variant": "a"}, "one": {"variant": "b"}}
    with pytest.raises(ValidationError, match="share_of compares with a number, not with a published one"):
        part("total_variance", reference={"value": 0.5} | SOURCE, share_of=sides)
