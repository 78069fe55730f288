"""Copies that MuJoCo moves together do what gymnasium's own environments do, bit for bit."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv
from gymnasium.wrappers import TransformReward
from pg.environments.catalogue import make_copy
from pg.environments.copies import make_environments, stepped
from pg.environments.mujoco import SteppedByMuJoCo
from pg.environments.one_by_one import SteppedOneByOne
from pg.environments.record import Environment

IDS = ["InvertedPendulum-v5", "Swimmer-v5", "HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Humanoid-v5"]
SEES_PLACE = {"exclude_current_positions_from_observation": False}
NEVER_ENDS = {"terminate_when_unhealthy": False}
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *[(id, {}) for id in IDS],
    ("InvertedPendulum-v5", {"frame_skip": 3, "reset_noise_scale": 0.1}),
    ("Swimmer-v5", SEES_PLACE | {"forward_reward_weight": 2.0}),
    ("HalfCheetah-v5", SEES_PLACE | {"ctrl_cost_weight": 3.0}),
    ("Hopper-v5", SEES_PLACE | {"healthy_state_range": (-1.0, 1.0)}),
    ("Hopper-v5", NEVER_ENDS | {"healthy_reward": 5.0}),
    ("Walker2d-v5", SEES_PLACE | NEVER_ENDS | {"healthy_angle_range": (-0.1, 0.2)}),
    ("Humanoid-v5", SEES_PLACE | NEVER_ENDS | {"contact_cost_range": (0.1, 0.2), "contact_cost_weight": 1e-3}),
    ("Humanoid-v5", {"include_cinert_in_observation": False, "include_cfrc_ext_in_observation": False}),
    ("Humanoid-v5", {"include_cvel_in_observation": False, "include_qfrc_actuator_in_observation": False}),
]


@pytest.mark.parametrize(("id", "kwargs"), OPTIONS, ids=lambda value: str(value))
def test_steps_are_those_of_gymnasium(id: str, kwargs: dict[str, Any]) -> None:
    together = make_environments(Environment(id=id, kwargs=kwargs), 3)
    assert isinstance(together, SteppedByMuJoCo)
    alone = SteppedOneByOne([make_copy(id, kwargs, 1000) for _ in range(3)], 1000)
    drawing = np.random.default_rng(1)
    for episode in range(3):
        found, expected = (copies.reset(np.random.default_rng(episode)) for copies in (together, alone))
        np.testing.assert_array_equal(found, expected)
        alive = np.ones(3, dtype=np.bool_)
        for _ in range(60):
            actions = drawing.standard_normal((3, together.spaces.action_size), dtype=np.float32)
            step, wanted = (copies.step(actions, alive) for copies in (together, alone))
            for name in ("observations", "rewards", "terminated", "truncated"):
                np.testing.assert_array_equal(getattr(step, name), getattr(wanted, name), err_msg=name)
            alive &= ~wanted.terminated
            if not alive.any():
                break


class DoubledHopper(HopperEnv):
    """A hopper whose rewards are doubled."""

    def step(self, action: Any) -> Any:
        """Double the reward of a step."""
        observation, reward, *rest = super().step(action)
        return observation, 2 * reward, *rest


def doubled_by_a_wrapper() -> gymnasium.Env[Any, Any]:
    return TransformReward(HopperEnv(), lambda reward: 2 * float(reward))


@pytest.mark.parametrize("make", [DoubledHopper, doubled_by_a_wrapper])
def test_changed_environments_are_stepped_as_they_are(make: Any) -> None:
    changed, plain = stepped([make()], 5), stepped([HopperEnv()], 5)
    for copies in (changed, plain):
        copies.reset(np.random.default_rng(0))
    action, alive = np.full((1, 3), 0.5, dtype=np.float32), np.ones(1, dtype=np.bool_)
    assert changed.step(action, alive).rewards == 2 * plain.step(action, alive).rewards
