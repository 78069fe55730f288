"""Relations: what each needs, how it is written, and one from outside the package."""

import math
from pathlib import Path

import numpy as np
import pytest
from pg.claims.relations.equal import Equal
from pg.claims.relations.exact import Exact
from pg.claims.relations.registry import RELATIONS
from pg.claims.relations.relation import Target, Tested
from pg.statistics import estimates
from pg.study.code import defining_files
from tests.claims.declared import judged, normal, part, table, write_relation


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return write_relation(tmp_path, monkeypatch)


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(("mean", "verdict"), [(2.0, "supported"), (0.0, "refuted"), (1.0, "undecided")])
def test_relation_from_outside_is_judged(mean: float, verdict: str) -> None:
    values = normal(0, 0, scale=0.1)
    rows = table("area", {("cart", "a", ""): values - values.mean() + mean})
    row = judged(part(relation="own_relations:FarAbove", reference=0.0), rows)
    assert row["verdict"] == verdict
    assert row["comparison"] == "a ≫ 0 in cart; Student's t"


def test_relation_from_outside_counts_for_the_digest(outside: Path) -> None:
    assert outside in defining_files(part(relation="own_relations:FarAbove"))
    assert outside not in defining_files(part(relation="less"))


@pytest.mark.parametrize(
    ("name", "statement"),
    [("less", "q < −2"), ("greater", "q > −2"), ("equal", "q = −2 ± 0.1 (90 % interval)"), ("exact", "|q + 2| ≤ 0.1")],
)
def test_relation_states_its_target(name: str, statement: str) -> None:
    assert RELATIONS[name].statement("q", Target(-2.0, 0.1)) == statement


@pytest.mark.parametrize("shift", np.linspace(-2, 2, 41))
def test_equivalence_agrees_with_the_90_percent_interval(shift: float) -> None:
    x = np.array([-0.3, 0.1, 0.4, -0.2, 0.2, 0.05]) + shift
    within, outside = Equal().p_values(lambda null: estimates.mean(x, null=null), Target(0.0, 1.0))
    interval = estimates.mean(x, level=0.9)
    assert (within < 0.05) == (interval.low > -1 and interval.high < 1)
    assert (outside < 0.05) == (interval.high < -1 or interval.low > 1)


@pytest.mark.parametrize(
    ("relation", "agreeing"),
    [("greater", [False, False, True]), ("less", [True, False, False]), ("equal", [False, True, False])],
)
def test_known_effects_agree_or_not(relation: str, agreeing: list[bool]) -> None:
    tested, target = RELATIONS[relation], Target(2.0, 0.5)
    assert isinstance(tested, Tested)
    assert [tested.agrees(effect, target) for effect in (1.0, 2.0, 3.0)] == agreeing
    assert not tested.agrees(math.nan, target)


@pytest.mark.parametrize(
    ("deviations", "holds"), [([0.25, 0.5], True), ([0.25, 0.500001], False), ([0.25, math.nan], False), ([], True)]
)
def test_a_tolerance_includes_its_end(deviations: list[float], holds: bool) -> None:
    assert Exact().holds(np.array(deviations), Target(0.0, 0.5)) is holds
