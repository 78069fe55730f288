"""Distances between policies, by actions and by states: by hand and by enumeration."""

import math

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.mdp import MDP
from pg.environments.small_mdps import bandit
from pg.laboratory.distances import divergence, exact_divergence, state_variation
from pg.laboratory.frozen import random_policy
from pg.learning.policies import Policy, stacked
from pg.learning.tabular import action_probabilities
from pg.parts.variant import PolicyOptions
from tests.laboratory.pairs import MDPS, pair, probabilities


def of_two_actions(probability: float, observations: int = 1) -> Policy:
    """Return the policy that takes the first of two actions with one probability in every state."""
    policy = random_policy(PolicyOptions(hidden=()), Spaces(observations, 2), seed=0)
    with torch.no_grad():
        policy.affine[0].matrix.zero_()
        policy.affine[0].biases.copy_(torch.tensor([probability, 1 - probability]).log())
    return policy


def test_divergence_is_of_the_new_policy_from_the_old() -> None:
    old, new, mdp = of_two_actions(0.5), of_two_actions(0.9), bandit(1)
    known = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    every = enumerate_trajectories(mdp, 2).trajectories
    assert exact_divergence(old, new, mdp) == pytest.approx(known)
    assert divergence(old, new, every) == pytest.approx(known)
    reverse = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert divergence(old, new, every, "old_new") == pytest.approx(reverse)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_exact_divergence_weights_states_by_behaviour_visits(mdp: MDP) -> None:
    """By enumeration: a sum over the steps of every trajectory, over their expected number."""
    behaviour, target = pair(mdp)
    enumeration = enumerate_trajectories(mdp, 10_000)
    trajectories, chances = enumeration.trajectories, probabilities(enumeration, behaviour)
    old, new = (action_probabilities(stacked(policy), mdp)[0].detach() for policy in (behaviour, target))
    per_state = (new * (new / old).log()).sum(-1)
    assert trajectories.states is not None
    steps = (per_state[trajectories.states] * trajectories.mask)[0].sum(-1)
    known = (chances @ steps) / (chances @ trajectories.lengths[0].double())
    assert exact_divergence(behaviour, target, mdp) == pytest.approx(known.item(), rel=1e-12)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_state_variation_counts_states_and_the_end(mdp: MDP) -> None:
    behaviour, target = pair(mdp)
    enumeration = enumerate_trajectories(mdp, 10_000)
    trajectories = enumeration.trajectories
    assert trajectories.states is not None
    ended = mdp.states
    places = torch.nn.functional.one_hot(trajectories.states[0].where(trajectories.mask[0], ended), mdp.states + 1)
    difference = probabilities(enumeration, behaviour) - probabilities(enumeration, target)
    apart = torch.einsum("m,mts->ts", difference, places.double()).abs().sum(-1) / 2
    assert state_variation(behaviour, target, mdp) == pytest.approx(apart.mean().item(), rel=1e-10)
    assert state_variation(behaviour, behaviour, mdp) == 0


# An action in the first of two states ends the trajectory; the other leads to the second state, which is absorbing.
LEAVING = MDP(
    probabilities=np.ones((2, 2, 1)),
    next_states=np.array([[[1], [0]], [[1], [1]]]),
    rewards=np.zeros((2, 2, 1)),
    terminates=np.array([[[False], [True]], [[False], [False]]]),
    start=np.array([1.0, 0.0]),
    horizon=3,
)


@pytest.mark.parametrize(("p", "q"), [(0.9, 0.4), (0.2, 0.7)])
def test_ended_trajectories_count_as_one_more_state(p: float, q: float) -> None:
    """At steps 1 and 2 the policies are in the second state with p and q, and have ended with 1 - p and 1 - q."""
    found = state_variation(of_two_actions(p, observations=2), of_two_actions(q, observations=2), LEAVING)
    assert found == pytest.approx(2 / 3 * abs(p - q))
