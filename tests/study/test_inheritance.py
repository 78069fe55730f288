"""Heirs inherit what they do not say, and what is wrong with it is told where it was written."""

from typing import Any

import pytest
from pg.study.inheritance import extended
from pg.study.validation import InvalidStudy, load
from tests.study.studies import put


def test_an_heir_inherits_options_but_not_the_label_and_nested_ones_are_merged() -> None:
    variants = extended(
        {
            "a": {"label": "A", "policy": {"hidden": [8], "activation": "relu"}},
            "b": {"extends": "a", "batch": 4, "policy": {"hidden": [2]}},
            "c": {"extends": "b"},
        }
    )
    assert variants["c"] == {"batch": 4, "policy": {"hidden": [2], "activation": "relu"}}


@pytest.mark.parametrize(
    ("variant", "parent", "message"),
    [
        (
            "to_go",
            "totl",
            r"variants\.to_go\.extends: 'totl' is not a variant; did you mean 'total'\?; allowed: total, to",
        ),
        ("to_go", None, r"variants\.to_go\.extends: None is not a variant; allowed: total, to_go, baseline"),
        ("total", "to_go", r"variants\.to_go\.extends: goes in a circle: total → to_go → total"),
        ("total", "total", r"variants\.total\.extends: goes in a circle: total → total"),
    ],
)
def test_what_cannot_be_extended_is_refused(options: dict[str, Any], variant: str, parent: Any, message: str) -> None:
    options["variants"][variant]["extends"] = parent
    with pytest.raises(InvalidStudy, match=message):
        load(options)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("retruns", "total", "retruns: unknown key"),
        ("policy/hiden", [8], "policy.hiden: unknown key"),
        ("policy/hidden", [0], "policy.hidden.0: should be greater than 0"),
        ("clip", 0.2, " clip needs importance: per_step"),
        ("initialise", {"controller": "nope", "demonstrations": 4}, "initialise.controller: 'nope' is not known"),
        (
            "initialise",
            {"clone": {"experiment": "lern", "variant": "total", "stage": "late"}, "demonstrations": 4},
            "initialise.clone.experiment: 'lern' is not known",
        ),
    ],
)
def test_a_mistake_is_reported_where_it_was_written_and_not_where_it_was_inherited(
    options: dict[str, Any], path: str, value: Any, place: str
) -> None:
    # `to_go` extends `total`, and `baseline` that, with a policy of its own.
    put(options, f"variants/total/{path}", value)
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    (problem,) = refused.value.problems
    assert problem.startswith(f"variants.total{':' if place.startswith(' ') else '.'}{place}")


def test_a_mistake_that_an_heir_wrote_again_is_reported_there_too(options: dict[str, Any]) -> None:
    put(options, "variants/total/policy/hidden", [0])
    put(options, "variants/baseline/policy/hidden", [0])
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    assert [problem.split(": ")[0] for problem in refused.value.problems] == [
        "variants.total.policy.hidden.0",
        "variants.baseline.policy.hidden.0",
    ]


def test_what_only_an_heir_makes_illegal_is_reported_at_the_heir(options: dict[str, Any]) -> None:
    options["variants"]["to_go"]["discount_states"] = True
    options["variants"]["baseline"]["discount"] = 0.9
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    (problem,) = refused.value.problems
    assert problem.startswith("variants.to_go: discount_states: true changes nothing")
