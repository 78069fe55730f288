"""A rubric is read as it is written, or refused with the line and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pg.checking.properties import properties_of
from pg.checking.submissions import Kind
from pg.grading.rubric import InvalidRubric, read
from tests.checking.in_process import check_here
from tests.checking.planted import ON_POLICY

LAB = Path(__file__).parents[2] / "docs/lab"
RUBRIC = """\
exercises:
  first:
    file: one.py
    name: loss
    kind: estimator
    points: {runs: 1, unbiased: 4}
"""
BAD = {
    "key": ("name: loss", "nme: loss", "exercises.first.nme: unknown key; did you mean 'name'?"),
    "missing": ("    kind: estimator\n", "", "exercises.first.kind: is missing"),
    "kind": ("estimator", "estimatr", "did you mean 'estimator'?"),
    "points": ("unbiased", "unbaised", "'unbaised' is not checked of this kind (estimator); did you mean 'unbiased'?"),
    "property_of_parts": ("unbiased", "separate batches", "'separate batches' is not checked of this kind (estimator)"),
    "equals": ("unbiased", "equals", "'equals' is not checked of this kind (estimator); add `equals`"),
    "negative": ("4}", "-4}", "exercises.first.points.unbiased: should be greater than or equal to 0; it is -4"),
    "text": ("4}", "four}", "exercises.first.points.unbiased: should be a valid number; it is 'four'"),
    "folder": ("one.py", "../one.py", "should be the name of a file in the submission; it is '../one.py'"),
    "expects": ("kind: estimator", "kind: estimator\n    expects: gradent", "did you mean 'gradient'?"),
    "part": ("kind: estimator", "kind: estimator\n    equals: {baseline: leave_one}", "did you mean 'leave_one_out'?"),
    "yaml": ("points: {", "points: [", "is not YAML: line 6"),
    "twice": ("name: loss", "name: loss\n    name: loss", "the key 'name' is listed twice"),
    "empty": (RUBRIC, "exercises: {}\n", "exercises"),
}


@pytest.mark.parametrize("name", BAD)
def test_illegal_rubrics_are_refused(tmp_path: Path, name: str) -> None:
    old, new, message = BAD[name]
    assert old in RUBRIC
    path = tmp_path / "rubric.yaml"
    path.write_text(RUBRIC.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidRubric) as caught:
        read(path)
    assert str(caught.value).startswith("the rubric is illegal:")
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_rubric_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRubric, match="No such file"):
        read(tmp_path / "nowhere.yaml")


def test_the_lab_has_ten_points_for_each_exercise() -> None:
    rubric = read(LAB / "rubric.yaml")
    assert [sum(one.points.values()) for one in rubric.exercises.values()] == [10] * 5
    assert sorted(one.file for one in rubric.exercises.values()) == sorted(path.name for path in LAB.glob("*.py"))
    assert rubric.points == 50


def test_the_properties_that_may_have_points_are_those_of_a_check(tmp_path: Path) -> None:
    sources: dict[Kind, str] = {
        "estimator": ON_POLICY,
        "advantages": "def weights(rewards, mask):\n    return rewards[:, ::-1].cumsum(-1)[:, ::-1]\n",
        "baseline": (Path(__file__).parents[2] / "pg/parts/baselines/leave_one_out.py").read_text(encoding="utf-8"),
    }
    for kind, source in sources.items():
        path = tmp_path / f"{kind}_.py"
        path.write_text(source, encoding="utf-8")
        assert sorted(one.name for one in check_here(path).properties) == sorted(properties_of(kind))
    assert {properties_of(kind) for kind in get_args(Kind) if kind not in sources} == {properties_of("baseline")}
