"""Step copies of gymnasium's MuJoCo environments together: MuJoCo moves each, and the equations are of all at once.

Of a step of gymnasium's own, a fifth to a third is neither physics nor equations: checks, a dictionary of details, and
forces that nothing reads. Observations, rewards and ends are gymnasium's bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv
from gymnasium.envs.mujoco.humanoid_v5 import HumanoidEnv
from gymnasium.envs.mujoco.inverted_pendulum_v5 import InvertedPendulumEnv
from gymnasium.envs.mujoco.swimmer_v5 import SwimmerEnv
from gymnasium.envs.mujoco.walker2d_v5 import Walker2dEnv
from numpy.typing import NDArray

from pg.core.trajectories import Transition
from pg.environments.one_by_one import SteppedOneByOne

_MUJOCO: Any = mujoco  # Its functions have no types.
_FASTEST = 10  # Hopper and Walker2d show speeds up to this one.
_CONTACT_FORCES = "cfrc_ext"  # MuJoCo computes these on request.


class _Step(NamedTuple):
    """A step of n copies: actions (n, A), and arrays of MuJoCo's data before and after, each (n, ...), by name."""

    actions: NDArray[Any]
    before: Mapping[str, NDArray[np.float64]]
    after: Mapping[str, NDArray[np.float64]]


class _Outcome(NamedTuple):
    """Observations (n, O), rewards (n,), and which copies have ended (n,)."""

    observations: NDArray[np.float64]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Equations:
    """What follows a step of MuJoCo.

    `outcome` has one of gymnasium's environments for its constants. `place` names the array of MuJoCo's data that tells
    how far a copy is, `reads` the other arrays that the equations need.
    """

    outcome: Callable[[Any, _Step], _Outcome]
    reads: tuple[str, ...] = ("qvel",)
    place: str = "qpos"


def _inverted_pendulum(_own: Any, step: _Step) -> _Outcome:
    positions = step.after["qpos"]
    observations = np.concatenate([positions, step.after["qvel"]], axis=1)
    ends = ~np.isfinite(observations).all(axis=1) | (np.abs(positions[:, 1]) > 0.2)
    return _Outcome(observations, np.where(ends, 0.0, 1.0), ends)


def _swims_or_runs(own: Any, step: _Step) -> _Outcome:
    rewards = own._forward_reward_weight * _speed(own, step) - _cost(own, step.actions)
    everything = np.concatenate([step.after["qpos"], step.after["qvel"]], axis=1)
    hidden = everything.shape[1] - own.observation_space.shape[0]
    return _Outcome(everything[:, hidden:], rewards, np.zeros(len(rewards), dtype=np.bool_))


def _hops(own: Any, step: _Step) -> _Outcome:
    rest = np.concatenate([step.after["qpos"][:, 2:], step.after["qvel"]], axis=1)
    return _on_legs(own, step, _stands(own, step) & _within(rest, own._healthy_state_range).all(axis=1))


def _walks(own: Any, step: _Step) -> _Outcome:
    return _on_legs(own, step, _stands(own, step))


def _stands(own: Any, step: _Step) -> NDArray[np.bool_]:
    height, angle = step.after["qpos"][:, 1], step.after["qpos"][:, 2]
    return _within(height, own._healthy_z_range) & _within(angle, own._healthy_angle_range)


def _on_legs(own: Any, step: _Step, is_healthy: NDArray[np.bool_]) -> _Outcome:
    earned = own._forward_reward_weight * _speed(own, step) + is_healthy * own._healthy_reward
    hidden = int(own._exclude_current_positions_from_observation)
    speeds = np.clip(step.after["qvel"], -_FASTEST, _FASTEST)
    observations = np.concatenate([step.after["qpos"][:, hidden:], speeds], axis=1)
    ends = ~is_healthy & own._terminate_when_unhealthy
    return _Outcome(observations, earned - _cost(own, step.actions), ends)


def _humanoid(own: Any, step: _Step) -> _Outcome:
    after, count = step.after, len(step.actions)
    mass = own.model.body_mass
    was, now = (np.einsum("b,nb->n", mass, at["xipos"][..., 0]) / mass.sum() for at in (step.before, after))
    is_healthy = _within(after["qpos"][:, 2], own._healthy_z_range)
    earned = own._forward_reward_weight * ((now - was) / own.dt) + is_healthy * own._healthy_reward
    contact = own._contact_cost_weight * np.square(after[_CONTACT_FORCES]).reshape(count, -1).sum(axis=1)
    cost = _cost(own, after["ctrl"]) + np.clip(contact, *own._contact_cost_range)
    observations = [
        after["qpos"][:, 2 if own._exclude_current_positions_from_observation else 0 :],
        after["qvel"],
        *([after["cinert"][:, 1:]] if own._include_cinert_in_observation else []),
        *([after["cvel"][:, 1:]] if own._include_cvel_in_observation else []),
        *([after["qfrc_actuator"][:, 6:]] if own._include_qfrc_actuator_in_observation else []),
        *([after[_CONTACT_FORCES][:, 1:]] if own._include_cfrc_ext_in_observation else []),
    ]
    flat = np.concatenate([part.reshape(count, -1) for part in observations], axis=1)
    return _Outcome(flat, earned - cost, ~is_healthy & own._terminate_when_unhealthy)


def _speed(own: Any, step: _Step) -> NDArray[np.float64]:
    return (step.after["qpos"][:, 0] - step.before["qpos"][:, 0]) / own.dt


def _cost(own: Any, actions: NDArray[Any]) -> NDArray[Any]:
    return own._ctrl_cost_weight * np.square(actions).sum(axis=1)


def _within(values: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (limits[0] < values) & (values < limits[1])


EQUATIONS: Mapping[type, Equations] = MappingProxyType(
    {
        InvertedPendulumEnv: Equations(_inverted_pendulum),
        SwimmerEnv: Equations(_swims_or_runs),
        HalfCheetahEnv: Equations(_swims_or_runs),
        HopperEnv: Equations(_hops),
        Walker2dEnv: Equations(_walks),
        HumanoidEnv: Equations(
            _humanoid,
            reads=("qpos", "qvel", "ctrl", "cinert", "cvel", "qfrc_actuator", _CONTACT_FORCES),
            place="xipos",
        ),
    }
)
"""By gymnasium's class."""


class SteppedByMuJoCo(SteppedOneByOne):
    """N copies of one of gymnasium's environments in `EQUATIONS`; only those that are alive are stepped."""

    def __init__(self, copies: Sequence[gymnasium.Env[Any, Any]], horizon: int) -> None:
        super().__init__(copies, horizon)
        owns: list[Any] = [copy.unwrapped for copy in copies]
        self._own, self._equations = owns[0], EQUATIONS[type(owns[0])]
        self._reads = (self._equations.place, *self._equations.reads)
        self._has_forces = _CONTACT_FORCES in self._reads
        # Asking for an array takes as long as copying it, and these stay where they are.
        self._controls = [own.data.ctrl for own in owns]
        self._arrays = [[getattr(own.data, name) for name in self._reads] for own in owns]
        self._simulations = [(own.model, own.data) for own in owns]

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Step the copies that are alive; actions are clipped to the action space."""
        moved = np.flatnonzero(alive).tolist()
        legal = self._legal(actions[moved])
        was = np.array([self._arrays[copy][0] for copy in moved])
        now = [np.empty((len(moved), *array.shape)) for array in self._arrays[0]]
        for row, copy in enumerate(moved):
            self._move(copy, legal[row])
            for values, array in zip(now, self._arrays[copy], strict=True):
                values[row] = array
        step = _Step(legal, {self._equations.place: was}, dict(zip(self._reads, now, strict=True)))
        observations = np.zeros((len(alive), self.spaces.observation_size), dtype=np.float32)
        rewards = np.zeros(len(alive))
        terminated, truncated = np.zeros((2, len(alive)), dtype=np.bool_)
        observations[moved], rewards[moved], terminated[moved] = self._equations.outcome(self._own, step)
        return Transition(observations, rewards, terminated, truncated)

    def _move(self, copy: int, action: NDArray[Any]) -> None:
        model, data = self._simulations[copy]
        self._controls[copy][:] = action
        _MUJOCO.mj_step(model, data, self._own.frame_skip)
        if self._has_forces:
            _MUJOCO.mj_rnePostConstraint(model, data)
