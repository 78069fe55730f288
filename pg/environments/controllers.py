"""Heuristic controllers: fixed rules that demonstrate a task. `CONTROLLERS` in `registry.py` lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped


@dataclass(frozen=True, slots=True)
class Controller:
    """A deterministic rule that acts: an `Actor`.

    Attributes
    ----------
    rule
        Maps observations (..., O) to discrete actions (...) or real ones (..., A).
    fits
        Ids of the environments that the rule can control.
    observation_size
        O, the length of these observations.
    """

    rule: Callable[[NDArray[np.float32]], NDArray[Any]]
    fits: tuple[str, ...]
    observation_size: int = 4

    def noise(self, _generator: np.random.Generator, steps: int, trajectories: int, /) -> NDArray[np.float32]:
        """Return empty noise, (steps, N, 0)."""
        return np.empty((steps, trajectories, 0), dtype=np.float32)

    def act(self, observations: NDArray[np.float32], _noise: NDArray[np.float32], /) -> NDArray[Any]:
        """Return the action for each of N observations, or raise a ValueError if they have another length."""
        if observations.shape[-1] != self.observation_size:
            raise ValueError(f"the controller expects {self.observation_size} components, not {observations.shape[-1]}")
        return self.rule(observations)


# Observations are position, velocity, angle and angular velocity in CartPole, where action 1 is right, and position,
# angle and their velocities in the inverted pendulum.


def lean(observations: Float[NDArray[np.float32], "*n 4"]) -> Shaped[NDArray[Any], "*n"]:
    """Push the cart towards the side to which the pole leans."""
    return (observations[..., 2] > 0).astype(np.int64)


def fall(observations: Float[NDArray[np.float32], "*n 4"]) -> Shaped[NDArray[Any], "*n"]:
    """Push the cart towards the side to which the pole rotates."""
    return (observations[..., 3] > 0).astype(np.int64)


def upright(observations: Float[NDArray[np.float32], "*n 4"]) -> Float[NDArray[np.float32], "*n 1"]:
    r"""Push the cart with the force $10 \varphi + \dot\varphi$, which balances the pole while the cart drifts away."""
    return 10 * observations[..., 1:2] + observations[..., 3:4]
