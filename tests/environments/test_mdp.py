"""Tables of an MDP: validation, derived quantities, potential-based shaping, and the small MDPs by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pg.environments.compiled import CompiledEnvironments
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.mdp import MDP, with_potential
from pg.environments.small_mdps import bandit, chain, corridor, random_mdp
from pg.environments.tables import tables

POTENTIALS = {
    "chain": (chain(4, length=2, slip=0.2), np.array([0.3, -1.1])),
    "random": (random_mdp(3, states=2, seed=5), np.array([2.0, 0.7])),
    "corridor": (corridor(5), np.array([0.0, 1.0, 2.0])),
}


@pytest.mark.parametrize(("mdp", "potential"), POTENTIALS.values(), ids=POTENTIALS.keys())
def test_potential_is_subtracted_from_every_reward_to_go(mdp: MDP, potential: np.ndarray) -> None:
    plain = enumerate_trajectories(mdp, 1_000).trajectories
    shaped = enumerate_trajectories(with_potential(mdp, potential), 1_000).trajectories
    for name in ("observations", "actions", "mask", "terminated", "truncated", "states"):
        assert torch.equal(getattr(shaped, name), getattr(plain, name))
    assert plain.states is not None
    to_go, shaped_to_go = (found.rewards.flip(-1).cumsum(-1).flip(-1) for found in (plain, shaped))
    owed = torch.as_tensor(potential)[plain.states] * plain.mask
    torch.testing.assert_close(shaped_to_go, to_go - owed, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.full((1, 2, 1), 0.9)}, "probabilities must be distributions"),
        ({"start": np.array([2.0])}, "start must be distributions"),
        ({"rewards": np.zeros((1, 3, 1))}, "tables need equal shapes"),
        ({"start": np.array([0.5, 0.5])}, "`start` a probability per state"),
    ],
)
def test_impossible_tables_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(bandit(1), **change)


def test_chain_slips_and_pays_as_computed_by_hand() -> None:
    mdp = chain(6, length=2, slip=0.25, goal_reward=1, step_reward=-0.1)
    # From the last state: left leads back with 3/4 and slips into the goal with 1/4.
    assert mdp.transitions.tolist() == [[[0.75, 0.25], [0.25, 0.75]], [[0.75, 0], [0.25, 0]]]
    np.testing.assert_allclose(mdp.expected_rewards_at(0), [[-0.1, -0.1], [0.25 - 0.1, 0.75 - 0.1]])


def test_corridor_moves_and_pays_as_computed_by_hand() -> None:
    mdp = corridor(5)
    left, right = mdp.transitions[:, 0], mdp.transitions[:, 1]
    assert left.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert right.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert (mdp.rewards == -1).all()


def test_corridor_reaches_its_goal_by_right_left_right() -> None:
    environments = CompiledEnvironments(tables(corridor(9)), 9, 1)
    seen, alive, where = [environments.reset(np.random.default_rng(0))], np.ones(1, dtype=bool), []
    for action in (1, 0, 1):
        where.append(int(environments.positions[0, 0]))
        transition = environments.step(np.array([action]), alive)
        seen.append(transition.observations)
    assert where == [0, 1, 2]
    assert transition.terminated.all()
    assert all(np.array_equal(observation, [[1.0]]) for observation in seen)


def test_random_mdps_follow_their_seed() -> None:
    assert np.array_equal(random_mdp(4, seed=1).rewards, random_mdp(4, seed=1).rewards)
    assert not np.array_equal(random_mdp(4, seed=1).rewards, random_mdp(4, seed=2).rewards)
