"""Dynamic programming against closed forms, the policy gradient theorem and finite differences."""

import time
from typing import Any

import pytest
import torch
from pg.environments.catalogue import tabular_mdp
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.exact import gradient, objective, policy_gradient_theorem, state_distributions, values
from pg.environments.mdp import MDP
from pg.environments.small_mdps import bandit, chain, corridor, random_mdp
from torch.nn.functional import one_hot

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
    assert values(mdp, policy).advantages.tolist() == [[[-1.5, 0.5]]]


def test_deterministic_corridor_by_hand() -> None:
    mdp = chain(3, length=2, slip=0, goal_reward=1, step_reward=-0.25)
    right = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(1, 2, 2)
    found = values(mdp, right, discount=0.5)
    assert state_distributions(mdp, right).tolist() == [[1, 0], [0, 1], [0, 0]]
    assert found.states.tolist() == [[0.125, 0.75], [0.125, 0.75], [-0.25, 0.75]]
    assert objective(mdp, right, discount=0.5).item() == 0.125
    # Going left from the first state costs a step, after which two, one or none are left.
    assert found.actions[:, 0, 0].tolist() == [-0.25 + 0.5 * 0.125, -0.25 + 0.5 * -0.25, -0.25]


@pytest.mark.parametrize("mdp", [chain(5, length=2, slip=0.2), random_mdp(3, states=2, seed=5), corridor(6)])
@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_exact_quantities_are_averages_over_all_trajectories(mdp: MDP, discount: float) -> None:
    policy, enumeration = random_policy(mdp, mdp.horizon), enumerate_trajectories(mdp, 1_000)
    states, probabilities = enumeration.trajectories.states, enumeration.probabilities(policy)
    assert states is not None
    steps = torch.arange(mdp.horizon)
    to_go = enumeration.trajectories.rewards[0] @ (discount ** (steps[:, None] - steps).double()).tril()
    alive = probabilities[:, None, None] * enumeration.trajectories.mask[0].unsqueeze(-1)
    here = alive * one_hot(states[0], mdp.states)
    doing = here.unsqueeze(-1) * one_hot(enumeration.trajectories.actions[0], mdp.actions).unsqueeze(-2)
    visits, reached = here.sum(0), here.sum(0) > 0

    state_values = (torch.einsum("mts,mt->ts", here, to_go) / visits)[reached]
    action_values = (torch.einsum("mtsa,mt->tsa", doing, to_go) / doing.sum(0))[reached]
    found = values(mdp, policy, discount)
    for exact, averaged in (
        (objective(mdp, policy, discount), probabilities @ to_go[:, 0]),
        (state_distributions(mdp, policy), visits),
        (found.states[reached], state_values),
        (found.actions[reached], action_values),
        (found.advantages[reached], action_values - state_values.unsqueeze(-1)),
    ):
        torch.testing.assert_close(exact, averaged, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mdp", MDPS, ids=NAMES)
def test_advantages_predict_the_gain_of_another_policy(mdp: MDP) -> None:
    r"""J(π') - J(π) is the sum over t of E[A_t(s_t, a_t)] under π' (Kakade & Langford 2002, lemma 6.1)."""
    policy, other = random_policy(mdp, mdp.horizon), random_policy(mdp, mdp.horizon, seed=1)
    visits = state_distributions(mdp, other).unsqueeze(-1) * other
    gain = (visits * values(mdp, policy).advantages).sum()
    torch.testing.assert_close(gain, objective(mdp, other) - objective(mdp, policy), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("mdp", MDPS, ids=NAMES)
@pytest.mark.parametrize("discount", [1.0, 0.7])
@pytest.mark.parametrize("per_step", [False, True])
def test_autodiff_agrees_with_the_policy_gradient_theorem(mdp: MDP, discount: float, per_step: bool) -> None:
    policy = random_policy(mdp, mdp.horizon if per_step else 1)
    by_autodiff, by_theorem = gradient(mdp, policy, discount), policy_gradient_theorem(mdp, policy, discount)
    assert by_autodiff.shape == by_theorem.shape == policy.shape
    torch.testing.assert_close(by_theorem, by_autodiff, rtol=1e-10, atol=1e-12)


def test_policies_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(1 or 5, 3, 2\)"):
        objective(MDPS[1], random_policy(MDPS[1], 4))


@pytest.mark.parametrize(
    ("id", "kwargs", "actions", "known"),
    [
        # Down twice, right, down, right twice: around the holes to the goal.
        ("FrozenLake-v1", {"is_slippery": False}, [1, 1, 2, 1, 2, 2, 0, 0], 1.0),
        # Up, along the cliff, and down to the goal.
        ("CliffWalking-v1", {}, [0, *[1] * 11, 2], -13.0),
        # The taxi starts without a passenger: each attempt to drop one costs 10.
        ("Taxi-v4", {}, [5] * 7, -70.0),
    ],
)
def test_toy_text_environments_have_exact_values(
    id: str, kwargs: dict[str, Any], actions: list[int], known: float
) -> None:
    mdp = tabular_mdp(id, kwargs, len(actions))
    assert mdp is not None
    doing = torch.eye(mdp.actions, dtype=torch.float64)[actions].unsqueeze(1).expand(-1, mdp.states, -1)
    assert objective(mdp, doing).item() == pytest.approx(known, rel=1e-12)
    policy = random_policy(mdp, 1)
    by_autodiff, by_theorem = gradient(mdp, policy), policy_gradient_theorem(mdp, policy)
    assert by_autodiff.any()
    torch.testing.assert_close(by_theorem, by_autodiff, rtol=1e-10, atol=1e-14)


def test_large_frozen_lake_takes_less_than_a_second() -> None:
    mdp = tabular_mdp("FrozenLake-v1", {"map_name": "8x8"}, 100)
    assert mdp is not None
    policy = random_policy(mdp, 1)
    begin = time.process_time()
    value, by_autodiff = objective(mdp, policy), gradient(mdp, policy)
    by_theorem = policy_gradient_theorem(mdp, policy)
    assert time.process_time() - begin < 1
    assert 0 < value < 1
    torch.testing.assert_close(by_theorem, by_autodiff, rtol=1e-10, atol=1e-14)
