"""Every trajectory once, with its probability, and every batch of them."""

import pytest
import torch
from pg.environments.catalogue import tabular_mdp
from pg.environments.enumeration import EnumerationTooLarge, batches, enumerate_trajectories, tuples
from pg.environments.mdp import MDP, MOST_COUNTED, count_trajectories
from pg.environments.small_mdps import bandit, chain, random_mdp

MDPS = [bandit(1), chain(4, length=2, slip=0.2), random_mdp(3, states=2, seed=5)]
NAMES = ["bandit", "chain", "random"]


def random_policy(mdp: MDP, steps: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(steps, mdp.states, mdp.actions, generator=generator, dtype=torch.float64).softmax(-1)


def test_deterministic_corridor_by_hand() -> None:
    """Left is 0, right is 1: two steps right reach the goal, anything else is cut off after three steps."""
    enumeration = enumerate_trajectories(chain(3, length=2, slip=0), 100)
    found = {
        tuple(actions[: int(length)].tolist()): (bool(ended), rewards.tolist())
        for actions, length, ended, rewards in zip(
            enumeration.trajectories.actions[0],
            enumeration.trajectories.lengths[0],
            enumeration.trajectories.terminated[0],
            enumeration.trajectories.rewards[0],
            strict=True,
        )
    }
    going_on = (False, [-0.1, -0.1, -0.1])
    assert found == {
        (1, 1): (True, [-0.1, 0.9, 0]),
        (0, 1, 1): (True, [-0.1, -0.1, 0.9]),
        (0, 0, 0): going_on,
        (0, 0, 1): going_on,
        (0, 1, 0): going_on,
        (1, 0, 0): going_on,
        (1, 0, 1): going_on,
    }


@pytest.mark.parametrize("mdp", MDPS, ids=NAMES)
@pytest.mark.parametrize("per_step", [False, True])
def test_every_trajectory_is_counted_and_probabilities_sum_to_1(mdp: MDP, per_step: bool) -> None:
    policy = random_policy(mdp, mdp.horizon if per_step else 1)
    probabilities = enumerate_trajectories(mdp, 10_000).probabilities(policy)
    torch.testing.assert_close(probabilities.sum(), torch.ones_like(probabilities[0]))
    assert len(probabilities) == count_trajectories(mdp)


def test_lengths_vary_and_later_entries_are_zero() -> None:
    trajectories = enumerate_trajectories(MDPS[2], 10_000).trajectories
    assert set(trajectories.lengths.flatten().tolist()) == {1, 2, 3}
    dead = ~trajectories.mask
    assert (trajectories.rewards[dead] == 0).all()
    assert (trajectories.actions[dead] == 0).all()
    assert (trajectories.observations[dead] == 0).all()
    assert (trajectories.observations[trajectories.mask].sum(-1) == 1).all()
    assert torch.equal(trajectories.truncated, ~trajectories.terminated)


def test_too_many_trajectories_are_refused_with_their_number() -> None:
    lake = tabular_mdp("FrozenLake-v1", {"map_name": "8x8"}, 100)
    assert lake is not None
    assert count_trajectories(lake) > MOST_COUNTED
    with pytest.raises(EnumerationTooLarge, match="trajectories are more than the limit of 1,000"):
        enumerate_trajectories(lake, 1_000)
    with pytest.raises(EnumerationTooLarge, match=r"^2 trajectories are more than the limit of 1:"):
        enumerate_trajectories(bandit(1), 1)


def test_tuples_are_every_batch_in_order() -> None:
    enumeration = enumerate_trajectories(bandit(1), 10)
    assert tuples(enumeration, 2, 10).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert tuples(enumeration, 1, 10).tolist() == [[0], [1]]
    assert tuples(enumeration, 3, 10).shape == (8, 3)
    with pytest.raises(EnumerationTooLarge, match=r"1,024 batches of 10 out of 2 trajectories .* limit of 1,000"):
        tuples(enumeration, 10, 1_000)


def test_batches_are_on_the_seed_axis() -> None:
    enumeration = enumerate_trajectories(MDPS[2], 10_000)
    every = enumeration.trajectories
    members = torch.tensor([[3, 3], [0, 20], [7, 1]])
    found = batches(enumeration, members)
    assert found.mask.shape == (3, 2, 3)
    for name in ("observations", "actions", "rewards", "mask", "terminated", "truncated"):
        assert torch.equal(getattr(found, name)[1, 1], getattr(every, name)[0, 20])
