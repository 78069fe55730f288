"""A composition without a meaning is refused with the reason; one that has a meaning is read, swept and dumped."""

from typing import Any

import pytest
from pg.study.expansion import cells
from pg.study.validation import InvalidStudy, load
from tests.study.studies import put

NETWORK: dict[str, Any] = {"returns": "gae", "lambda": 0.9, "baseline": "value_network"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"returns": "gae", "lambda": 0.9}, r"returns: gae .* needs baseline: value_network or exact, not none"),
        (NETWORK | {"baseline": "per_step"}, r"needs baseline: value_network or exact, not per_step"),
        (NETWORK | {"lambda": None}, r"returns: gae needs lambda: a number from 0 to 1"),
        ({"lambda": 0.5}, r"lambda: 0\.5 needs returns: gae; it weights nothing in returns: total"),
        (NETWORK | {"lambda": 1.5}, r"total\.lambda: should be less than or equal to 1; it is 1\.5"),
        (NETWORK | {"lamda": 0.5}, r"total\.lamda: unknown key; did you mean 'lambda'"),
        (NETWORK | {"lambda_": 0.5}, r"total\.lambda_: unknown key; did you mean 'lambda'"),
        (NETWORK | {"bootstrap_at_truncation": True}, r"bootstrap_at_truncation: true needs discount below 1"),
        (
            {"baseline": "value_network", "discount": 0.9, "bootstrap_at_truncation": True},
            r"bootstrap_at_truncation: true needs returns: gae; returns: total counts rewards alone",
        ),
        (
            NETWORK | {"baseline": "exact", "discount": 0.9, "bootstrap_at_truncation": True},
            r"bootstrap_at_truncation: true needs baseline: value_network; exact values are those of a return that",
        ),
        (NETWORK | {"importance": "per_decision"}, r"importance: per_decision needs returns: to_go"),
        (
            NETWORK | {"importance": "per_step", "future_correction": True},
            r"future_correction: true needs importance: per_step or exact_state, and returns: to_go",
        ),
        ({"critic": {}}, r"critic needs baseline: value_network; baseline: none fits none"),
        (NETWORK | {"baseline": "exact", "critic": {"fit_steps": 5}}, r"critic needs baseline: value_network"),
        (NETWORK | {"critic": {"learning_rate": "tuned"}}, r"critic\.learning_rate: should be a valid number"),
        (NETWORK | {"critic": {"fit_steps": 0}}, r"critic\.fit_steps: should be greater than 0"),
        (NETWORK | {"critic": {"fitsteps": 9}}, r"critic\.fitsteps: unknown key; did you mean 'fit_steps'"),
    ],
)
def test_values_without_meaning_are_refused(options: dict[str, Any], parts: dict[str, Any], message: str) -> None:
    options["variants"]["total"] |= parts
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_values_with_meaning_are_read_and_dumped_as_they_were_written(options: dict[str, Any]) -> None:
    parts = NETWORK | {"discount": 0.9, "discount_states": True, "bootstrap_at_truncation": True, "critic": {}}
    options["variants"]["actor_critic"] = parts
    options["variants"]["exact"] = NETWORK | {"baseline": "exact", "discount": 0.9, "importance": "trajectory"}
    study = load(options)
    for name in ("actor_critic", "exact"):
        dumped = study.variants[name].model_dump(mode="json")
        assert dumped["lambda"] == 0.9
        assert load(options | {"variants": options["variants"] | {name: dumped}}) == study


def with_lambda(options: dict[str, Any]) -> dict[str, Any]:
    """Add a probe that sweeps λ, a figure of it, and experiments that know nothing of value networks."""
    options["variants"] |= {"gae": NETWORK, "linear": {"returns": "to_go", "policy": {"hidden": []}}}
    measured = {"seeds": {"count": 2}, "variants": ["gae"]}
    source = {"experiment": "learn", "variant": "to_go", "stages": ["late"]}
    options["experiments"] |= {
        "lambdas": {
            **measured,
            "kind": "probe",
            "environments": ["cartpole"],
            "sweep": {"variant.lambda": [0, 0.5, 1]},
            "source": source,
            "sample": {"trajectories": 64, "batches": [8]},
        },
        "withheld": {
            "kind": "support",
            "environments": ["chain"],
            "variants": ["linear"],
            "seeds": {"count": 1},
            "left": [0.1],
        },
        "weights": {
            "kind": "horizon",
            "environments": ["cartpole"],
            "variants": ["linear"],
            "seeds": {"count": 2},
            "source": source,
            "horizons": [10],
            "kl": 0.01,
        },
    }
    options["figures"]["lambda"] = {"kind": "bias_and_variance", "experiment": "lambdas", "section": "Next time"}
    return options


def test_lambda_is_swept_by_its_name_in_the_file(options: dict[str, Any]) -> None:
    study = load(with_lambda(options))
    found = {cell.variant_id: cell.variant.lambda_ for cell in cells(study, "lambdas")}
    assert found == {"gae@lambda=0": 0, "gae@lambda=0.5": 0.5, "gae@lambda=1": 1}


def test_an_option_of_a_record_that_is_left_out_can_be_swept(options: dict[str, Any]) -> None:
    put(with_lambda(options), "experiments/lambdas/sweep", {"variant.critic.fit_steps": [5, 10]})
    found = [cell.variant.critic for cell in cells(load(options), "lambdas")]
    assert [critic.fit_steps for critic in found if critic is not None] == [5, 10]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("experiments/lambdas/sweep", {"variant.lambda_": [1]}, r"'variant\.lambda_' names no option; .* 'lambda'"),
        ("experiments/lambdas/sweep", {"variant.lambda": [2]}, r"lambdas\.sweep: a level is not legal: lambda"),
        ("experiments/lambdas/variants", ["gae", "linear"], r"a level is not legal: lambda: 0 needs returns: gae"),
        (
            "experiments/lambdas/sweep",
            {"variant.lambda": [0.5], "variant.discount": [0.9]},
            r"figures\.lambda\.experiment: .* over numbers, as variant\.lambda; lambdas sweeps variant\.lambda, ",
        ),
        ("experiments/lambdas/sweep", {}, r"figures\.lambda\.experiment: .*; lambdas sweeps nothing"),
        (
            "experiments/lambdas/sweep",
            {"variant.discount_states": [False]},
            r"figures\.lambda\.experiment: .*; lambdas sweeps variant\.discount_states",
        ),
        (
            "experiments/lambdas/sample/critic_trajectories",
            40,
            r"sample\.critic_trajectories: should be a multiple of 16; it is 40",
        ),
        (
            "experiments/withheld/variants",
            ["gae"],
            r"withheld\.variants: gae has a value network, which is fitted to trajectories .* baselines none, constant",
        ),
        (
            "experiments/weights/variants",
            ["gae"],
            r"weights\.variants: gae has a value network, which knows one horizon, .* any other baseline is allowed",
        ),
    ],
)
def test_what_is_wrong_with_value_networks_is_said(
    options: dict[str, Any], path: str, value: Any, message: str
) -> None:
    put(with_lambda(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)
