"""Transformed rewards by hand, by enumeration, and by dynamic programming on transformed tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Trajectories
from pg.environments.catalogue import earned_mdp_of, mdp_of
from pg.environments.enumeration import enumerate_paid, enumerate_trajectories
from pg.environments.exact import objective
from pg.environments.mdp import MDP, with_potential
from pg.environments.record import Environment, Rewards
from pg.environments.rewards import AS_EARNED, paid, paid_tables
from pg.environments.small_mdps import chain, corridor, random_mdp

MASK = torch.tensor([[[True, True, True], [True, True, False], [True, False, False]]])
EARNED = torch.tensor([[[1.0, 2.0, 4.0], [3.0, -1.0, 0.0], [5.0, 0.0, 0.0]]])
STATES = torch.tensor([[[0, 1, 1], [1, 0, 0], [1, 0, 0]]])

OPTIONS: dict[str, dict[str, Any]] = {
    "offset": {"offset": 1.5},
    "scale": {"scale": 3.0},
    "shaping": {"shaping": (0.3, -1.1, 0.6)},
    "at_end": {"paid": "at_end"},
    "terminal_only": {"paid": "terminal_only"},
    "all": {"offset": -0.4, "scale": 2.0, "shaping": (1.0, 0.2, -0.5), "paid": "at_end"},
    "last": {"offset": 0.7, "scale": 0.5, "paid": "terminal_only"},
}
MDPS = {
    "chain": chain(4, length=3, slip=0.2),
    "random": random_mdp(3, states=3, seed=5),
    "corridor": corridor(5),
    "shaped": with_potential(random_mdp(3, states=3, seed=1), np.array([2.0, 0.7, -0.3])),
    "one step": random_mdp(1, states=3, seed=2),
}


def trajectories(**changes: Any) -> Trajectories:
    terminated = torch.tensor([[False, True, True]])
    made = Trajectories(
        observations=torch.zeros(1, 3, 3, 1),
        actions=torch.zeros(1, 3, 3, dtype=torch.int64),
        rewards=EARNED,
        mask=MASK,
        terminated=terminated,
        truncated=~terminated,
        states=STATES,
    )
    return replace(made, **changes)


def policy(mdp: MDP) -> torch.Tensor:
    """Every observation has its own random action probabilities."""
    generator = torch.Generator().manual_seed(3)
    seen = torch.rand(mdp.spaces.observation_size, mdp.actions, generator=generator, dtype=torch.float64)
    return (seen / seen.sum(-1, keepdim=True))[torch.as_tensor(mdp.observation_indices)].unsqueeze(0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"offset": 0.5}, [[1.5, 2.5, 4.5], [3.5, -0.5, 0.0], [5.5, 0.0, 0.0]]),
        ({"scale": 2.0}, [[2.0, 4.0, 8.0], [6.0, -2.0, 0.0], [10.0, 0.0, 0.0]]),
        ({"scale": 2.0, "offset": 0.5}, [[2.5, 4.5, 8.5], [6.5, -1.5, 0.0], [10.5, 0.0, 0.0]]),
        ({"paid": "at_end"}, [[0.0, 0.0, 7.0], [0.0, 2.0, 0.0], [5.0, 0.0, 0.0]]),
        ({"paid": "terminal_only"}, [[0.0, 0.0, 4.0], [0.0, -1.0, 0.0], [5.0, 0.0, 0.0]]),
        # Φ(0) = 10, Φ(1) = 20: +10 up, 0 along, −20 at an end in state 1.
        ({"shaping": (10.0, 20.0)}, [[11.0, 2.0, -16.0], [-7.0, -11.0, 0.0], [-15.0, 0.0, 0.0]]),
        ({"shaping": (10.0, 20.0), "scale": 2.0}, [[12.0, 4.0, -12.0], [-4.0, -12.0, 0.0], [-10.0, 0.0, 0.0]]),
        ({"shaping": (10.0, 20.0), "paid": "at_end"}, [[0.0, 0.0, -3.0], [0.0, -18.0, 0.0], [-15.0, 0.0, 0.0]]),
        ({"offset": 1.0, "paid": "at_end"}, [[0.0, 0.0, 10.0], [0.0, 4.0, 0.0], [6.0, 0.0, 0.0]]),
    ],
)
def test_paid_rewards_by_hand(options: dict[str, Any], expected: list[list[float]]) -> None:
    earned = trajectories()
    found = paid(Rewards(**options), earned)
    assert found.rewards.tolist() == [expected]
    for name in ("observations", "actions", "mask", "terminated", "truncated", "states"):
        assert getattr(found, name) is getattr(earned, name)


def test_rewards_are_paid_as_they_are_earned_by_default() -> None:
    earned = trajectories()
    assert paid(Rewards(), earned) is earned
    mdp = MDPS["chain"]
    assert np.array_equal(paid_tables(AS_EARNED, mdp).rewards, mdp.rewards)
    assert paid_tables(AS_EARNED, mdp).last_rewards is None


def test_potentials_of_unknown_states_are_refused() -> None:
    with pytest.raises(ValueError, match="needs trajectories with states"):
        paid(Rewards(shaping=(1.0, 2.0)), trajectories(states=None))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_paid_tables_have_the_objective_of_paid_trajectories(mdp: MDP, options: dict[str, Any]) -> None:
    rewards, probabilities = Rewards(**options), policy(mdp)
    every = enumerate_trajectories(mdp, 100_000)
    expected = every.probabilities(probabilities) @ paid(rewards, every.trajectories).returns[0]
    torch.testing.assert_close(objective(paid_tables(rewards, mdp), probabilities), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, options in OPTIONS.items() if options.get("paid") != "at_end"])
@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_tables_and_trajectories_have_equal_rewards_at_each_step(mdp: MDP, name: str) -> None:
    rewards = Rewards(**OPTIONS[name])
    found = enumerate_trajectories(paid_tables(rewards, mdp), 100_000).trajectories
    expected = paid(rewards, enumerate_trajectories(mdp, 100_000).trajectories)
    torch.testing.assert_close(found.rewards, expected.rewards, rtol=1e-12, atol=1e-12)


def test_enumeration_applies_the_reward_options() -> None:
    plain = Environment(id="pg/Chain-v0", kwargs={"length": 2}, horizon=4)
    environment = plain.model_copy(update={"rewards": Rewards(offset=1.0, paid="at_end")})
    every, earned = enumerate_paid(environment, 1_000), enumerate_paid(plain, 1_000).trajectories
    lengths = earned.lengths
    torch.testing.assert_close(every.trajectories.returns, earned.returns + lengths)
    assert torch.equal(every.trajectories.rewards != 0, (torch.arange(4) == lengths.unsqueeze(-1) - 1))
    tables, own = mdp_of(environment), earned_mdp_of(environment)
    assert tables is not None
    assert own is not None
    assert np.array_equal(every.mdp.rewards, tables.rewards)
    assert np.array_equal(tables.rewards, own.rewards + 1)
