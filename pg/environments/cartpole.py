"""CartPole with compiled dynamics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from numpy.typing import NDArray

from pg.core.compiled import as_argument, compiled
from pg.core.trajectories import Spaces
from pg.environments.compiled import OBSERVE, STEP, Dynamics


def cartpole(kwargs: dict[str, Any]) -> Dynamics:
    """Return the dynamics of gymnasium's CartPole with its constructor's keyword arguments.

    The constants are those of gymnasium's own environment.

    Notes
    -----
    Barto, Sutton & Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning control problems";
    the equations are those of Florian 2007, "Correct equations for the dynamics of the cart-pole system", without
    friction, (23) and (24).
    """
    own = CartPoleVectorEnv(1, **kwargs)
    low, high = own.low, own.high
    constants = (
        own.force_mag,
        own.gravity,
        own.total_mass,
        own.masspole,
        own.length,
        own.polemass_length,
        own.tau,
        own.x_threshold,
        own.theta_threshold_radians,
        own._sutton_barto_reward,
    )
    return Dynamics(
        spaces=Spaces(observation_size=4, action_count=2),
        step=as_argument(_step, STEP),
        observe=as_argument(_observe, OBSERVE),
        constants=np.array(constants, dtype=np.float64),
        start=lambda generator, count: np.ascontiguousarray(generator.uniform(low, high, size=(4, count)).T),
    )


@compiled(STEP)
def _step(state: NDArray[np.float64], action: int, constants: NDArray[np.float64]) -> tuple[float, bool]:
    force, gravity, total_mass, mass, length = constants[0], constants[1], constants[2], constants[3], constants[4]
    mass_length, tau, farthest, steepest, costs = constants[5], constants[6], constants[7], constants[8], constants[9]
    x, x_speed, angle, angle_speed = state[0], state[1], state[2], state[3]
    cosine, sine = math.cos(angle), math.sin(angle)
    push = (force if action == 1 else -force) + mass_length * angle_speed**2 * sine
    angle_acceleration = (gravity * sine - cosine * push / total_mass) / (
        length * (4 / 3 - mass * cosine**2 / total_mass)
    )
    x_acceleration = push / total_mass - mass_length * angle_acceleration * cosine / total_mass
    state[0] = x + tau * x_speed
    state[1] = x_speed + tau * x_acceleration
    state[2] = angle + tau * angle_speed
    state[3] = angle_speed + tau * angle_acceleration
    terminated = abs(state[0]) > farthest or abs(state[2]) > steepest
    if costs:
        # gymnasium's option `sutton_barto_reward`: -1 for the step that ends an episode, 0 for all others.
        return (-1.0 if terminated else 0.0), terminated
    return 1.0, terminated


@compiled(OBSERVE)
def _observe(state: NDArray[np.float64], observation: NDArray[np.float32]) -> None:
    for component in range(4):
        observation[component] = state[component]
