"""Relations: what each needs, how it is written, and one from outside the package."""

import importlib.util
import sys

import pytest
from pg.claims.relations import registry
from pg.claims.relations.relation import Target
from pg.study.code import defining_files
from pydantic import ValidationError
from tests.claims.declared import judged, normal, part, table

OUTSIDE = '''
from pg.claims.relations.relation import Tested


class Positive(Tested):
    """The effect exceeds the null value by more than 1, in one one-sided test."""

    name = "far_above"
    sign = "≫"
    sides = 1

    def p_values(self, test, target):
        result = test(target.value + 1)
        return result.p_greater, result.p_less
'''


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """Register a relation that is defined in a file outside the package."""
    file = tmp_path / "far_above.py"
    file.write_text(OUTSIDE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("far_above", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "far_above", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(registry, "RELATIONS", {**registry.RELATIONS, "far_above": module.Positive()})
    return file


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(("mean", "verdict"), [(2.0, "supported"), (0.0, "refuted"), (1.0, "inconclusive")])
def test_relation_from_outside_is_judged(mean, verdict):
    values = normal(0, 0, scale=0.1)
    rows = table("area", {("cart", "a", ""): values - values.mean() + mean})
    row = judged(part(relation="far_above", reference=0.0), rows)
    assert row["verdict"] == verdict
    assert row["comparison"] == "a ≫ 0 in cart; Student's t"


def test_relation_from_outside_counts_for_the_digest(outside):
    assert outside in defining_files(part(relation="far_above"))
    assert outside not in defining_files(part(relation="less"))


def test_unknown_relation_is_refused_with_the_nearest():
    with pytest.raises(ValidationError, match="'greatr' is not known; did you mean 'greater'"):
        part(relation="greatr")


@pytest.mark.parametrize(
    ("name", "statement"),
    [("less", "q < −2"), ("greater", "q > −2"), ("equal", "q = −2 ± 0.1 (90 % interval)"), ("exact", "|q + 2| ≤ 0.1")],
)
def test_relation_states_its_target(name, statement):
    assert registry.RELATIONS[name].statement("q", Target(-2.0, 0.1)) == statement
