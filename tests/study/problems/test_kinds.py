"""Illegal options of experiments on data of an earlier policy, and of evaluations, are refused by name."""

import re
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
variants/walker/optimizer/schedule: linear => experiments.stale.walk.variant: walker has an optimizer.schedule
variants/walker/optimizer/schedule: linear => experiments.latest.path.variant: walker has an optimizer.schedule
variants/walker/baseline: exact => stale.walk.variant: walker subtracts exact values, and short (CartPole-v1) has no
experiments/weights/horizons: [10, 51] => : trajectories of short end after 50 steps, … cut off at 51; allowed: 1 to 50
experiments/latest/path/iterations: 2
  => : 2 make 3 policies, and the window of windowed has 4 batches; allowed: 3 or more
experiments/latest/path/variant: total => : the learning rate of total is 'tuned'; give optimizer.learning_rate a number
experiments/latest/path/variant: windowed => : windowed has a window; name a variant that learns from one
experiments/latest/path/variant: walkre => : 'walkre' … did you mean 'walker'
experiments/stale/variants: [windowed] => : windowed learns from 4 batches by different policies, and staleness
experiments/stale/walk/variant: windowed => : windowed learns from 4 batches by different policies, and staleness
variants/windowed/baseline: value_network => experiments.latest.variants: windowed subtracts values of states
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
    for other in ("gradients", "stale", "latest", "weights"):
        put(options, f"experiments/{other}/source/variant", "total")
    del options["experiments"]["learn"]["tuning"]
    assert len(refused(options, "the learning rate of total is 'tuned'")) == 1


@pytest.fixture
def evaluated(options: dict[str, Any]) -> dict[str, Any]:
    """Add a claim on evaluations and a figure of them."""
    part = {"experiment": "learn", "metric": "steps_to_threshold", "a": {"variant": "to_go"}}
    put(options, f"{PARTS}/solves", part | {"reference": 80, "relation": "less"})
    options["figures"]["steps"] = {"kind": "steps_to_threshold", "experiment": "learn", "section": "Baselines"}
    return options


def test_threshold_of_evaluations_replaces_that_of_the_environment(evaluated: dict[str, Any]) -> None:
    assert load(evaluated).claims["causality"].parts["solves"].reference == 80
    del evaluated["environments"]["cartpole"]["threshold"]
    refused(evaluated, r"solves\.metric: steps_to_threshold needs threshold, and cartpole declares none")
    refused(evaluated, r"figures\.steps\.environments: cartpole declares no threshold")
    assert load(changed(evaluated, "experiments/learn/evaluate/threshold", "90")).claims


@pytest.mark.parametrize("metric", ["steps_to_threshold", "solved", "censored"])
def test_claims_on_a_missing_threshold_are_refused(evaluated: dict[str, Any], metric: str) -> None:
    del evaluated["environments"]["cartpole"]["threshold"]
    message = rf"solves\.metric: {metric} needs threshold, and cartpole declares none"
    refused(changed(evaluated, f"{PARTS}/solves/metric", metric), message)


def test_claims_on_failures_need_a_level_of_failure(evaluated: dict[str, Any]) -> None:
    put(evaluated, f"{PARTS}/solves/metric", "failed")
    put(evaluated, f"{PARTS}/solves/reference", 0.5)
    refused(evaluated, r"solves\.metric: failed needs failed_below, and cartpole declares none")
    refused(
        changed(evaluated, "experiments/learn/evaluate/threshold", "400"), "failed needs failed_below, and cartpole"
    )
    assert load(changed(evaluated, "environments/cartpole/failed_below", "100")).claims


@pytest.mark.parametrize("horizon", [499, 501])
def test_levels_are_of_trajectories_as_long_as_in_training(evaluated: dict[str, Any], horizon: int) -> None:
    assert load(changed(evaluated, "experiments/learn/evaluate/horizon", "500")).claims
    at = rf"learn\.evaluate\.horizon: is {horizon}, but environments\.cartpole\."
    message = rf"{at}threshold is for trajectories of 500 steps; give evaluate\.threshold"
    refused(changed(evaluated, "experiments/learn/evaluate/horizon", str(horizon)), message)
    assert load(changed(evaluated, "experiments/learn/evaluate/threshold", "501")).claims
    # Evaluations have no level of failure of their own.
    (problem,) = refused(changed(evaluated, "environments/cartpole/failed_below", "100"))
    assert re.search(rf"{at}failed_below is for trajectories of 500 steps$", problem)


@pytest.mark.parametrize(("level", "message"), [(475, "failed_below: 475 is not below threshold: 475"), (474.9, None)])
def test_a_level_of_failure_is_below_the_threshold(options: dict[str, Any], level: float, message: str | None) -> None:
    put(options, "environments/cartpole/failed_below", level)
    if message is None:
        assert load(options).environments["cartpole"].failed_below == level
    else:
        refused(options, message)
    del options["environments"]["cartpole"]["threshold"]
    assert load(options).environments["cartpole"].failed_below == level


def test_a_level_of_failure_is_below_the_threshold_of_evaluations(options: dict[str, Any]) -> None:
    put(options, "environments/cartpole/failed_below", 100)
    message = r"learn\.evaluate\.threshold: 100 is not above environments\.cartpole\.failed_below: 100$"
    refused(changed(options, "experiments/learn/evaluate/threshold", "100"), message)
    assert load(changed(options, "experiments/learn/evaluate/threshold", "101")).claims
