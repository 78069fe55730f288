"""Step N separate copies of any gymnasium environment, one after the other.

Copies are never reset automatically, and finished ones are not stepped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from gymnasium.spaces.utils import flatten
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from numpy.typing import NDArray

from pg.core.trajectories import Transition
from pg.environments.catalogue import spaces_of

_SEED_RANGE = 2**31


class SteppedOneByOne:
    """N separate copies of any gymnasium environment; only those that are alive are stepped."""

    states = None

    def __init__(self, copies: Sequence[gymnasium.Env[Any, Any]], horizon: int) -> None:
        self.spaces = spaces_of(copies[0])
        self.horizon = horizon
        self._copies = copies
        self._observation_space = copies[0].observation_space
        self._action_space = copies[0].action_space
        self._is_flat = isinstance(self._observation_space, Box) and len(self._observation_space.shape) == 1
        self._steps = [without_checks(copy).step for copy in copies]

    def reset(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Reset every copy with a seed drawn from the generator."""
        pairs = zip(self._copies, generator.integers(_SEED_RANGE, size=len(self._copies)).tolist(), strict=True)
        return np.stack([self._flat(copy.reset(seed=number)[0]) for copy, number in pairs])

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Step the copies that are alive; Box actions are clipped to the action space."""
        observations = np.zeros((len(alive), self.spaces.observation_size), dtype=np.float32)
        rewards = np.zeros(len(alive))
        terminated, truncated = np.zeros((2, len(alive)), dtype=np.bool_)
        legal = self._legal(actions)
        for n in np.flatnonzero(alive).tolist():
            observation, rewards[n], terminated[n], truncated[n], _ = self._steps[n](legal[n])
            observations[n] = observation if self._is_flat else self._flat(observation)
        return Transition(observations, rewards, terminated, truncated)

    def _flat(self, observation: Any) -> NDArray[np.float32]:
        return np.asarray(flatten(self._observation_space, observation), dtype=np.float32)

    def _legal(self, actions: NDArray[Any]) -> NDArray[Any]:
        space = self._action_space
        shaped = actions.reshape(len(actions), *(space.shape or ()))
        if isinstance(space, Box):
            return np.clip(shaped, space.low, space.high)
        # The values of discrete actions may start at another number than 0.
        return (shaped + getattr(space, "start", 0)).astype(space.dtype)


def without_checks(copy: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """Remove the wrappers that count steps and check the order of calls: they take time and have no effect here."""
    while isinstance(copy, TimeLimit | OrderEnforcing):
        copy = copy.env
    return copy
