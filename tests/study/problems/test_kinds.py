"""Illegal options of experiments on data of an earlier policy, and of evaluations, are refused by name."""

from typing import Any

import pytest
from pg.claims.record import Family
from pg.study.validation import load
from tests.study.studies import assert_refused, changed, put, refusals, refused, with_reuse

PARTS = "claims/causality/parts"


def test_legal_study_of_reuse_is_read(options: dict[str, Any]) -> None:
    side = load(with_reuse(options)).claims["causality"].parts["far"].a
    assert not isinstance(side, Family)
    assert side["steps"] == 4


@refusals(
    """
experiments/learn/variants: [to_go, exact_state] => : exact_state weights by exact ratios of state probabilities,
  and cartpole … no tables
experiments/stale/variants: [exact_state] => : exact_state weights by exact ratios … short (CartPole-v1) has no tables
experiments/stale/walk/variant: walkre => : 'walkre' … did you mean 'walker'
experiments/stale/walk/variant: total => : the learning rate of total is 'tuned', and tuning runs only in training; give
experiments/stale/walk/variant: natural => : natural chooses its step size by its limit
variants/walker/baseline: exact => stale.walk.variant: walker subtracts exact values, and short (CartPole-v1) has no
experiments/weights/horizons: [10, 51] => : trajectories of short end after 50 steps, … cut off at 51; allowed: 1 to 50
claims/causality/parts/far/a/steps: 3 => : 3 is not one of 0, 4
claims/causality/parts/far/a/step: 4 => : is not a column … did you mean 'steps'
claims/causality/parts/far/a/horizon: 10 => : is not a column of this experiment
claims/causality/parts/long/b/horizon: 11 => : 11 is not one of 10, 50
"""
)
def test_illegal_option_of_reuse_is_named(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(with_reuse(options), path, value, message)


def test_horizons_may_be_as_long_as_the_environments_own_limit(options: dict[str, Any]) -> None:
    put(with_reuse(options), "experiments/weights/environments", ["cartpole"])
    assert load(changed(options, "experiments/weights/horizons", "[10, 50, 500]")).experiments["weights"]
    refused(changed(options, "experiments/weights/horizons", "[501]"), "trajectories of cartpole end after 500 steps")


def test_natural_gradient_trains_without_tuning(options: dict[str, Any]) -> None:
    put(with_reuse(options), "experiments/learn/variants", ["total", "natural"])
    for other in ("gradients", "stale", "weights"):
        put(options, f"experiments/{other}/source/variant", "total")
    del options["experiments"]["learn"]["tuning"]
    assert len(refused(options, "the learning rate of total is 'tuned'")) == 1


@pytest.fixture
def evaluated(options: dict[str, Any]) -> dict[str, Any]:
    """Add evaluations, a claim on them and a figure of them."""
    options["experiments"]["learn"]["evaluate"] = {"every_steps": 50, "episodes": 2}
    part = {"experiment": "learn", "metric": "steps_to_pass", "a": {"variant": "to_go"}}
    put(options, f"{PARTS}/passes", part | {"reference": 80, "relation": "less"})
    options["figures"]["passing"] = {"kind": "steps_to_pass", "experiment": "learn", "section": "Baselines"}
    return options


def test_level_of_evaluations_replaces_a_threshold(evaluated: dict[str, Any]) -> None:
    assert load(evaluated).claims["causality"].parts["passes"].reference == 80
    del evaluated["environments"]["cartpole"]["threshold"]
    refused(evaluated, r"learn\.evaluate\.passed_at: is missing, and cartpole declares no thresh")
    assert load(changed(evaluated, "experiments/learn/evaluate/passed_at", "90")).claims


def test_threshold_is_of_trajectories_as_long_as_in_training(evaluated: dict[str, Any]) -> None:
    assert load(changed(evaluated, "experiments/learn/evaluate/horizon", "500")).claims
    message = (
        r"learn\.evaluate\.passed_at: is missing, and the threshold of cartpole is for trajectories of 500 steps while "
        r"evaluate\.horizon is 501; give the return"
    )
    refused(changed(evaluated, "experiments/learn/evaluate/horizon", "501"), message)
    assert load(changed(evaluated, "experiments/learn/evaluate/passed_at", "501")).claims


@pytest.mark.parametrize("metric", ["steps_to_pass", "passed"])
def test_claims_and_figures_of_evaluations_need_some(evaluated: dict[str, Any], metric: str) -> None:
    del evaluated["experiments"]["learn"]["evaluate"]
    message = rf"passes\.metric: {metric} is measured on evaluations, and learn declares none; add evaluate"
    refused(changed(evaluated, f"{PARTS}/passes/metric", metric), message)
    refused(evaluated, r"figures\.passing\.experiment: learn declares no evaluate to draw")
