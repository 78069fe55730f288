"""Acrobot with compiled dynamics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from numpy.typing import NDArray

from pg.core.compiled import as_argument, compiled, inlined
from pg.core.trajectories import Spaces
from pg.environments.compiled import OBSERVE, STEP, Dynamics

_START = 0.1  # largest angle and speed at the start
_GRAVITY = 9.8


def acrobot(kwargs: dict[str, Any]) -> Dynamics:
    """Return the dynamics of gymnasium's Acrobot with its constructor's keyword arguments.

    The constants are those of gymnasium's own environment, which has the equations of the book.

    Notes
    -----
    Sutton 1996, "Generalization in reinforcement learning: successful examples using sparse coarse coding"; Sutton &
    Barto 1998, section 11.3.
    """
    own = AcrobotEnv(**kwargs)
    constants = (
        own.LINK_MASS_1,
        own.LINK_MASS_2,
        own.LINK_LENGTH_1,
        own.LINK_COM_POS_1,
        own.LINK_COM_POS_2,
        own.LINK_MOI,
        own.dt,
        own.MAX_VEL_1,
        own.MAX_VEL_2,
    )
    return Dynamics(
        spaces=Spaces(observation_size=6, action_count=len(own.AVAIL_TORQUE)),
        step=as_argument(_step, STEP),
        observe=as_argument(_observe, OBSERVE),
        constants=np.array(constants, dtype=np.float64),
        # gymnasium rounds start states to single precision.
        start=lambda generator, count: np.ascontiguousarray(
            generator.uniform(-_START, _START, size=(4, count)).T.astype(np.float32).astype(np.float64)
        ),
    )


@inlined
def _slopes(
    angle: float, bend: float, speed: float, bend_speed: float, torque: float, constants: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Return the derivatives of the upper link's angle, the lower link's angle against it, and of their speeds."""
    upper, lower, length = constants[0], constants[1], constants[2]
    upper_centre, lower_centre, inertia = constants[3], constants[4], constants[5]
    coupled = lower * length * lower_centre
    first = upper * upper_centre**2 + lower * (length**2 + lower_centre**2) + 2 * coupled * math.cos(bend) + 2 * inertia
    second = lower * lower_centre**2 + coupled * math.cos(bend) + inertia
    pull_lower = lower * lower_centre * _GRAVITY * math.cos(angle + bend - math.pi / 2)
    pull = (
        -coupled * bend_speed**2 * math.sin(bend)
        - 2 * coupled * bend_speed * speed * math.sin(bend)
        + (upper * upper_centre + lower * length) * _GRAVITY * math.cos(angle - math.pi / 2)
        + pull_lower
    )
    bend_acceleration = (torque + second / first * pull - coupled * speed**2 * math.sin(bend) - pull_lower) / (
        lower * lower_centre**2 + inertia - second**2 / first
    )
    return speed, bend_speed, -(second * bend_acceleration + pull) / first, bend_acceleration


@inlined
def _within_a_turn(angle: float) -> float:
    while angle > math.pi:
        angle -= 2 * math.pi
    while angle < -math.pi:
        angle += 2 * math.pi
    return angle


@compiled(STEP)
def _step(state: NDArray[np.float64], action: int, constants: NDArray[np.float64]) -> tuple[float, bool]:
    time, fastest, fastest_bend = constants[6], constants[7], constants[8]
    torque = action - 1.0
    a, b, c, d = state[0], state[1], state[2], state[3]
    # One step of the classical method of Runge and Kutta.
    a1, b1, c1, d1 = _slopes(a, b, c, d, torque, constants)
    half = time / 2
    a2, b2, c2, d2 = _slopes(a + half * a1, b + half * b1, c + half * c1, d + half * d1, torque, constants)
    a3, b3, c3, d3 = _slopes(a + half * a2, b + half * b2, c + half * c2, d + half * d2, torque, constants)
    a4, b4, c4, d4 = _slopes(a + time * a3, b + time * b3, c + time * c3, d + time * d3, torque, constants)
    state[0] = _within_a_turn(a + time / 6 * (a1 + 2 * a2 + 2 * a3 + a4))
    state[1] = _within_a_turn(b + time / 6 * (b1 + 2 * b2 + 2 * b3 + b4))
    state[2] = min(max(c + time / 6 * (c1 + 2 * c2 + 2 * c3 + c4), -fastest), fastest)
    state[3] = min(max(d + time / 6 * (d1 + 2 * d2 + 2 * d3 + d4), -fastest_bend), fastest_bend)
    terminated = -math.cos(state[0]) - math.cos(state[1] + state[0]) > 1
    return (0.0 if terminated else -1.0), terminated


@compiled(OBSERVE)
def _observe(state: NDArray[np.float64], observation: NDArray[np.float32]) -> None:
    observation[0] = math.cos(state[0])
    observation[1] = math.sin(state[0])
    observation[2] = math.cos(state[1])
    observation[3] = math.sin(state[1])
    observation[4] = state[2]
    observation[5] = state[3]
