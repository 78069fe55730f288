"""A composition without a meaning is refused with the reason; one that has a meaning is read, swept and dumped."""

from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.parts.baselines.base import Baseline
from pg.parts.baselines.constant import Constant
from pg.parts.baselines.none import NoBaseline
from pg.parts.baselines.value_network import ValueNetwork
from pg.study.expansion import cells
from pg.study.validation import load
from tests.study.studies import put

NETWORK: dict[str, Any] = {"returns": {"name": "gae", "lambda": 0.9}, "baseline": "value_network"}
ENDLESS: dict[str, Any] = {"name": "gae", "lambda": 0.9, "bootstrap_at_truncation": True}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"returns": NETWORK["returns"]}, r"returns: gae .* needs baseline: value_network or exact, not none"),
        (NETWORK | {"baseline": "per_step"}, r"needs baseline: value_network or exact, not per_step"),
        (NETWORK | {"returns": "gae"}, r"total\.returns\.lambda: is missing"),
        (NETWORK | {"returns": {"lambda": 0.5}}, r"total\.returns: name: is missing; allowed: total, to_go, gae"),
        (NETWORK | {"returns": {"name": "to_go", "lambda": 0.5}}, r"returns\.lambda: unknown key; allowed: name"),
        (
            NETWORK | {"returns": {"name": "gae", "lambda": 1.5}},
            r"returns\.lambda: should be less than or equal to 1; it",
        ),
        (NETWORK | {"returns": {"name": "gae", "lamda": 0.5}}, r"returns\.lamda: unknown key; did you mean 'lambda'"),
        (
            NETWORK | {"returns": {"name": "gae", "lambda_": 0.5}},
            r"\.lambda_: unknown key; did you mean 'lambda'",
        ),
        (NETWORK | {"returns": ENDLESS}, r"bootstrap_at_truncation: true needs discount below 1"),
        (
            NETWORK | {"returns": ENDLESS, "baseline": "exact", "discount": 0.9},
            r"bootstrap_at_truncation: true needs baseline: value_network; exact values are 0 at the horizon",
        ),
        (NETWORK | {"importance": "per_decision"}, r"importance: per_decision needs returns: to_go"),
        (
            NETWORK | {"importance": {"name": "per_step", "future_correction": True}},
            r"future_correction: true needs returns: to_go",
        ),
        ({"baseline": "constant"}, r"total\.baseline\.value: is missing"),
        ({"baseline": {"name": "none", "value": 1.0}}, r"baseline\.value: unknown key; allowed: name"),
        (
            {"baseline": 3},
            r"baseline: should be a name, or a mapping with a name and options",
        ),
        ({"baseline": {"name": "value_network", "learning_rate": "tuned"}}, r"learning_rate: should be a valid number"),
        ({"baseline": {"name": "value_network", "fit_steps": 0}}, r"baseline\.fit_steps: should be greater than 0"),
        ({"baseline": {"name": "value_network", "fitsteps": 9}}, r"fitsteps: unknown key; did you mean 'fit_steps'"),
        ({"importance": {"name": "trajectory", "clip": 0.2}}, r"total\.importance\.clip: unknown key"),
        ({"importance": {"name": "per_step", "clip": 0.2, "truncate_at": 2.0}}, r"clip cuts a plain ratio"),
        ({"importance": {"name": "trajectory", "self_normalised": True}, "batch": 1}, r"self_normalised: true needs"),
    ],
)
def test_parts_without_meaning_are_refused(options: dict[str, Any], parts: dict[str, Any], message: str) -> None:
    options["variants"]["total"] |= parts
    with pytest.raises(InvalidStudy, match=message):
        load(options)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("lambda", r"returns now: write returns: \{name: gae, lambda: 0\.95\}"),
        ("bootstrap_at_truncation", r"returns now: write returns: \{name: gae, lambda: 0\.95, bootstrap_at_truncation"),
        ("constant", r"baseline now: write baseline: \{name: constant, value: 0\.5\}"),
        ("critic", r"baseline now: write baseline: \{name: value_network, hidden"),
        ("clip", r"importance now: write importance: \{name: per_step, clip: 0\.2\}"),
        ("future_correction", r"importance now: write importance: \{name: per_step, future_correction: true\}"),
        ("self_normalised", r"importance now: write importance: \{name: trajectory, self_normalised: true\}"),
        ("truncate_at", r"importance now: write importance: \{name: trajectory, truncate_at: 5\}"),
    ],
)
def test_an_option_that_has_moved_names_its_part(options: dict[str, Any], key: str, message: str) -> None:
    options["variants"]["total"][key] = 0.5
    with pytest.raises(InvalidStudy, match=rf"variants\.total\.{key}: belongs to {message}"):
        load(options)


def test_variants_with_meaning_are_read_and_dumped(options: dict[str, Any]) -> None:
    options["variants"]["actor_critic"] = NETWORK | {"returns": ENDLESS, "discount": 0.9, "discount_states": True}
    options["variants"]["exact"] = NETWORK | {"baseline": "exact", "discount": 0.9, "importance": "trajectory"}
    study = load(options)
    for name in ("actor_critic", "exact"):
        dumped = study.variants[name].model_dump(mode="json")
        assert dumped["returns"]["lambda"] == 0.9
        assert load(options | {"variants": options["variants"] | {name: dumped}}) == study


@pytest.mark.parametrize(
    ("parent", "child", "found"),
    [
        ("value_network", {"fit_steps": 3}, ValueNetwork(fit_steps=3)),
        ({"name": "value_network", "fit_steps": 3}, {"hidden": [8]}, ValueNetwork(hidden=(8,), fit_steps=3)),
        ({"name": "value_network", "fit_steps": 3}, "value_network", ValueNetwork(fit_steps=3)),
        ({"name": "value_network", "fit_steps": 3}, {"name": "constant", "value": 2.0}, Constant(value=2.0)),
        ({"name": "value_network", "fit_steps": 3}, "none", NoBaseline()),
    ],
)
def test_a_part_is_inherited_with_its_options_or_replaced(
    options: dict[str, Any], parent: Any, child: Any, found: Baseline
) -> None:
    options["variants"] |= {"parent": {"baseline": parent}, "child": {"extends": "parent", "baseline": child}}
    assert load(options).variants["child"].baseline == found


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
            "sweep": {"variant.returns.lambda": [0, 0.5, 1]},
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


@pytest.mark.parametrize(
    ("sweep", "found"),
    [
        ({"variant.returns.lambda": [0, 1]}, ["gae@lambda=0", "gae@lambda=1"]),
        ({"variant.baseline.fit_steps": [5, 10]}, ["gae@fit_steps=5", "gae@fit_steps=10"]),
        ({"variant.returns": ["to_go", "total"]}, ["gae@returns=to_go", "gae@returns=total"]),
    ],
)
def test_options_of_parts_and_parts_are_swept(options: dict[str, Any], sweep: dict[str, Any], found: list[str]) -> None:
    put(with_lambda(options), "experiments/lambdas/sweep", sweep)
    del options["figures"]["lambda"]
    swept = cells(load(options), "lambdas")
    assert [cell.variant_id for cell in swept] == found
    ((path, levels),) = sweep.items()
    for cell, level in zip(swept, levels, strict=True):
        part = cell.variant.model_dump()[path.split(".")[1]]
        assert part[path.split(".")[2] if path.count(".") > 1 else "name"] == level


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "experiments/lambdas/sweep",
            {"variant.lambda": [1]},
            r"sweep: 'variant\.lambda' belongs to returns now: write",
        ),
        (
            "experiments/lambdas/sweep",
            {"variant.returns.lambda_": [1]},
            r"level is not legal: returns\.lambda_: unknown key; .*'lambda'",
        ),
        (
            "experiments/lambdas/sweep",
            {"variant.returns.lambda": [2]},
            r"lambdas\.sweep: a level is not legal: returns\.lambda",
        ),
        (
            "experiments/lambdas/variants",
            ["gae", "linear"],
            r"a level is not legal: returns\.lambda: unknown key; allowed: name",
        ),
        (
            "experiments/lambdas/sweep",
            {"variant.returns.lambda": [0.5], "variant.discount": [0.9]},
            r"figures\.lambda\.experiment: .* over numbers, as variant\.returns\.lambda; lambdas sweeps variant\.ret",
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
            r"weights\.variants: gae has a value network, which is fitted to one horizon, .* any other baseline",
        ),
    ],
)
def test_wrong_uses_of_value_networks_are_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(with_lambda(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)
