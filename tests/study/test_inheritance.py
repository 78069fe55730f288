"""`extends`, `joins` and shared seeds are resolved, and a problem is reported where it is written."""

from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.study.inheritance import resolved
from pg.study.validation import load
from tests.study.studies import put


def test_extends_merges_options_without_the_label() -> None:
    variants = {
        "a": {"label": "A", "policy": {"hidden": [8], "activation": "relu"}},
        "b": {"extends": "a", "batch": 4, "policy": {"hidden": [2]}},
        "c": {"extends": "b"},
    }
    assert resolved({"variants": variants})["variants"]["c"] == {
        "batch": 4,
        "policy": {"hidden": [2], "activation": "relu"},
    }


@pytest.mark.parametrize(
    ("variant", "parent", "message"),
    [
        (
            "to_go",
            "totl",
            r"variants\.to_go\.extends: 'totl' is not a variant; did you mean 'total'\?; allowed: total, to",
        ),
        ("to_go", None, r"variants\.to_go\.extends: None is not a variant; allowed: total, to_go, baseline"),
        ("total", "to_go", r"variants\.to_go\.extends: is a cycle: total → to_go → total"),
        ("total", "total", r"variants\.total\.extends: is a cycle: total → total"),
    ],
)
def test_an_illegal_extends_is_refused(options: dict[str, Any], variant: str, parent: Any, message: str) -> None:
    options["variants"][variant]["extends"] = parent
    with pytest.raises(InvalidStudy, match=message):
        load(options)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("retruns", "total", "retruns: unknown key"),
        ("policy/hiden", [8], "policy.hiden: unknown key"),
        ("policy/hidden", [0], "policy.hidden.0: should be greater than 0"),
        ("importance", {"name": "per_step", "clip": 0.2, "truncate_at": 2}, " clip cuts a plain ratio"),
        ("initialise", {"controller": "nope", "demonstrations": 4}, "initialise.controller: 'nope' is not known"),
        (
            "initialise",
            {"clone": {"experiment": "lern", "variant": "total", "stage": "late"}, "demonstrations": 4},
            "initialise.clone.experiment: 'lern' is not known",
        ),
    ],
)
def test_an_inherited_mistake_is_reported_once(options: dict[str, Any], path: str, value: Any, place: str) -> None:
    # `to_go` extends `total`; `baseline` extends `to_go`, with another policy.
    put(options, f"variants/total/{path}", value)
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    (problem,) = refused.value.problems
    assert problem.startswith(f"variants.total{':' if place.startswith(' ') else '.'}{place}")


def test_a_mistake_that_is_repeated_is_reported_twice(options: dict[str, Any]) -> None:
    put(options, "variants/total/policy/hidden", [0])
    put(options, "variants/baseline/policy/hidden", [0])
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    assert [problem.split(": ")[0] for problem in refused.value.problems] == [
        "variants.total.policy.hidden.0",
        "variants.baseline.policy.hidden.0",
    ]


def test_an_illegal_combination_is_reported_at_its_variant(options: dict[str, Any]) -> None:
    options["variants"]["to_go"]["discount_states"] = True
    options["variants"]["baseline"]["discount"] = 0.9
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    (problem,) = refused.value.problems
    assert problem.startswith("variants.to_go: discount_states: true changes nothing")


def test_joins_appends_to_the_lists_of_experiments(options: dict[str, Any]) -> None:
    options["variants"]["mine"] = {"extends": "to_go", "discount": 0.9, "joins": ["learn", "exact"]}
    options["variants"]["heir"] = {"extends": "mine"}
    options["environments"]["short"] = {"id": "CartPole-v1", "horizon": 50, "joins": ["learn"]}
    experiments = load(options).experiments
    assert experiments["learn"].variants == ("total", "to_go", "mine")
    assert experiments["exact"].variants == ("to_go", "baseline", "mine")
    assert experiments["learn"].environments == ("cartpole", "short")


@pytest.mark.parametrize(
    ("joins", "message"),
    [
        ("learn", r"variants\.to_go\.joins: should be a list of experiments; it is 'learn'$"),
        (["lern"], r"variants\.to_go\.joins: 'lern' is not known; did you mean 'learn'\?; allowed: learn, grad"),
        (["learn"], r"variants\.to_go\.joins: learn lists to_go already; remove one of the two$"),
        (["gradients", "gradients"], r"variants\.to_go\.joins: gradients lists to_go already"),
    ],
)
def test_an_illegal_joins_is_refused(options: dict[str, Any], joins: Any, message: str) -> None:
    options["variants"]["to_go"]["joins"] = joins
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_shared_seeds_are_the_default_of_experiments(options: dict[str, Any]) -> None:
    options["seeds"] = {"train": {"count": 7, "per_job": 4}, "measure": {"count": 3}}
    options["experiments"]["learn"]["seeds"] = {"count": 6}
    del options["experiments"]["exact"]["seeds"]
    study = load(options)
    seeds = {name: (one.seeds.first, one.seeds.count, one.seeds.per_job) for name, one in study.experiments.items()}
    assert seeds == {"learn": (0, 6, 4), "gradients": (1, 3, 10), "exact": (0, 3, 10)}
    assert "seeds" not in study.model_dump()


def test_missing_seeds_are_one_message(options: dict[str, Any]) -> None:
    for experiment in options["experiments"].values():
        del experiment["seeds"]
    options["experiments"]["learn"]["seeds"] = {"per_job": 4}
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    (problem,) = refused.value.problems
    assert problem.startswith("seeds: is missing; add seeds: {train: {count: 20}, measure: {count: 20}}, or seeds to")
    assert problem.endswith("each experiment without any: learn, gradients, exact")
    options["seeds"] = {"train": {"count": 5}}
    with pytest.raises(InvalidStudy, match=r"add seeds: \{measure: \{count: 20\}\}, .* any: gradients, exact$"):
        load(options)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("measure/count", 0, "seeds.measure.count: should be greater than 0"),
        ("measure", 3, "seeds.measure: should be a mapping"),
        ("trian", {"count": 3}, "seeds.trian: unknown key; did you mean 'train'"),
    ],
)
def test_a_mistake_in_shared_seeds_is_reported_once(options: dict[str, Any], path: str, value: Any, place: str) -> None:
    put(options, f"seeds/{path}", value)
    if path == "measure/count":
        del options["experiments"]["exact"]["seeds"]
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    (problem,) = refused.value.problems
    assert problem.startswith(place)
