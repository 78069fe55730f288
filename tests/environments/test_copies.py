"""Copies that are stepped together do what single gymnasium environments do."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from pg.environments.copies import make_environments
from pg.environments.one_by_one import SteppedOneByOne
from pg.environments.record import Environment

CARTPOLE = Environment(id="CartPole-v1")


def generator() -> np.random.Generator:
    return np.random.default_rng(2)


def test_vectorised_cartpole_follows_the_single_environment() -> None:
    copies = make_environments(CARTPOLE, 3)
    observations = copies.reset(generator())
    single: Any = gymnasium.make("CartPole-v1").unwrapped
    single.reset(seed=0)
    single.state = generator().uniform(-0.05, 0.05, (4, 3))[:, 1]
    np.testing.assert_array_equal(observations[1], np.asarray(single.state, dtype=np.float32))
    actions = np.random.default_rng(3).integers(2, size=(60, 3))
    alive = np.ones(3, dtype=np.bool_)
    for step in actions:
        transition = copies.step(step, alive)
        observation, reward, terminated, _, _ = single.step(int(step[1]))
        np.testing.assert_allclose(transition.observations[1], observation, rtol=1e-5)
        assert transition.terminated[1] == terminated
        assert transition.rewards[1] == reward
        if terminated:
            break
    else:
        pytest.fail("sixty random actions should topple the pole")


def test_finished_cartpole_is_not_reset_automatically() -> None:
    copies = make_environments(CARTPOLE, 1)
    copies.reset(generator())
    alive = np.ones(1, dtype=np.bool_)
    ended = [copies.step(np.ones(1, dtype=np.int64), alive).terminated.item() for _ in range(30)]
    first = ended.index(True)
    assert all(ended[first:]), "a reset would bring the pole back up"


@pytest.mark.parametrize("id", ["MountainCar-v0", "MountainCarContinuous-v0", "HalfCheetah-v5", "InvertedPendulum-v5"])
def test_copies_of_any_gymnasium_id_step_like_a_single_one(id: str) -> None:
    copies = make_environments(Environment(id=id, horizon=5), 2)
    observations = copies.reset(generator())
    assert observations.shape == (2, copies.spaces.observation_size)
    single = gymnasium.make(id)
    start, _ = single.reset(seed=int(generator().integers(2**31, size=2)[1]))
    np.testing.assert_array_equal(observations[1], start.astype(np.float32))
    size = copies.spaces.action_size
    actions = np.full((2, size), 0.5, dtype=np.float32) if size else np.ones(2, dtype=np.int64)
    transition = copies.step(actions, np.ones(2, dtype=np.bool_))
    observation, reward, terminated, _, _ = single.step(actions[1])
    np.testing.assert_array_equal(transition.observations[1], observation.astype(np.float32))
    assert (transition.rewards[1], transition.terminated[1]) == (reward, terminated)


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
    singles = [Counting() for _ in range(3)]
    copies = SteppedOneByOne(singles, 10)
    copies.reset(generator())
    transition = copies.step(np.full((3, 1), 3.0, dtype=np.float32), np.array([True, False, True]))
    assert [single.steps for single in singles] == [1, 0, 1]
    assert singles[0].last == pytest.approx(1.0)
    assert transition.rewards.tolist() == [1.0, 0.0, 1.0]


class Square(Counting):
    """Has observations of 2 × 2 numbers in double precision."""

    observation_space = gymnasium.spaces.Box(-9, 9, (2, 2), dtype=np.float64)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, info = super().step(action)
        return np.array([[1.0, 2.0], [3.0, 4.0]]) / 3, reward, terminated, truncated, info


@pytest.mark.parametrize("shape", [(2, 2), (4,)])
def test_observations_are_flattened_to_float32(shape: tuple[int, ...]) -> None:
    copies = SteppedOneByOne([gymnasium.wrappers.ReshapeObservation(Square(), shape)], 10)
    transition = copies.step(np.zeros((1, 1), dtype=np.float32), np.ones(1, dtype=np.bool_))
    assert transition.observations.dtype == np.float32
    assert transition.observations[0].tolist() == (np.array([1, 2, 3, 4]) / 3).astype(np.float32).tolist()


def test_counting_and_checking_wrappers_are_removed() -> None:
    doubled = gymnasium.wrappers.TransformReward(Counting(), lambda reward: 2 * float(reward))
    wrapped = gymnasium.wrappers.TimeLimit(gymnasium.wrappers.OrderEnforcing(doubled), max_episode_steps=1)
    copies = SteppedOneByOne([wrapped], 10)
    for _ in range(2):
        transition = copies.step(np.zeros((1, 1), dtype=np.float32), np.ones(1, dtype=np.bool_))
        assert (transition.rewards.item(), transition.truncated.item()) == (2.0, False)


def test_horizon_beyond_the_environments_own_limit_is_kept() -> None:
    copies = make_environments(Environment(id="MountainCar-v0", horizon=600), 1)
    copies.reset(generator())
    alive = np.ones(1, dtype=np.bool_)
    cut = [copies.step(np.ones(1, dtype=np.int64), alive).truncated.item() for _ in range(600)]
    assert not any(cut)
