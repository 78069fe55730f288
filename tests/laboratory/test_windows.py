r"""Estimates from the batches of several policies: expectation, variance, reductions and bounds, by enumeration.

For the balance heuristic, the batches of policies θ_1, ..., θ_ω are data of their mixture: each trajectory is by one of
them, drawn at random. So corrections have the expectations that they have for one policy.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from pg.core.trajectories import joined
from pg.environments.enumeration import Enumeration, batches, enumerate_trajectories
from pg.environments.small_mdps import chain, corridor, random_mdp
from pg.laboratory.frozen import random_policy
from pg.laboratory.reference import truth
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.pairs import MIXED, probabilities

OPTIONS = PolicyOptions(hidden=(3,))
MDPS = {"mixed": MIXED, "chain": chain(4, length=2), "alike": corridor(4), "random": random_mdp(2, states=2, seed=4)}
ENUMERATED = {name: enumerate_trajectories(mdp, 1000) for name, mdp in MDPS.items()}
# Windows of two trajectories by each policy can be enumerated.
TINY = enumerate_trajectories(chain(2, length=2, slip=0), 10)
KINDS = ("balance", "own")
RESTORING: dict[str, dict[str, Any]] = {
    "trajectory, total return": {"importance": "trajectory", "returns": "total"},
    "trajectory, reward-to-go": {"importance": "trajectory"},
    "per decision": {"importance": "per_decision"},
}
PER_STEP: dict[str, dict[str, Any]] = {
    "per step": {"importance": "per_step"},
    "per step, corrected": {"importance": {"name": "per_step", "future_correction": True}},
    "no correction": {},
}


def drawn(enumeration: Enumeration, count: int, first: int = 0) -> list[Policy]:
    return [random_policy(OPTIONS, enumeration.mdp.spaces, seed) for seed in range(first, first + count)]


def windowed(batch: int, name: str, batches: int, **parts: Any) -> Variant:
    return Variant(**{"policy": OPTIONS, "batch": batch, "window": {"name": name, "batches": batches}, **parts})


def reused(target: Policy, policies: Sequence[Policy], enumeration: Enumeration, variant: Variant) -> Reuse:
    """Return every trajectory under each of the policies, as one window."""
    assert variant.window is not None
    every = joined([enumeration.trajectories] * len(policies))
    return Reuse.of_window(target, policies, every, variant.window)


def expectation(target: Policy, policies: Sequence[Policy], enumeration: Enumeration, variant: Variant) -> torch.Tensor:
    """Return the expectation of an estimate that is a mean over trajectories."""
    every = replace(reused(target, policies, enumeration, variant).regrouped(1), batches=1)
    chances = torch.cat([probabilities(enumeration, policy) for policy in policies]) / len(policies)
    return chances @ corrected_gradients(every, variant)


def of_all_windows(
    target: Policy, policies: Sequence[Policy], enumeration: Enumeration, variant: Variant
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the estimate from every window, and its probability."""
    assert variant.window is not None
    each = torch.stack([probabilities(enumeration, policy) for policy in policies])
    chances = each.repeat_interleave(variant.batch, 0)
    members = torch.tensor(list(product(range(each.shape[1]), repeat=len(chances))))
    reuse = Reuse.of_window(target, policies, batches(enumeration, members), variant.window)
    return corrected_gradients(reuse, variant), chances.gather(1, members.T).prod(0)


def variance(target: Policy, policies: Sequence[Policy], variant: Variant) -> float:
    """Return the total variance of an estimate in the smallest MDP."""
    gradients, chances = of_all_windows(target, policies, TINY, variant)
    return (chances @ (gradients - chances @ gradients).square().sum(-1)).item()


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert (found - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("parts", RESTORING.values(), ids=RESTORING.keys())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MDPS)
def test_windows_restore_the_gradient_at_any_target(name: str, kind: str, parts: dict[str, Any]) -> None:
    enumeration = ENUMERATED[name]
    *policies, target = drawn(enumeration, 4)
    variant = windowed(1, kind, 3, baseline={"name": "constant", "value": 1.7}, **parts)
    found = expectation(target, policies, enumeration, variant)
    assert_equal(found, truth(enumeration.mdp, target).gradient)


@pytest.mark.parametrize("baseline", ["leave_one_out", "per_step_leave_one_out"])
@pytest.mark.parametrize("parts", RESTORING.values(), ids=RESTORING.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_baselines_without_the_own_return_keep_the_expectation(kind: str, parts: dict[str, Any], baseline: str) -> None:
    *policies, target = drawn(TINY, 3)
    gradients, chances = of_all_windows(target, policies, TINY, windowed(2, kind, 2, baseline=baseline, **parts))
    assert_equal(chances @ gradients, truth(TINY.mdp, target).gradient)


@pytest.mark.parametrize("parts", [*RESTORING.values(), *PER_STEP.values()], ids=[*RESTORING, *PER_STEP])
@pytest.mark.parametrize("kind", KINDS)
def test_a_window_of_one_is_one_batch_bit_for_bit(kind: str, parts: dict[str, Any]) -> None:
    policy, target = drawn(TINY, 2)
    parts = {"baseline": "leave_one_out", "normalise_advantages": True, **parts}
    found, _ = of_all_windows(target, [policy], TINY, windowed(2, kind, 1, **parts))
    members = torch.tensor(list(product(range(4), repeat=2)))
    reuse = Reuse.at(target, policy, batches(TINY, members))
    assert torch.equal(found, corrected_gradients(reuse, Variant(policy=OPTIONS, batch=2, **parts)))


@pytest.mark.parametrize("parts", [*RESTORING.values(), *PER_STEP.values()], ids=[*RESTORING, *PER_STEP])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_equal_policies_are_one_batch(kind: str, parts: dict[str, Any]) -> None:
    policy, target = drawn(TINY, 2)
    found, chances = of_all_windows(target, [policy] * 3, TINY, windowed(1, kind, 3, **parts))
    one, of_one = of_all_windows(target, [policy], TINY, windowed(3, kind, 1, **parts))
    torch.testing.assert_close(found, one, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(chances, of_one)


@pytest.mark.parametrize("name", MDPS)
def test_products_of_ratios_to_the_mixture_are_quotients_of_probabilities(name: str) -> None:
    enumeration = ENUMERATED[name]
    *policies, target = drawn(enumeration, 4)
    reuse = reused(target, policies, enumeration, windowed(1, "balance", 3))
    found = reuse.importance_weights(Variant(importance="trajectory")).flatten()
    mixture = torch.stack([probabilities(enumeration, policy) for policy in policies]).mean(0)
    torch.testing.assert_close(found, (probabilities(enumeration, target) / mixture).repeat(3), rtol=1e-12, atol=0)


@pytest.mark.parametrize("importance", ["trajectory", "per_decision"])
@pytest.mark.parametrize("name", MDPS)
def test_weights_of_the_newest_policy_are_at_most_the_number_of_batches(name: str, importance: str) -> None:
    enumeration = ENUMERATED[name]
    old, new = drawn(enumeration, 2)
    with torch.no_grad():
        new.theta.mul_(5)  # Nearly deterministic: some trajectory is much likelier than under the old policy.
    policies = [old, old, old, new]
    largest = {
        kind: reused(policies[-1], policies, enumeration, windowed(1, kind, 4))
        .importance_weights(Variant(importance=importance))
        .max()
        for kind in KINDS
    }
    assert 2 < largest["balance"] <= 4
    assert largest["own"] > 4


@pytest.mark.parametrize("baseline", [1.7, -20.0])
def test_a_constant_keeps_the_expectation_of_ratios_per_step_to_the_mixture(baseline: float) -> None:
    """Given the past, the mixture's probabilities of the actions sum to 1; a mixture of each step alone has no past."""
    enumeration = ENUMERATED["mixed"]
    *policies, target = drawn(enumeration, 4)
    found = [
        expectation(target, policies, enumeration, windowed(1, "balance", 3, importance="per_step", baseline=one))
        for one in ("none", {"name": "constant", "value": baseline})
    ]
    assert_equal(*found)


@pytest.mark.parametrize("kind", KINDS)
def test_variance_of_equal_policies_falls_with_the_number_of_batches(kind: str) -> None:
    policy, target = drawn(TINY, 2)
    one, *more = (
        variance(target, [policy] * count, windowed(1, kind, count, importance="per_decision")) for count in range(1, 5)
    )
    assert [one / found for found in more] == pytest.approx([2, 3, 4], rel=1e-9)


def test_the_mixture_has_less_variance_than_own_policies_where_one_is_far() -> None:
    near, far, target = drawn(TINY, 3)
    with torch.no_grad():
        near.theta.copy_(target.theta + 0.05 * near.theta)
        far.theta.mul_(3)
    found = {
        (kind, len(policies)): variance(target, policies, windowed(1, kind, len(policies), importance="trajectory"))
        for kind, policies in product(KINDS, ([target], [near, target], [far, near, target]))
    }
    assert found["balance", 3] < found["balance", 2] < found["balance", 1]
    assert found["own", 3] > 1.5 * found["balance", 3]
