"""Environments with compiled dynamics are gymnasium's."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from pg.environments.acrobot import acrobot
from pg.environments.cartpole import cartpole
from pg.environments.compiled import CompiledEnvironments
from pg.environments.copies import make_environments
from pg.environments.record import Environment, Observations

ALIVE = np.ones(1, dtype=np.bool_)


def carts(count: int) -> np.ndarray:
    """Return states within the limits and a little beyond them."""
    farthest = np.array([2.5, 4.0, 0.22, 4.0])
    return np.random.default_rng(0).uniform(-farthest, farthest, (count, 4))


@pytest.mark.parametrize("costs", [False, True])
def test_a_carts_step_from_any_state_is_that_of_gymnasium(costs: bool) -> None:
    kwargs = {"sutton_barto_reward": costs}
    copies, single = CompiledEnvironments(cartpole(kwargs), 500, 1), gymnasium.make("CartPole-v1", **kwargs).unwrapped
    theirs: Any = single
    ends = 0
    for state in carts(400):
        for action in (0, 1):
            theirs.reset(seed=0)
            theirs.state = tuple(state)
            observation, reward, terminated, _, _ = theirs.step(action)
            copies.positions = state[np.newaxis].copy()
            mine = copies.step(np.array([action]), ALIVE)
            np.testing.assert_allclose(copies.positions[0], theirs.state, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(mine.observations[0], observation, rtol=1e-6, atol=1e-9)
            assert (mine.rewards[0], mine.terminated[0]) == (reward, terminated)
            ends += terminated
    assert 100 < ends < 700, "states lie on both sides of the limits"


def test_an_acrobots_step_from_any_state_is_that_of_gymnasium() -> None:
    copies, single = CompiledEnvironments(acrobot({}), 500, 1), gymnasium.make("Acrobot-v1").unwrapped
    theirs: Any = single
    # Angles up to half a turn and speeds near their limits, so that some angles turn over and some speeds are cut.
    farthest = np.pi * np.array([1, 1, 4, 9])
    ends = cut = 0
    for state in np.random.default_rng(0).uniform(-farthest, farthest, (400, 4)):
        for action in range(3):
            theirs.reset(seed=0)
            theirs.state = state.copy()
            observation, reward, terminated, _, _ = theirs.step(action)
            copies.positions = state[np.newaxis].copy()
            mine = copies.step(np.array([action]), ALIVE)
            np.testing.assert_allclose(copies.positions[0], theirs.state, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(mine.observations[0], observation, rtol=1e-6, atol=1e-6)
            assert (mine.rewards[0], mine.terminated[0]) == (reward, terminated)
            ends += terminated
            cut += bool((np.abs(theirs.state[2:]) == farthest[2:]).any())
    assert 100 < ends < 1100, "states lie on both sides of the line"
    assert cut > 50, "speeds are limited"


def test_acrobots_start_as_gymnasiums_do() -> None:
    copies = CompiledEnvironments(acrobot({}), 500, 5000)
    copies.reset(np.random.default_rng(0))
    assert abs(copies.positions).max() <= 0.1 + 1e-8
    np.testing.assert_array_equal(copies.positions, copies.positions.astype(np.float32))
    np.testing.assert_allclose(copies.positions.std(0), 0.1 / 3**0.5, rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(copies.positions.T), np.eye(4), atol=0.06)


def test_carts_start_uniformly_within_gymnasiums_limits() -> None:
    starts = make_environments(Environment(id="CartPole-v1"), 5000).reset(np.random.default_rng(0))
    assert starts.shape == (5000, 4)
    assert abs(starts).max() <= 0.05
    np.testing.assert_allclose(starts.std(0), 0.05 / 3**0.5, rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(starts.T), np.eye(4), atol=0.06)


def test_copies_that_have_ended_stay_where_they_are() -> None:
    copies = make_environments(Environment(id="CartPole-v1"), 3)
    before = copies.reset(np.random.default_rng(0))
    after = copies.step(np.ones(3, dtype=np.int64), np.array([True, False, True])).observations
    assert np.array_equal(before[1], after[1])
    assert not np.isclose(before[[0, 2]], after[[0, 2]]).all(axis=1).any()


def test_environments_without_options_are_not_wrapped() -> None:
    assert isinstance(make_environments(Environment(id="CartPole-v1"), 2), CompiledEnvironments)
    seen = Environment(id="CartPole-v1", observations=Observations(stack=2))
    assert not isinstance(make_environments(seen, 2), CompiledEnvironments)
