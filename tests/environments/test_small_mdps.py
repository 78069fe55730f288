"""Small decision processes, by hand."""

import numpy as np
from pg.environments.small_mdps import chain, corridor, random_mdp
from pg.environments.tabular import TabularEnvironments


def test_chain_by_hand() -> None:
    mdp = chain(6, length=2, slip=0.25, goal_reward=1, step_reward=-0.1)
    # From the last state: left leads back with 3/4 and slips into the goal with 1/4.
    assert mdp.transitions.tolist() == [[[0.75, 0.25], [0.25, 0.75]], [[0.75, 0], [0.25, 0]]]
    np.testing.assert_allclose(mdp.expected_rewards_at(0), [[-0.1, -0.1], [0.25 - 0.1, 0.75 - 0.1]])


def test_corridor_by_hand() -> None:
    mdp = corridor(5)
    left, right = mdp.transitions[:, 0], mdp.transitions[:, 1]
    assert left.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert right.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert (mdp.rewards == -1).all()


def test_corridor_reaches_its_goal_by_right_left_right() -> None:
    environments = TabularEnvironments(corridor(9), 1, 1)
    seen, alive, where = [environments.reset([np.random.default_rng(0)])], np.ones((1, 1), dtype=bool), []
    for action in (1, 0, 1):
        where.append(int(environments.states.item()))
        transition = environments.step(np.array([[action]]), alive)
        seen.append(transition.observations)
    assert where == [0, 1, 2]
    assert transition.terminated.all()
    assert all(np.array_equal(observation, [[[1.0]]]) for observation in seen)


def test_random_mdps_follow_their_seed() -> None:
    assert np.array_equal(random_mdp(4, seed=1).rewards, random_mdp(4, seed=1).rewards)
    assert not np.array_equal(random_mdp(4, seed=1).rewards, random_mdp(4, seed=2).rewards)
