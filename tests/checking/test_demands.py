"""A submission can be asked to equal a built-in estimator, and to be for data of another policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pg.checking.demands import Demand, Known
from pg.checking.findings import Findings
from pg.checking.submissions import Fault
from tests.checking.planted import OFF_POLICY, ON_POLICY

Checked = Callable[..., Findings]
EQUALS = "equals={'importance': {'name': 'per_step', 'clip': 0.2}}"
# The gradient is torch's of PPO's objective; what the check compares it with are the weights of `per_step`.
CLIPPED = f"""\
import torch

from pg.checking.submissions import estimator


@estimator({EQUALS})
def loss(log_probs, old_log_probs, rewards, mask):
    advantages = rewards.flip(-1).cumsum(-1).flip(-1)
    ratios = (log_probs - old_log_probs).exp()
    clipped = ratios.clamp(0.8, 1.2)
    objective = torch.minimum(ratios * advantages, clipped * advantages)
    return -(objective * mask).sum(-1).mean()
"""
MINIMUM = "torch.minimum(ratios * advantages, clipped * advantages)"
WRONG = {
    "no_clip": (MINIMUM, "ratios * advantages", "does not clip the ratio"),
    "always": (MINIMUM, "clipped * advantages", "clips without PPO's minimum"),
    "maximum": ("minimum", "maximum", "takes the larger one"),
    "log": (MINIMUM, "log_probs * advantages", "has no importance weight"),
    "of_ratios": (MINIMUM, "torch.minimum(ratios, clipped) * advantages", "the smaller one of the ratios"),
    "above": ("clamp(0.8, 1.2)", "clamp(max=1.2)", "clips ratios above 1 + ε alone"),
}


def property_of(found: Findings, name: str) -> bool:
    return next(one.holds for one in found.properties if one.name == name)


def test_the_clipped_objective_of_ppo_has_the_weights_of_the_built_in_part(checked: Checked) -> None:
    found = checked(CLIPPED)
    assert found.passes
    assert found.equals == "importance: {name: per_step, clip: 0.2}"
    assert property_of(found, "equals")
    assert found.diagnosis is not None
    assert (found.diagnosis.mistakes, found.diagnosis.is_exact) == ((), True)


@pytest.mark.parametrize("name", WRONG)
def test_other_estimators_are_told_from_the_clipped_one(checked: Checked, name: str) -> None:
    old, new, words = WRONG[name]
    assert old in CLIPPED
    found = checked(CLIPPED.replace(old, new))
    assert not found.passes
    assert not property_of(found, "equals")
    assert found.diagnosis is not None
    assert found.diagnosis.is_exact
    assert words in found.diagnosis.words


@pytest.mark.parametrize("epsilon", [0.1, 0.15, 0.25, 0.3])
@pytest.mark.parametrize("seed", [0, 2718])
def test_a_clip_at_other_ratios_is_another_one(checked: Checked, epsilon: float, seed: int) -> None:
    found = checked(CLIPPED.replace("0.8, 1.2", f"{1 - epsilon}, {1 + epsilon}"), seed=seed, sizes=(2,))
    assert not property_of(found, "equals")


def test_what_differs_in_long_episodes_alone_does_not_equal_the_built_in_part(checked: Checked) -> None:
    found = checked(CLIPPED.replace("0.8, 1.2", "0.8, 1.2 if rewards.shape[1] < 40 else 1.3"), sizes=(2,))
    (failed,) = (one for one in found.properties if not one.holds)
    assert failed.sentence.startswith(
        "the weights differ from those of importance: {name: per_step, clip: 0.2} in large"
    )


@pytest.mark.parametrize(("options", "equal"), [({}, False), ({"baseline": "leave_one_out"}, True)])
def test_an_unbiased_estimator_may_be_another_one_than_asked_for(
    checked: Checked, options: dict[str, Any], equal: bool
) -> None:
    found = checked(ON_POLICY, demand=Demand(kind="estimator", equals=Known.model_validate(options)))
    assert found.is_unbiased
    assert found.passes == property_of(found, "equals") == equal
    assert found.diagnosis is not None
    assert ("has another baseline than asked for" in found.diagnosis.words) is not equal


def test_an_estimator_without_importance_weights_is_not_one_for_data_of_another_policy(checked: Checked) -> None:
    found = checked(ON_POLICY, demand=Demand(kind="estimator", off_policy=True))
    assert not found.is_unbiased
    assert found.diagnosis is not None
    assert "has no importance weight" in found.diagnosis.words
    assert checked(OFF_POLICY, demand=Demand(kind="estimator", off_policy=True)).passes


def of_normalised(source: str) -> str:
    """Divide the advantages of a batch by their deviation, as is usual."""
    step = (
        "    mean = advantages[mask].mean()\n    advantages = (advantages - mean) / (advantages[mask].std() + 1e-8)\n"
    )
    return source.replace("    ratios = (log", f"{step}    ratios = (log")


def test_what_is_declared_is_no_mistake(checked: Checked) -> None:
    found = checked(CLIPPED.replace(EQUALS, "expects='surrogate'").replace(MINIMUM, "ratios * advantages"))
    assert found.passes
    assert found.diagnosis is not None
    assert found.diagnosis.words == "It equals a known estimator: no baseline, importance per step."


def test_advantages_are_normalised_before_they_are_weighted(checked: Checked) -> None:
    source = of_normalised(CLIPPED.replace(EQUALS, "expects='surrogate'").replace(MINIMUM, "ratios * advantages"))
    found = checked(source, sizes=(2,))
    assert found.diagnosis is not None
    assert found.diagnosis.is_exact
    ((sentence, _),) = found.diagnosis.mistakes
    assert sentence == "normalises the advantages by the mean and deviation of the same batch"


@pytest.mark.parametrize(("declared", "mistakes"), [("surrogate", 3), ("gradient", 4)])
def test_the_usual_ppo_is_recognised(checked: Checked, declared: str, mistakes: int) -> None:
    usual = of_normalised(CLIPPED.replace(EQUALS, f"expects='{declared}'"))
    usual = usual.replace("-(objective * mask).sum(-1).mean()", "-(objective * mask).sum() / mask.sum()")
    found = checked(usual, sizes=(2,))
    assert not found.passes
    assert found.diagnosis is not None
    assert found.diagnosis.is_exact
    assert len(found.diagnosis.mistakes) == mistakes
    assert "clips as PPO does" in found.diagnosis.words


def test_the_demand_overrides_what_the_file_declares(checked: Checked) -> None:
    average = ON_POLICY.replace("(total.sum(0) - total) / (len(rewards) - 1)", "total.mean(0)")
    shrunk = average.replace(
        "def loss", "from pg.checking.submissions import estimator\n@estimator(expects='shrunk')\ndef loss"
    )
    assert checked(shrunk).passes
    assert not checked(shrunk, demand=Demand(kind="estimator", expects="gradient")).passes


def test_a_function_is_no_part_and_the_other_way_round(checked: Checked) -> None:
    with pytest.raises(Fault, match="loss should be of kind advantages, and is of kind estimator"):
        checked(ON_POLICY, demand=Demand(kind="advantages"))


def test_the_variance_is_compared_with_that_of_the_estimator_asked_for(checked: Checked) -> None:
    found = checked(
        ON_POLICY, demand=Demand(kind="estimator", compared=Known.model_validate({"baseline": "leave_one_out"}))
    )
    for one in found.variances:
        assert one.own == pytest.approx(one.compared, rel=1e-12)
        assert one.compared != pytest.approx(one.plain, rel=1e-3)


@pytest.mark.parametrize(
    ("equals", "message"),
    [
        ("{'importance': 'mine:Weights'}", "only built-in parts can be named"),
        ("{'importance': {'name': 'mine:Weights'}}", "only built-in parts can be named"),
        ("{'importance': 'per_stp'}", "did you mean 'per_step'"),
        ("{'baselin': 'none'}", "did you mean 'baseline'"),
    ],
)
def test_a_file_can_name_built_in_estimators_only(checked: Checked, equals: str, message: str) -> None:
    source = CLIPPED.replace(EQUALS, f"equals={equals}")
    with pytest.raises(Fault, match=message):
        checked(source)


def test_an_unknown_expectation_is_refused(checked: Checked) -> None:
    with pytest.raises(Fault, match="expects: 'gradients' is not known; did you mean 'gradient'"):
        checked(CLIPPED.replace(EQUALS, "expects='gradients'"))


def test_an_estimate_that_ignores_the_rewards_does_not_pass(checked: Checked) -> None:
    found = checked("def loss(log_probs, rewards, mask):\n    return -(log_probs * mask).sum(-1).mean()\n")
    assert not property_of(found, "rewards")
