"""An update follows the gradient of the surrogate and reports what it did."""

import math
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories, on_valid_steps
from pg.learning.advantages import advantages, fixed
from pg.learning.policies import Policy, detached, distribution_of
from pg.learning.updates import Ascent, _some, update
from pg.parts import estimator as compose
from pg.parts.baselines.constant import Constant
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.networks import network_outputs
from pg.parts.optimizers.natural import Natural
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions, Variant
from tests.learning.batches import (
    CONTINUOUS,
    FACTORED,
    SGD,
    SPACES,
    batch,
    chain_batch,
    estimate,
    improved,
    perturbed,
    policy,
    random_batch,
)
from torch.distributions import kl_divergence

CORRECTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "total": {"returns": "total", "importance": "trajectory"},
    "trajectory": {"importance": "trajectory", "baseline": "leave_one_out"},
    "per_decision": {"importance": "per_decision", "baseline": "average_reward"},
    "per_step": {"importance": "per_step", "baseline": "per_step"},
    "discounted": {"importance": "per_decision", "discount": 0.9, "discount_states": True},
    "future": {"importance": {"name": "per_step", "future_correction": True}, "baseline": Constant(value=0.5)},
    "exact_state": {"importance": "exact_state", "baseline": "exact"},
    "exact_future": {"importance": {"name": "exact_state", "future_correction": True}},
    "normalised": {"importance": "per_step", "normalise_advantages": True},
    "self_normalised": {"importance": {"name": "trajectory", "self_normalised": True}},
    "truncated": {"importance": {"name": "per_decision", "truncate_at": 1.0, "self_normalised": True}},
    "clipped": {"importance": {"name": "per_step", "clip": 0.2}, "normalise_advantages": True},
}


@pytest.mark.parametrize("baseline", ["none", "average_reward", "per_step_leave_one_out", "optimal"])
def test_sgd_step_is_learning_rate_times_gradient(baseline: str) -> None:
    variant = Variant(baseline=baseline, optimizer=Sgd())
    trajectories, one, other = batch(), policy(), policy()
    weights = advantages(other, variant, trajectories)
    objective = compose.surrogate(on_valid_steps(other.log_prob, trajectories), weights, trajectories)
    (gradient,) = torch.autograd.grad(objective.sum(), other.theta)
    log = update(one, variant.optimizer.over(one.parameters(), 0.1), variant, trajectories)
    torch.testing.assert_close(one.theta, other.theta + 0.1 * gradient)
    assert log.surrogate == pytest.approx(objective.item())
    assert log.gradient_norm == pytest.approx(gradient.norm().item())


@pytest.mark.parametrize("spaces", [SPACES, CONTINUOUS, FACTORED], ids=["categorical", "gaussian", "factored"])
def test_natural_steps_solve_with_the_fisher_matrix_of_trajectories(spaces: Spaces) -> None:
    """Each step is α F⁻¹ g, where F is of whole trajectories and at the present policy."""
    variant = Variant(optimizer=Natural(), importance="per_step", gradient_steps=2)
    trajectories, own = random_batch(spaces, 1), perturbed(spaces, hidden=())
    behaviour, expected = deepcopy(own), deepcopy(own)
    for _ in range(2):
        log_probs = on_valid_steps(expected.log_prob, trajectories)
        ratios = (log_probs - on_valid_steps(behaviour.log_prob, trajectories)).detach()
        weights = compose.weights(variant, trajectories, fixed(behaviour, variant, trajectories), ratios)
        objective = compose.surrogate(log_probs, weights, trajectories).sum()
        (gradient,) = torch.autograd.grad(objective, expected.theta)
        expected.theta.data += 0.1 * torch.linalg.pinv(fisher(expected, trajectories), rtol=1e-9) @ gradient
    update(own, variant.optimizer.over([own.theta], 0.1), variant, trajectories)
    # The damping of 1e-6 is small against the eigenvalues of F.
    torch.testing.assert_close(own.theta, expected.theta, rtol=1e-3, atol=1e-4)


def fisher(own: Policy, trajectories: Trajectories) -> torch.Tensor:
    """The Hessian of the summed divergence, divided by the number of trajectories, by double differentiation."""
    states = trajectories.observations[trajectories.mask]
    start = detached(own.distribution(states))

    def divergence(theta: torch.Tensor) -> torch.Tensor:
        heads = network_outputs(theta[: len(own.network)], own.shape.sizes, own.shape.activation, states)
        return kl_divergence(start, distribution_of(heads, own.shape.spaces.factors or theta[len(own.network) :])).sum()

    return torch.autograd.functional.hessian(divergence, own.theta.detach()) / trajectories.mask.shape[1]


def test_both_kl_directions_are_means_over_valid_steps() -> None:
    trajectories, one, old = batch(), policy(), policy()
    variant = Variant(optimizer=Sgd())
    log = update(one, variant.optimizer.over(one.parameters(), 0.5), variant, trajectories)
    states = trajectories.observations[trajectories.mask]
    new_p, old_p = (
        torch.stack([of.log_prob(states, torch.full((len(states),), a)).exp() for a in (0, 1)], -1) for of in (one, old)
    )
    assert log.kl_new_old == pytest.approx((new_p * (new_p / old_p).log()).sum(-1).mean().item())
    assert log.kl_old_new == pytest.approx((old_p * (old_p / new_p).log()).sum(-1).mean().item())
    assert log.kl_new_old != pytest.approx(log.kl_old_new, rel=1e-3)
    assert log.entropy == pytest.approx(-(old_p * old_p.log()).sum(-1).mean().item())


def test_adams_first_step_has_the_learning_rates_size() -> None:
    trajectories, one, old = batch(), policy(), policy()
    variant = Variant()
    update(one, variant.optimizer.over(one.parameters(), 0.01), variant, trajectories)
    assert (one.theta - old.theta).abs().max().item() == pytest.approx(0.01, rel=1e-3)
    weights = advantages(old, variant, trajectories)

    def objective(of: Policy) -> float:
        return compose.surrogate(on_valid_steps(of.log_prob, trajectories), weights, trajectories).item()

    assert objective(one) > objective(old)


@pytest.mark.parametrize("parts", CORRECTIONS.values(), ids=CORRECTIONS)
def test_first_step_of_any_correction_is_on_policy(parts: dict[str, Any]) -> None:
    trajectories = chain_batch()
    corrected = Variant(optimizer=SGD, **parts)
    on_policy = Variant(optimizer=SGD, **{key: value for key, value in parts.items() if key != "importance"})
    found, expected = improved(corrected, trajectories)[0].theta, improved(on_policy, trajectories)[0].theta
    assert (found - policy().theta).norm() > 1e-2
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("parts", CORRECTIONS.values(), ids=CORRECTIONS)
def test_later_steps_follow_the_estimate_at_the_new_policy(parts: dict[str, Any]) -> None:
    trajectories, variant = chain_batch(), Variant(optimizer=SGD, gradient_steps=3, **parts)
    other, behaviour = policy(), policy()
    for _ in range(3):
        other.theta.data += 0.3 * estimate(variant, trajectories, other, behaviour)
    found, log = improved(variant, trajectories)
    torch.testing.assert_close(found.theta, other.theta, rtol=0, atol=1e-12)
    assert log.gradient_steps == 3


def test_corrections_differ_from_the_second_step() -> None:
    ends = [
        improved(Variant(optimizer=SGD, gradient_steps=2, importance=kind), chain_batch())[0].theta
        for kind in ("none", "trajectory", "per_decision", "per_step", "exact_state")
    ]
    for index, one in enumerate(ends):
        assert all((one - other).norm() > 1e-4 for other in ends[:index])


def test_update_without_limit_makes_two_forward_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    distribution = Policy.distribution
    monkeypatch.setattr(Policy, "distribution", lambda self, states: looked.append(1) or distribution(self, states))
    for variant in (Variant(), Variant(importance="per_decision", normalise_advantages=True)):
        for steps, looks in ((1, 2), (5, 6)):
            looked.clear()
            improved(variant.model_copy(update={"gradient_steps": steps}), batch())
            assert len(looked) == looks


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ({"minibatches": 2}, "generator"),
        ({"importance": "exact_state"}, "tables"),
        ({"baseline": "exact"}, "tables"),
        ({"window": {"batches": 2}}, "earlier policies"),
    ],
)
def test_missing_input_is_refused_before_the_first_step(parts: dict[str, Any], missing: str) -> None:
    made = policy()
    with pytest.raises(ValueError, match=missing):
        update(made, SGD.over(made.parameters(), 0.1), Variant(**parts), chain_batch())
    assert torch.equal(made.theta, policy().theta)


def test_log_has_the_weights_of_the_last_step() -> None:
    found, log = improved(Variant(importance="trajectory", optimizer=SGD), chain_batch())
    assert log.largest_weight == log.effective_share == 1
    # A second step weights by the ratios between the policy after the first and the initial one.
    _, log = improved(Variant(importance="trajectory", optimizer=SGD, gradient_steps=2), chain_batch())
    trajectories = chain_batch()
    changes = (on_valid_steps(found.log_prob, trajectories) - on_valid_steps(policy().log_prob, trajectories)).sum(-1)
    weights = changes.exp()
    assert log.largest_weight == pytest.approx(weights.max().item())
    assert log.effective_share == pytest.approx((weights.sum() ** 2 / (8 * weights.square().sum())).item())


def overflowing() -> tuple[Policy, Trajectories]:
    """A narrow Gaussian policy: after a small step, the ratios of its actions overflow."""
    made = Policy(PolicyOptions(hidden=()), CONTINUOUS, torch.Generator().manual_seed(0), torch.float64)
    made.log_std.data.fill_(-20.0)
    return made, random_batch(CONTINUOUS, 0)


def test_overflowing_weights_raise_before_a_step_only() -> None:
    for steps in (1, 2):
        made, trajectories = overflowing()
        variant = Variant(importance="per_step", optimizer=SGD, gradient_steps=steps)
        optimizer = SGD.over(made.parameters(), 1e-20)
        if steps == 1:
            log = update(made, optimizer, variant, trajectories)
            assert log.largest_weight == 1
            assert math.isfinite(log.gradient_norm)
        else:
            with pytest.raises(NonFiniteWeights, match="step 0"):
                update(made, optimizer, variant, trajectories)


def with_and_without_bonus(own: Policy, trajectories: Trajectories, bonus: float) -> list[Ascent]:
    return [Ascent(own, SGD.over([own.theta], 1.0), Variant(entropy_bonus=c), trajectories) for c in (bonus, 0.0)]


@pytest.mark.parametrize("spaces", [SPACES, CONTINUOUS, FACTORED], ids=["categorical", "gaussian", "factored"])
def test_entropy_bonus_adds_the_gradient_of_the_summed_entropies(spaces: Spaces) -> None:
    """At the behaviour policy, and away from it."""
    trajectories, own = random_batch(spaces, 2), perturbed(spaces)
    more, plain = with_and_without_bonus(own, trajectories, 0.3)
    for _ in range(2):
        entropy = own.distribution(trajectories.observations[trajectories.mask]).entropy().sum() / 4
        expected = 0.3 * torch.autograd.grad(entropy, own.theta)[0]
        torch.testing.assert_close(more.gradient() - plain.gradient(), expected)
        plain.move_to(own.theta + 0.1)


def test_gain_includes_the_entropy_bonus() -> None:
    trajectories, own = random_batch(SPACES, 3), perturbed(SPACES)
    more, plain = with_and_without_bonus(own, trajectories, 0.7)
    states = trajectories.observations[trajectories.mask]
    before = own.distribution(states).entropy().sum().item()
    plain.move_to(own.theta / 2)
    change = own.distribution(states).entropy().sum().item() - before
    assert change != 0
    assert more.gain() - plain.gain() == pytest.approx(0.7 * change)


def test_a_logged_divergence_is_of_as_many_states_as_allowed_evenly_spaced() -> None:
    every = list(range(17))
    for most in range(1, 20):
        chosen = every[_some(len(every), most)]
        assert most / 2 < len(chosen) <= most or chosen == every
        assert len({after - before for before, after in pairwise(chosen)}) <= 1
