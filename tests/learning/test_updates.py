"""An update follows the gradient of the surrogate and reports what it did."""

import pytest
import torch
from pg.environments.tabular import chain
from pg.estimators import compose
from pg.learning.policies import Policy, make_policy
from pg.learning.updates import advantages, make_optimizer, update
from pg.study.model import Baseline, Optimizer, Variant
from pg.study.model import Policy as PolicyOptions
from pg.trajectories import Spaces, Trajectories, on_valid_steps

SPACES = Spaces(3, 2)


def batch() -> Trajectories:
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(5) < torch.tensor([[5, 2, 3, 1]]).unsqueeze(-1)
    return Trajectories(
        observations=torch.randn(1, 4, 5, 3, generator=generator, dtype=torch.float64) * mask.unsqueeze(-1),
        actions=torch.randint(2, (1, 4, 5), generator=generator) * mask,
        rewards=torch.randn(1, 4, 5, generator=generator, dtype=torch.float64) * mask,
        mask=mask,
        terminated=torch.ones(1, 4, dtype=torch.bool),
        truncated=torch.zeros(1, 4, dtype=torch.bool),
    )


def policy() -> Policy:
    return make_policy(PolicyOptions(hidden=(6,)), SPACES, torch.Generator().manual_seed(1), torch.float64)


@pytest.mark.parametrize("baseline", ["none", "average_reward", "per_step_leave_one_out", "optimal"])
def test_a_plain_step_adds_the_learning_rate_times_the_gradient(baseline: Baseline) -> None:
    variant = Variant(baseline=baseline, optimizer=Optimizer(name="sgd"))
    trajectories, one, other = batch(), policy(), policy()
    weights = advantages(other, variant, trajectories)
    objective = compose.surrogate(on_valid_steps(other.log_prob, trajectories), weights, trajectories)
    gradients = torch.autograd.grad(objective.sum(), list(other.parameters()))
    log = update(one, make_optimizer(variant.optimizer, one, 0.1), variant, trajectories)
    for new, old, gradient in zip(one.parameters(), other.parameters(), gradients, strict=True):
        torch.testing.assert_close(new, old + 0.1 * gradient)
    assert log.surrogate == pytest.approx(objective.item())
    assert log.gradient_norm == pytest.approx(torch.cat([g.flatten() for g in gradients]).norm().item())


def test_both_directions_of_the_kl_are_means_over_valid_steps() -> None:
    trajectories, one, old = batch(), policy(), policy()
    variant = Variant(optimizer=Optimizer(name="sgd"))
    log = update(one, make_optimizer(variant.optimizer, one, 0.5), variant, trajectories)
    states = trajectories.observations[trajectories.mask]
    new_p, old_p = (
        torch.stack([of.log_prob(states, torch.full((len(states),), a)).exp() for a in (0, 1)], -1) for of in (one, old)
    )
    assert log.kl_new_old == pytest.approx((new_p * (new_p / old_p).log()).sum(-1).mean().item())
    assert log.kl_old_new == pytest.approx((old_p * (old_p / new_p).log()).sum(-1).mean().item())
    assert log.kl_new_old != pytest.approx(log.kl_old_new, rel=1e-3)
    assert log.entropy == pytest.approx(-(old_p * old_p.log()).sum(-1).mean().item())


def test_adam_takes_its_first_step_of_the_learning_rates_size_uphill() -> None:
    trajectories, one, old = batch(), policy(), policy()
    variant = Variant()
    update(one, make_optimizer(variant.optimizer, one, 0.01), variant, trajectories)
    moved = torch.cat(
        [(new - before).flatten() for new, before in zip(one.parameters(), old.parameters(), strict=True)]
    )
    assert moved.abs().max().item() == pytest.approx(0.01, rel=1e-3)
    weights = advantages(old, variant, trajectories)

    def objective(of: Policy) -> float:
        return compose.surrogate(on_valid_steps(of.log_prob, trajectories), weights, trajectories).item()

    assert objective(one) > objective(old)


@pytest.mark.parametrize("discount", [1.0, 0.6])
def test_the_exact_baseline_is_the_discounted_value_of_the_state_at_its_step(discount: float) -> None:
    """Right, left and right again in a corridor of two states, whatever the policy does, and right twice in another."""
    mdp = chain(3, length=2, slip=0)
    states, actions = torch.tensor([[[0, 1, 0], [0, 1, 0]]]), torch.tensor([[[1, 0, 1], [1, 1, 0]]])
    mask = torch.tensor([[[True, True, True], [True, True, False]]])
    trajectories = Trajectories(
        observations=torch.eye(2, dtype=torch.float64)[states] * mask.unsqueeze(-1),
        actions=actions,
        rewards=torch.tensor([[[-0.1, -0.1, -0.1], [-0.1, 0.9, 0]]], dtype=torch.float64),
        mask=mask,
        terminated=torch.tensor([[False, True]]),
        truncated=torch.tensor([[True, False]]),
        states=states,
    )
    one = make_policy(PolicyOptions(hidden=(6,)), mdp.spaces, torch.Generator().manual_seed(1), torch.float64)
    right = one.log_prob(torch.eye(2, dtype=torch.float64), torch.ones(2, dtype=torch.int64)).exp().detach()
    # V_t(s) by hand, from the last step back: every step costs 0.1, and going right from the second state pays 1.
    last = [-0.1, -0.1 + right[1]]
    middle = [
        -0.1 + discount * (right[0] * last[1] + (1 - right[0]) * last[0]),
        -0.1 + right[1] + discount * (1 - right[1]) * last[0],
    ]
    first = -0.1 + discount * (right[0] * middle[1] + (1 - right[0]) * middle[0])
    values = torch.tensor([[[first, middle[1], last[0]], [first, middle[1], 0]]], dtype=torch.float64)
    found = advantages(one, Variant(baseline="exact", discount=discount), trajectories, mdp)
    torch.testing.assert_close(found, compose.returns(Variant(discount=discount), trajectories) - values)


def test_the_exact_baseline_without_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the environment's tables"):
        advantages(policy(), Variant(baseline="exact"), batch())
