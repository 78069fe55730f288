"""A composition without a meaning is refused with the reason; one that has a meaning is read, swept and dumped."""

from typing import Any

import pytest
from pg.parts.baselines.base import Baseline
from pg.parts.baselines.constant import Constant
from pg.parts.baselines.none import NoBaseline
from pg.parts.baselines.value_network import ValueNetwork
from pg.study.expansion import cells
from pg.study.validation import load
from tests.study.studies import assert_refused, put, refusals, with_added


@pytest.fixture
def options(options: dict[str, Any]) -> dict[str, Any]:
    """The small study, with a probe that sweeps λ, a figure of it, and experiments that allow no value network."""
    return with_added(
        options,
        """
        variants:
          gae: {returns: {name: gae, lambda: 0.9}, baseline: value_network}
          linear: {returns: to_go, policy: {hidden: []}}
        experiments:
          lambdas:
            kind: probe
            environments: [cartpole]
            variants: [gae]
            seeds: {count: 2}
            sweep: {variant.returns.lambda: [0, 0.5, 1]}
            source: {experiment: learn, variant: to_go, stages: [late]}
            sample: {trajectories: 64, batches: [8]}
          withheld: {kind: support, environments: [chain], variants: [linear], seeds: {count: 1}, left: [0.1]}
          weights:
            kind: horizon
            environments: [cartpole]
            variants: [linear]
            seeds: {count: 2}
            source: {experiment: learn, variant: to_go, stages: [late]}
            horizons: [10]
            kl: 0.01
        figures:
          lambda: {kind: bias_and_variance, experiment: lambdas, section: Next time}
        """,
    )


@refusals(
    """
variants/new: {returns: {name: gae, lambda: 0.9}} => returns: gae … needs baseline: value_network or exact, not none
variants/new: {extends: gae, baseline: per_step} => needs baseline: value_network or exact, not per_step
variants/new: {extends: gae, baseline: running_average} => running_average is the same in every state; use value
variants/new: {returns: gae} => .returns.lambda: is missing
variants/new: {returns: {lambda: 0.5}} => .returns: name: is missing; allowed: total, to_go, gae
variants/new: {returns: {name: to_go, lambda: 0.5}}
  => .returns.lambda: unknown key; write returns: {name: gae, lambda: 0.5}
variants/new: {returns: {name: gae, lambda: 1.5}} => returns.lambda: should be less than or equal to 1; it
variants/new: {returns: {name: gae, lamda: 0.5}} => returns.lamda: unknown key; did you mean 'lambda'
variants/new: {returns: {name: gae, lambda_: 0.5}} => .returns.lambda_: unknown key; did you mean 'lambda'
variants/new: {extends: gae, returns: {bootstrap_at_truncation: true}}
  => bootstrap_at_truncation: true needs discount below 1
variants/new: {extends: gae, returns: {bootstrap_at_truncation: true}, baseline: exact, discount: 0.9}
  => bootstrap_at_truncation: true needs baseline: value_network; exact values are 0 at the horizon
variants/new: {extends: gae, importance: per_decision} => importance: per_decision needs returns: to_go
variants/new: {extends: gae, importance: {name: per_step, future_correction: true}}
  => future_correction: true needs returns: to_go
variants/new: {baseline: constant} => .baseline.value: is missing
variants/new: {baseline: {name: none, value: 1.0}}
  => .baseline.value: unknown key; write baseline: {name: constant, value: 1.0}
variants/new: {extend: gae} => new.extend: unknown key; did you mean 'extends'
variants/new: {baseline: 3} => baseline: should be a name, or a mapping with a name and options
variants/new: {baseline: {name: value_network, learning_rate: tuned}} => learning_rate: should be a valid number
variants/new: {baseline: {name: value_network, fit_steps: 0}} => baseline.fit_steps: should be greater than 0
variants/new: {baseline: {name: value_network, fitsteps: 9}} => fitsteps: unknown key; did you mean 'fit_steps'
variants/new: {importance: {name: trajectory, clip: 0.2}} => .importance.clip: unknown key
variants/new: {importance: {name: per_step, clip: 0.2, truncate_at: 2.0}} => clip cannot be combined with
variants/new: {importance: {name: trajectory, self_normalised: true}, batch: 1} => self_normalised: true needs
variants/new: {importance: {name: trajectory, power_mean: 1}} => power_mean: should be less than 1; it is 1
variants/new: {importance: {name: trajectory, power_mean: 0.5, truncate_at: 2}} => power_mean bounds weights
variants/new: {importance: {name: per_step, power_mean: 0.5, clip: 0.2}} => clip cannot be combined with
variants/new: {window: 4} => window: should be a name, or a mapping with a name and options; allowed: balance, own
variants/new: {window: {name: ballance, batches: 2}} => window: 'ballance' is not known; did you mean 'balance'
variants/new: {window: own} => window.batches: is missing
variants/new: {window: {batches: 0}} => window.batches: should be greater than 0
variants/new: {window: {batches: 2}, baseline: optimal} => baseline: optimal needs the scores of one policy
variants/new: {window: {batches: 2}, importance: exact_state} => importance: exact_state needs the states of one policy
variants/new: {optimizer: {clip_norm: 1.0}, kl: {limit: 0.01, hold_by: natural_gradient}}
  => kl.hold_by: natural_gradient uses no optimizer; leave optimizer.schedule and optimizer.clip_norm out
variants/new: {window: {batches: 2}, kl: {limit: 0.01, hold_by: natural_gradient}}
  => kl.hold_by: natural_gradient needs the data of one policy; set window.batches: 1
experiments/lambdas/sweep: {variant.window.batches: [1, 4]}
  => experiments.lambdas.variants: gae learns from 4 batches by different policies, and probe experiments
variants/new/lambda: 0.5 => : belongs to returns now: write returns: {name: gae, lambda: 0.95}
variants/new/bootstrap_at_truncation: 0.5
  => : belongs to returns now: write returns: {name: gae, lambda: 0.95, bootstrap_at_truncation
variants/new/constant: 0.5 => : belongs to baseline now: write baseline: {name: constant, value: 0.5}
variants/new/critic: 0.5 => : belongs to baseline now: write baseline: {name: value_network, hidden
variants/new/clip: 0.5 => : belongs to importance now: write importance: {name: per_step, clip: 0.2}
variants/new/future_correction: 0.5
  => : belongs to importance now: write importance: {name: per_step, future_correction: true}
variants/new/self_normalised: 0.5
  => : belongs to importance now: write importance: {name: trajectory, self_normalised: true}
variants/new/truncate_at: 0.5 => : belongs to importance now: write importance: {name: trajectory, truncate_at: 5}
experiments/lambdas/sweep: {variant.lambda: [1]} => : 'variant.lambda' belongs to returns now: write
experiments/lambdas/sweep: {variant.returns.lambda_: [1]} => level is not legal: returns.lambda_: unknown key; …'lambda'
experiments/lambdas/sweep: {variant.returns.lambda: [2]} => : a level is not legal: returns.lambda
experiments/lambdas/variants: [gae, linear] => a level is not legal: returns.lambda: unknown key; allowed: name
experiments/lambdas/sweep: {variant.returns.lambda: [0.5], variant.discount: [0.9]}
  => figures.lambda.experiment: … over numbers, as variant.returns.lambda; lambdas sweeps variant.ret
experiments/lambdas/sweep: {} => figures.lambda.experiment: …; lambdas sweeps nothing
experiments/lambdas/sweep: {variant.discount_states: [false]}
  => figures.lambda.experiment: …; lambdas sweeps variant.discount_states
experiments/lambdas/sample/critic_trajectories: 40 => : should be a multiple of 16; it is 40
experiments/withheld/variants: [gae]
  => : gae has a value network, which is fitted to trajectories … baselines none, constant
experiments/weights/variants: [gae] => : gae has a value network, which is fitted to one horizon, … any other baseline
"""
)
def test_meaningless_variants_are_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(options, "variants/new", {})
    assert_refused(options, path, value, message)


def test_legal_variants_are_read_and_dumped(options: dict[str, Any]) -> None:
    endless = {"name": "gae", "lambda": 0.9, "bootstrap_at_truncation": True}
    options["variants"] |= {
        "actor_critic": {"extends": "gae", "returns": endless, "discount": 0.9, "discount_states": True},
        "exact": {"extends": "gae", "baseline": "exact", "discount": 0.9, "importance": "trajectory"},
    }
    study = load(options)
    for name in ("actor_critic", "exact"):
        dumped = study.variants[name].model_dump(mode="json")
        assert dumped["returns"]["lambda"] == 0.9
        assert load(options | {"variants": options["variants"] | {name: dumped}}) == study


FITTED = {"name": "value_network", "fit_steps": 3}


@pytest.mark.parametrize(
    ("parent", "child", "found"),
    [
        ("value_network", {"fit_steps": 3}, ValueNetwork(fit_steps=3)),
        (FITTED, {"hidden": [8]}, ValueNetwork(hidden=(8,), fit_steps=3)),
        (FITTED, "value_network", ValueNetwork(fit_steps=3)),
        (FITTED, {"name": "constant", "value": 2.0}, Constant(value=2.0)),
        (FITTED, "none", NoBaseline()),
    ],
)
def test_a_part_is_inherited_with_its_options_or_replaced(
    options: dict[str, Any], parent: Any, child: Any, found: Baseline
) -> None:
    options["variants"] |= {"parent": {"baseline": parent}, "child": {"extends": "parent", "baseline": child}}
    assert load(options).variants["child"].baseline == found


@pytest.mark.parametrize(
    ("sweep", "found"),
    [
        ({"variant.returns.lambda": [0, 1]}, ["gae@lambda=0", "gae@lambda=1"]),
        ({"variant.baseline.fit_steps": [5, 10]}, ["gae@fit_steps=5", "gae@fit_steps=10"]),
        ({"variant.returns": ["to_go", "total"]}, ["gae@returns=to_go", "gae@returns=total"]),
    ],
)
def test_options_of_parts_and_parts_are_swept(options: dict[str, Any], sweep: dict[str, Any], found: list[str]) -> None:
    put(options, "experiments/lambdas/sweep", sweep)
    del options["figures"]["lambda"]
    swept = cells(load(options), "lambdas")
    assert [cell.variant_id for cell in swept] == found
    ((path, levels),) = sweep.items()
    _, part, *option = path.split(".")
    assert [cell.variant.model_dump()[part][option[0] if option else "name"] for cell in swept] == levels
