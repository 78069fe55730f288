"""`extends`, `joins` and shared seeds are resolved, and a problem is reported where it is written."""

from typing import Any

from pg.study.inheritance import resolved
from pg.study.validation import load
from tests.study.studies import assert_refused, put, refusals, refused


def test_extends_merges_options_without_the_label() -> None:
    variants = {
        "a": {"label": "A", "policy": {"hidden": [8], "activation": "relu"}},
        "b": {"extends": "a", "batch": 4, "policy": {"hidden": [2]}},
        "c": {"extends": "b"},
    }
    found = resolved({"variants": variants})[0]["variants"]["c"]
    assert found == {"batch": 4, "policy": {"hidden": [2], "activation": "relu"}}


def test_another_part_replaces_the_inherited_one_with_its_options() -> None:
    variants = {
        "a": {"returns": {"name": "gae", "lambda": 0.9}, "baseline": "exact"},
        "same": {"extends": "a", "returns": {"name": "gae", "bootstrap_at_truncation": True}},
        "unnamed": {"extends": "a", "returns": {"lambda": 0.5}},
        "other": {"extends": "a", "returns": {"name": "to_go"}, "baseline": {"name": "constant", "value": 2}},
    }
    found = resolved({"variants": variants})[0]["variants"]
    assert found["same"]["returns"] == {"name": "gae", "lambda": 0.9, "bootstrap_at_truncation": True}
    assert found["unnamed"]["returns"] == {"name": "gae", "lambda": 0.5}
    assert found["other"] == {"returns": {"name": "to_go"}, "baseline": {"name": "constant", "value": 2}}


@refusals(
    """
variants/to_go/extends: totl => : 'totl' is not a variant; did you mean 'total'?; allowed: total, to_go, baseline
variants/to_go/extends: null => : None is not a variant; allowed: total, to_go, baseline
variants/total/extends: to_go => variants.to_go.extends: is part of a cycle: total → to_go → total
variants/total/extends: total => : is part of a cycle: total → total
variants/to_go/joins: learn => : should be a list of experiments; it is 'learn'
variants/to_go/joins: [lern] => : 'lern' is not known; did you mean 'learn'?; allowed: learn, gradients, exact
variants/to_go/joins: [learn] => : learn lists to_go already; remove one of the two
variants/to_go/joins: [gradients, gradients] => : gradients lists to_go already
seeds/measure/count: 0 => : should be greater than 0
seeds/measure: 3 => : should be a mapping
seeds/trian: {count: 3} => : unknown key; did you mean 'train'
variants/total/retruns: total => : unknown key
variants/total/policy/hiden: [8] => : unknown key
variants/total/policy/hidden: [0] => .0: should be greater than 0
variants/total/importance: {name: per_step, clip: 0.2, truncate_at: 2} => variants.total: clip cannot be combined with
variants/total/initialise: {controller: nope, demonstrations: 4} => .controller: 'nope' is not known
variants/total/initialise: {clone: {experiment: lern, variant: total, stage: late}, demonstrations: 4}
  => .clone.experiment: 'lern' is not known
"""
)
def test_a_mistake_that_others_inherit_is_reported_once(
    options: dict[str, Any], path: str, value: Any, message: str
) -> None:
    # `to_go` extends `total`; `baseline` extends `to_go`, with another policy.
    if path == "seeds/measure/count":
        del options["experiments"]["exact"]["seeds"]
    assert_refused(options, path, value, message)
    assert len(refused(options)) == 1


def test_a_mistake_that_is_repeated_is_reported_twice(options: dict[str, Any]) -> None:
    places = ("variants/total/policy/hidden", "variants/baseline/policy/hidden")
    for place in places:
        put(options, place, [0])
    assert [problem.split(": ")[0] for problem in refused(options)] == [
        f"{place.replace('/', '.')}.0" for place in places
    ]


def test_an_illegal_combination_is_reported_at_its_variant(options: dict[str, Any]) -> None:
    options["variants"]["baseline"]["discount"] = 0.9
    message = "one problem:\n  variants.to_go: discount_states: true changes nothing"
    assert_refused(options, "variants/to_go/discount_states", True, message)


def test_joins_appends_to_the_lists_of_experiments(options: dict[str, Any]) -> None:
    options["variants"]["mine"] = {"extends": "to_go", "discount": 0.9, "joins": ["learn", "exact"]}
    options["variants"]["child"] = {"extends": "mine"}
    options["environments"]["short"] = {"id": "CartPole-v1", "horizon": 50, "joins": ["learn"]}
    experiments = load(options).experiments
    assert experiments["learn"].variants == ("total", "to_go", "mine")
    assert experiments["exact"].variants == ("to_go", "baseline", "mine")
    assert experiments["learn"].environments == ("cartpole", "short")


def test_shared_seeds_are_the_default_of_experiments(options: dict[str, Any]) -> None:
    options["seeds"] = {"train": {"count": 7, "per_job": 4}, "measure": {"count": 3}}
    options["experiments"]["learn"]["seeds"] = {"count": 6}
    del options["experiments"]["exact"]["seeds"]
    study = load(options)
    seeds = {name: (one.seeds.first, one.seeds.count, one.seeds.per_job) for name, one in study.experiments.items()}
    assert seeds == {"learn": (0, 6, 4), "gradients": (1, 3, 10), "exact": (0, 3, 10)}
    assert "seeds" not in study.model_dump()


def test_missing_seeds_are_reported_in_one_message(options: dict[str, Any]) -> None:
    for experiment in options["experiments"].values():
        del experiment["seeds"]
    options["experiments"]["learn"]["seeds"] = {"per_job": 4}
    (problem,) = refused(options)
    assert problem.startswith("seeds: is missing; add seeds: {train: {count: 20}, measure: {count: 20}}, or seeds to")
    assert problem.endswith("each experiment without any: learn, gradients, exact")
    message = ".measure: is missing; add seeds: {measure: {count: 20}}, …any: gradients, exact"
    assert_refused(options, "seeds", {"train": {"count": 5}}, message)
