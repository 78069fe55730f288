"""Stacked environments do what single gymnasium environments do, seed by seed."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from pg.environments.copies import SteppedOneByOne, VectorisedCartPole, make_environments
from pg.environments.record import Environment


def generators(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def test_vectorised_cartpole_follows_the_single_environment() -> None:
    stacked = VectorisedCartPole({}, 500, 2, 3)
    observations = stacked.reset(generators(1, 2))
    single: Any = gymnasium.make("CartPole-v1").unwrapped
    single.reset(seed=0)
    single.state = np.random.default_rng(2).uniform(-0.05, 0.05, (4, 3))[:, 1]
    np.testing.assert_array_equal(observations[1, 1], np.asarray(single.state, dtype=np.float32))
    actions = np.random.default_rng(3).integers(2, size=(60, 2, 3))
    alive = np.ones((2, 3), dtype=np.bool_)
    for step in actions:
        transition = stacked.step(step, alive)
        observation, reward, terminated, _, _ = single.step(int(step[1, 1]))
        np.testing.assert_allclose(transition.observations[1, 1], observation, rtol=1e-5)
        assert transition.terminated[1, 1] == terminated
        assert transition.rewards[1, 1] == reward
        if terminated:
            break
    else:
        pytest.fail("sixty random actions should topple the pole")


def test_finished_cartpole_is_not_reset_automatically() -> None:
    stacked = VectorisedCartPole({}, 500, 1, 1)
    stacked.reset(generators(1))
    alive = np.ones((1, 1), dtype=np.bool_)
    ended = [bool(stacked.step(np.ones((1, 1), dtype=np.int64), alive).terminated[0, 0]) for _ in range(30)]
    first = ended.index(True)
    assert all(ended[first:]), "a reset would bring the pole back up"


def test_start_states_of_a_seed_do_not_depend_on_other_seeds() -> None:
    together = VectorisedCartPole({}, 500, 3, 4).reset(generators(7, 8, 9))
    alone = VectorisedCartPole({}, 500, 1, 4).reset(generators(8))
    np.testing.assert_array_equal(together[1], alone[0])


@pytest.mark.parametrize("id", ["Acrobot-v1", "MountainCarContinuous-v0", "HalfCheetah-v5", "InvertedPendulum-v5"])
def test_copies_of_any_gymnasium_id_step_like_a_single_one(id: str) -> None:
    stacked = make_environments(Environment(id=id, horizon=5), 2, 2)
    observations = stacked.reset(generators(4, 5))
    assert observations.shape == (2, 2, stacked.spaces.observation_size)
    single = gymnasium.make(id)
    start, _ = single.reset(seed=int(np.random.default_rng(5).integers(2**31, size=2)[1]))
    np.testing.assert_array_equal(observations[1, 1], start.astype(np.float32))
    size = stacked.spaces.action_size
    actions = np.full((2, 2, size), 0.5, dtype=np.float32) if size else np.ones((2, 2), dtype=np.int64)
    transition = stacked.step(actions, np.ones((2, 2), dtype=np.bool_))
    observation, reward, terminated, _, _ = single.step(actions[1, 1])
    np.testing.assert_array_equal(transition.observations[1, 1], observation.astype(np.float32))
    assert (transition.rewards[1, 1], transition.terminated[1, 1]) == (reward, terminated)


class Counting(gymnasium.Env[Any, Any]):
    """Counts its steps, and remembers the last action."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))
    steps = 0
    last = None

    def reset(self, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.last = action
        return np.zeros(1, dtype=np.float32), 1.0, False, False, {}


def test_finished_copies_are_not_stepped_and_actions_are_clipped() -> None:
    copies = [Counting() for _ in range(4)]
    stacked = SteppedOneByOne(copies, 10, 2)
    stacked.reset(generators(1, 2))
    alive = np.array([[True, False], [True, True]])
    transition = stacked.step(np.full((2, 2, 1), 3.0, dtype=np.float32), alive)
    assert [copy.steps for copy in copies] == [1, 0, 1, 1]
    assert copies[0].last == pytest.approx(1.0)
    assert transition.rewards.tolist() == [[1.0, 0.0], [1.0, 1.0]]


class Square(Counting):
    """Has observations of 2 × 2 numbers in double precision."""

    observation_space = gymnasium.spaces.Box(-9, 9, (2, 2), dtype=np.float64)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, info = super().step(action)
        return np.array([[1.0, 2.0], [3.0, 4.0]]) / 3, reward, terminated, truncated, info


@pytest.mark.parametrize("shape", [(2, 2), (4,)])
def test_observations_are_flattened_to_float32(shape: tuple[int, ...]) -> None:
    copy = gymnasium.wrappers.ReshapeObservation(Square(), shape)
    stacked = SteppedOneByOne([copy], 10, 1)
    transition = stacked.step(np.zeros((1, 1, 1), dtype=np.float32), np.ones((1, 1), dtype=np.bool_))
    assert transition.observations.dtype == np.float32
    assert transition.observations[0, 0].tolist() == (np.array([1, 2, 3, 4]) / 3).astype(np.float32).tolist()


def test_counting_and_checking_wrappers_are_removed() -> None:
    doubled = gymnasium.wrappers.TransformReward(Counting(), lambda reward: 2 * float(reward))
    wrapped = gymnasium.wrappers.TimeLimit(gymnasium.wrappers.OrderEnforcing(doubled), max_episode_steps=1)
    stacked = SteppedOneByOne([wrapped], 10, 1)
    alive = np.ones((1, 1), dtype=np.bool_)
    for _ in range(2):
        transition = stacked.step(np.zeros((1, 1, 1), dtype=np.float32), alive)
        assert (transition.rewards.item(), transition.truncated.item()) == (2.0, False)


def test_fewer_seeds_use_the_first_copies() -> None:
    stacked = make_environments(Environment(id="InvertedPendulum-v5"), 3, 2)
    smaller = stacked.resized(2)
    assert smaller.reset(generators(1, 2)).shape == (2, 2, 4)
    with pytest.raises(ValueError, match="cannot grow from 3 to 4 seeds"):
        stacked.resized(4)


def test_horizon_beyond_the_environments_own_limit_is_kept() -> None:
    stacked = make_environments(Environment(id="Acrobot-v1", horizon=600), 1)
    stacked.reset(generators(1))
    alive = np.ones((1, 1), dtype=np.bool_)
    cut = [bool(stacked.step(np.ones((1, 1), dtype=np.int64), alive).truncated[0, 0]) for _ in range(600)]
    assert not any(cut)
