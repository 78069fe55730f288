"""Dynamic programming against closed forms, against itself by another way, and against finite differences."""

import time

import pytest
import torch
from pg.environments.exact import gradient, objective, policy_gradient_theorem, state_distributions, values
from pg.environments.tabular import MDP, bandit, chain, random_mdp, tabular_mdp

MDPS = [bandit(1, [1.0, 0.0]), chain(5, length=3, slip=0.2), random_mdp(6, states=4, actions=3, seed=1)]
NAMES = ["bandit", "chain", "random"]


def random_policy(mdp: MDP, steps: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(steps, mdp.states, mdp.actions, generator=generator, dtype=torch.float64)
    return logits.softmax(-1)


def test_bandit_in_closed_form() -> None:
    mdp, policy = bandit(1, [1.0, 3.0]), torch.tensor([[[0.25, 0.75]]], dtype=torch.float64)
    assert objective(mdp, policy).item() == 2.5
    assert values(mdp, policy).actions.tolist() == [[[1, 3]]]


def test_deterministic_corridor_by_hand() -> None:
    mdp = chain(3, length=2, slip=0, goal_reward=1, step_reward=-0.25)
    right = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(1, 2, 2)
    found = values(mdp, right, discount=0.5)
    assert state_distributions(mdp, right).tolist() == [[1, 0], [0, 1], [0, 0]]
    assert found.states.tolist() == [[0.125, 0.75], [0.125, 0.75], [-0.25, 0.75]]
    assert objective(mdp, right, discount=0.5).item() == 0.125
    # Going left from the first state costs a step, after which two, one or none are left.
    assert found.actions[:, 0, 0].tolist() == [-0.25 + 0.5 * 0.125, -0.25 + 0.5 * -0.25, -0.25]


@pytest.mark.parametrize("mdp", MDPS, ids=NAMES)
@pytest.mark.parametrize("discount", [1.0, 0.7])
@pytest.mark.parametrize("per_step", [False, True])
def test_autodiff_agrees_with_the_policy_gradient_theorem(mdp: MDP, discount: float, per_step: bool) -> None:
    policy = random_policy(mdp, mdp.horizon if per_step else 1)
    by_autodiff, by_theorem = gradient(mdp, policy, discount), policy_gradient_theorem(mdp, policy, discount)
    assert by_autodiff.shape == by_theorem.shape == policy.shape
    torch.testing.assert_close(by_theorem, by_autodiff, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mdp", MDPS, ids=NAMES)
@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_gradient_agrees_with_central_differences(mdp: MDP, discount: float) -> None:
    policy, step = random_policy(mdp, 1), 1e-5
    differences = torch.zeros_like(policy)
    for index in range(policy.numel()):
        nudge = torch.zeros(policy.numel(), dtype=torch.float64)
        nudge[index] = step
        up = objective(mdp, policy + nudge.view_as(policy), discount)
        down = objective(mdp, policy - nudge.view_as(policy), discount)
        differences.view(-1)[index] = (up - down) / (2 * step)
    torch.testing.assert_close(gradient(mdp, policy, discount), differences, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mdp", MDPS, ids=NAMES)
def test_objective_is_the_expected_reward_in_the_visited_states(mdp: MDP) -> None:
    policy = random_policy(mdp, mdp.horizon)
    visits = state_distributions(mdp, policy).unsqueeze(-1) * policy
    torch.testing.assert_close((visits * torch.tensor(mdp.expected_rewards)).sum(), objective(mdp, policy))


def test_distributions_lose_what_has_ended() -> None:
    mdp = random_mdp(6, states=4, actions=3, seed=1)
    mass = state_distributions(mdp, random_policy(mdp, 1)).sum(-1)
    assert mass[0] == pytest.approx(1)
    assert (mass.diff() < 0).all()


def test_a_policy_repeated_for_every_step_is_the_same_policy() -> None:
    mdp = MDPS[2]
    once, always = random_policy(mdp, 1), random_policy(mdp, 1).expand(mdp.horizon, -1, -1)
    torch.testing.assert_close(objective(mdp, once), objective(mdp, always))
    torch.testing.assert_close(gradient(mdp, once)[0], gradient(mdp, always).sum(0))


def test_policies_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(1 or 5, 3, 2\)"):
        objective(MDPS[1], random_policy(MDPS[1], 4))


def test_the_large_frozen_lake_takes_less_than_a_second() -> None:
    mdp = tabular_mdp("FrozenLake-v1", {"map_name": "8x8"}, 100)
    assert mdp is not None
    policy = random_policy(mdp, 1)
    begin = time.process_time()
    by_autodiff, by_theorem = gradient(mdp, policy), policy_gradient_theorem(mdp, policy)
    assert time.process_time() - begin < 1
    torch.testing.assert_close(by_theorem, by_autodiff, rtol=1e-10, atol=1e-14)
