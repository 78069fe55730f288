"""Exact quantities of a policy in an MDP: tables, and their values along trajectories."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pg.core.trajectories import Trajectories
from pg.environments.enumeration import Enumeration, enumerate_trajectories
from pg.environments.exact import values
from pg.environments.mdp import MDP
from pg.environments.small_mdps import chain, random_mdp
from pg.laboratory.frozen import random_policy
from pg.learning.policies import Policy, stacked
from pg.learning.tabular import action_probabilities, state_distributions_of, state_ratios, state_values
from pg.parts.baselines.exact_optimal import ExactOptimal
from pg.parts.variant import PolicyOptions
from tests.parts.made import trajectories

SMALL = PolicyOptions(hidden=(3,))
LINEAR = PolicyOptions(hidden=())
MDPS = {"chain": chain(4, length=2, slip=0.1), "random": random_mdp(3, states=2, seed=4)}

# From the middle one step left or right, then one more step: where to is decided by the policy alone.
FORK = MDP(
    probabilities=np.ones((3, 2, 1)),
    next_states=np.array([[[1], [2]], [[1], [1]], [[2], [2]]]),
    rewards=np.array([[[0.0], [0.0]], [[1.0], [1.0]], [[5.0], [5.0]]]),
    terminates=np.zeros((3, 2, 1), dtype=np.bool_),
    start=np.array([1.0, 0.0, 0.0]),
    horizon=2,
)


def going_right(p: float) -> Policy:
    """Make a policy of the fork that goes right with probability p in every state."""
    policy = random_policy(LINEAR, FORK.spaces, seed=0)
    policy.load_state_dict({"theta": torch.tensor([0] * 7 + [np.log(p / (1 - p))], dtype=torch.float64)})
    return policy.to(torch.float64)


def one_batch(mdp: MDP) -> Trajectories:
    return enumerate_trajectories(mdp, 10_000).trajectories


def table(policy: Policy, mdp: MDP) -> torch.Tensor:
    with torch.no_grad():
        return action_probabilities(stacked(policy), mdp)


def visits(enumeration: Enumeration, policy: Policy) -> torch.Tensor:
    """Sum the probabilities of the trajectories that are in each state at each step, (T, S_)."""
    every = enumeration.trajectories
    assert every.states is not None
    inside = torch.nn.functional.one_hot(every.states[0], enumeration.mdp.states) * every.mask[0].unsqueeze(-1)
    probabilities = enumeration.probabilities(table(policy, enumeration.mdp))
    return torch.einsum("m,mts->ts", probabilities, inside.double())


def test_table_has_the_policys_probabilities() -> None:
    found = table(going_right(0.25), FORK)
    torch.testing.assert_close(found, torch.tensor([0.75, 0.25], dtype=torch.float64).expand(1, 3, 2))


def test_state_distributions_of_a_fork_by_hand() -> None:
    expected = torch.tensor([[1, 0, 0], [0, 0.75, 0.25]], dtype=torch.float64)
    torch.testing.assert_close(state_distributions_of(going_right(0.25), FORK), expected)


def test_values_of_a_fork_by_hand() -> None:
    found = state_values(going_right(0.25), FORK, one_batch(FORK), discount=0.5)
    first = 0.5 * (0.75 * 1 + 0.25 * 5)
    states = one_batch(FORK).states
    assert states is not None
    assert states[0, :, 1].unique().tolist() == [1, 2]
    expected = torch.where(states[0, :, 1] == 1, 1.0, 5.0).double()
    torch.testing.assert_close(found[0, :, 0], torch.full_like(expected, first))
    torch.testing.assert_close(found[0, :, 1], expected)


def test_state_ratios_of_a_fork_by_hand() -> None:
    every = one_batch(FORK)
    assert every.states is not None
    behaviour = state_distributions_of(going_right(0.25), FORK)
    found = state_ratios(going_right(0.4), FORK, behaviour, every)[0]
    torch.testing.assert_close(found[:, 0], torch.ones_like(found[:, 0]))
    torch.testing.assert_close(found[:, 1], torch.where(every.states[0, :, 1] == 1, 0.6 / 0.75, 0.4 / 0.25).double())


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_ratios_are_those_of_enumerated_visits(mdp: MDP) -> None:
    enumeration = enumerate_trajectories(mdp, 10_000)
    behaviour, target = (random_policy(SMALL, mdp.spaces, seed) for seed in (0, 1))
    every = enumeration.trajectories
    assert every.states is not None
    quotients = visits(enumeration, target) / visits(enumeration, behaviour)
    expected = quotients[torch.arange(mdp.horizon), every.states].where(every.mask, 0)
    found = state_ratios(target, mdp, state_distributions_of(behaviour, mdp), every)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ratios_at_the_behaviour_policy_are_exactly_1(mdp: MDP, dtype: torch.dtype) -> None:
    policy = random_policy(SMALL, mdp.spaces, seed=0).to(dtype)
    every = one_batch(mdp)
    found = state_ratios(policy, mdp, state_distributions_of(policy, mdp), every)
    assert torch.equal(found, every.mask.double())


def test_ratios_have_precision_and_length_of_the_rewards() -> None:
    every = one_batch(FORK).map_tensors(lambda values: values[:, :, :1] if values.dim() > 2 else values)
    single = replace(every, rewards=every.rewards.float())
    found = state_ratios(going_right(0.4), FORK, state_distributions_of(going_right(0.25), FORK), single)
    assert found.dtype == torch.float32
    assert torch.equal(found, torch.ones_like(found))


def test_unvisited_states_after_the_end_have_ratio_0() -> None:
    """Entries after the end look up state 0; a ratio that overflows in single precision must not become NaN."""
    mask, states = torch.tensor([[[True, False]]]), torch.tensor([[[0, 1]]])
    single = trajectories(torch.zeros(1, 1, 2), mask, states=states)
    never = torch.tensor([[1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    assert state_ratios(going_right(0.4), FORK, never, single).tolist() == [[[1, 0]]]


def test_trajectories_without_states_are_refused() -> None:
    policy, stateless = going_right(0.4), replace(one_batch(FORK), states=None)
    with pytest.raises(ValueError, match="no indices of states"):
        state_ratios(policy, FORK, state_distributions_of(policy, FORK), stateless)
    with pytest.raises(ValueError, match="no indices of states"):
        state_values(policy, FORK, stateless)


def test_exact_optimal_baseline_is_that_of_least_variance() -> None:
    """In each state, for a table of preferences: E[n (Q - b)²] has its minimum where E[n (Q - b)] is 0."""
    mdp = random_mdp(3, states=2, actions=3, seed=4)
    own = random_policy(LINEAR, mdp.spaces, seed=0)
    probabilities = table(own, mdp)
    action_values = values(mdp, probabilities).actions
    trajectories = one_batch(mdp)
    assert trajectories.states is not None
    steps = torch.arange(mdp.horizon).expand_as(trajectories.states)
    found = [state_values(own, mdp, trajectories, baseline=ExactOptimal(offset=offset)) for offset in (0, 0.5)]
    torch.testing.assert_close(found[1], (found[0] + 0.5) * trajectories.mask)
    for state, of_actions in enumerate(probabilities[0]):
        scores = torch.eye(3, dtype=torch.float64) - of_actions
        weights = of_actions * scores.square().sum(-1)
        here = trajectories.mask & (trajectories.states == state)
        # One baseline at each visit, and the action values of the same step.
        distances = action_values[steps[here], state] - found[0][here].unsqueeze(-1)
        torch.testing.assert_close(distances @ weights, torch.zeros(len(distances), dtype=torch.float64))
