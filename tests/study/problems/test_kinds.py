"""Illegal options of experiments on data of an earlier policy are refused by name."""

from typing import Any

import pytest
from pg.claims.record import Family
from pg.core.errors import InvalidStudy
from pg.study.validation import load
from tests.study.studies import put, with_reuse


def test_a_legal_study_of_reuse_is_read(options: dict[str, Any]) -> None:
    side = load(with_reuse(options)).claims["causality"].parts["far"].a
    assert not isinstance(side, Family)
    assert side["steps"] == 4


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "experiments/learn/variants",
            ["to_go", "exact_state"],
            r"learn\.variants: exact_state weights by exact ratios of state probabilities, and cartpole .* no tables",
        ),
        (
            "experiments/stale/variants",
            ["exact_state"],
            r"stale\.variants: exact_state weights by exact ratios .* short \(CartPole-v1\) has no tables",
        ),
        ("experiments/stale/walk/variant", "walkre", r"stale\.walk\.variant: 'walkre' .* did you mean 'walker'"),
        (
            "experiments/stale/walk/variant",
            "total",
            r"stale\.walk\.variant: the learning rate of total is 'tuned', and tuning runs only in training; give",
        ),
        (
            "experiments/stale/walk/variant",
            "natural",
            r"stale\.walk\.variant: natural chooses its step size by its limit",
        ),
        (
            "variants/walker/baseline",
            "exact",
            r"stale\.walk\.variant: walker subtracts exact values, and short \(CartPole-v1\) has no tables",
        ),
        (
            "experiments/weights/horizons",
            [10, 51],
            r"weights\.horizons: trajectories of short end after 50 steps, .* cut off at 51; allowed: 1 to 50",
        ),
        ("claims/causality/parts/far/a/steps", 3, r"parts\.far\.a\.steps: 3 is not one of 0, 4"),
        ("claims/causality/parts/far/a/step", 4, r"parts\.far\.a\.step: is not a column .* did you mean 'steps'"),
        ("claims/causality/parts/far/a/horizon", 10, r"parts\.far\.a\.horizon: is not a column of this experiment"),
        ("claims/causality/parts/long/b/horizon", 11, r"parts\.long\.b\.horizon: 11 is not one of 10, 50"),
    ],
)
def test_what_is_wrong_with_reuse_is_said(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(with_reuse(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_horizons_may_be_as_long_as_the_environments_own_limit(options: dict[str, Any]) -> None:
    put(with_reuse(options), "experiments/weights/environments", ["cartpole"])
    put(options, "experiments/weights/horizons", [10, 50, 500])
    assert load(options).experiments["weights"].kind == "horizon"
    put(options, "experiments/weights/horizons", [10, 50, 501])
    with pytest.raises(InvalidStudy, match="trajectories of cartpole end after 500 steps"):
        load(options)


def test_a_natural_gradient_trains_without_tuning(options: dict[str, Any]) -> None:
    put(with_reuse(options), "experiments/learn/variants", ["total", "natural"])
    for other in ("gradients", "stale", "weights"):
        put(options, f"experiments/{other}/source/variant", "total")
    del options["experiments"]["learn"]["tuning"]
    with pytest.raises(InvalidStudy, match="the learning rate of total is 'tuned'") as refused:
        load(options)
    assert len(refused.value.problems) == 1


def with_evaluations(options: dict[str, Any]) -> dict[str, Any]:
    """Add evaluations, and a claim on them."""
    options["experiments"]["learn"]["evaluate"] = {"every_steps": 50, "episodes": 2}
    options["claims"]["causality"]["parts"]["passes"] = {
        "experiment": "learn",
        "metric": "steps_to_pass",
        "a": {"variant": "to_go"},
        "reference": 80,
        "relation": "less",
    }
    return options


def test_a_level_takes_the_place_of_a_threshold(options: dict[str, Any]) -> None:
    assert load(with_evaluations(options)).claims["causality"].parts["passes"].reference == 80
    del options["environments"]["cartpole"]["threshold"]
    with pytest.raises(InvalidStudy, match=r"learn\.evaluate\.passed_at: is missing, and cartpole declares no thresh"):
        load(options)
    options["experiments"]["learn"]["evaluate"]["passed_at"] = 90
    assert load(options).claims


def test_a_threshold_is_of_trajectories_as_long_as_those_trained_on(options: dict[str, Any]) -> None:
    evaluate = with_evaluations(options)["experiments"]["learn"]["evaluate"]
    evaluate["horizon"] = 500
    assert load(options).claims
    evaluate["horizon"] = 501
    with pytest.raises(
        InvalidStudy,
        match=r"learn\.evaluate\.passed_at: is missing, and the threshold of cartpole is for trajectories of 500 steps "
        r"while evaluate\.horizon is 501; give the return",
    ):
        load(options)
    evaluate["passed_at"] = 501
    assert load(options).claims


def test_a_figure_of_evaluations_needs_some(options: dict[str, Any]) -> None:
    with_evaluations(options)["figures"]["passing"] = {
        "kind": "steps_to_pass",
        "experiment": "learn",
        "section": "Baselines",
    }
    assert load(options).figures["passing"]
    options["claims"] = {}
    del options["experiments"]["learn"]["evaluate"]
    with pytest.raises(InvalidStudy, match=r"figures\.passing\.experiment: learn declares no evaluate to draw"):
        load(options)


@pytest.mark.parametrize("metric", ["steps_to_pass", "passed"])
def test_a_claim_on_evaluations_needs_some(options: dict[str, Any], metric: str) -> None:
    del with_evaluations(options)["experiments"]["learn"]["evaluate"]
    options["claims"]["causality"]["parts"]["passes"]["metric"] = metric
    with pytest.raises(
        InvalidStudy,
        match=rf"passes\.metric: {metric} is measured on evaluations, and learn declares none; add evaluate",
    ):
        load(options)
