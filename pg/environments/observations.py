"""Hide components of observations and stack the last few of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Environments, Transition


class Observed:
    """S × N environments with transformed observations.

    Parameters
    ----------
    environments
        The environments that are stepped.
    hidden
        Indices of the components that are removed.
    depth
        How many observations are stacked, oldest first; zeros before the start.
    normalised
        Whether policies standardise observations by the statistics of earlier batches.
    """

    def __init__(self, environments: Environments, hidden: Sequence[int], depth: int, *, normalised: bool) -> None:
        self._environments = environments
        self._hidden = tuple(hidden)
        self._depth = depth
        self._normalised = normalised
        self._kept = np.delete(np.arange(environments.spaces.observation_size), self._hidden)
        self._window = np.zeros((0, 0, depth, len(self._kept)), dtype=np.float32)
        self.horizon = environments.horizon
        self.spaces = replace(environments.spaces, observation_size=depth * len(self._kept), is_normalised=normalised)

    @property
    def states(self) -> NDArray[np.int64] | None:
        """Indices of the current states, (S, N), where the environment has tables."""
        return self._environments.states

    def resized(self, seeds: int) -> Observed:
        """Return the same transformation of environments for another number of seeds."""
        inner = self._environments.resized(seeds)
        return Observed(inner, self._hidden, self._depth, normalised=self._normalised)

    def reset(self, generators: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        """Draw start states and clear the stack."""
        first = self._environments.reset(generators)
        self._window = np.zeros((*first.shape[:2], self._depth, len(self._kept)), dtype=np.float32)
        return self._seen(first)

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Take one step and shift the stack by one observation."""
        transition = self._environments.step(actions, alive)
        return replace(transition, observations=self._seen(transition.observations))

    def _seen(self, latest: NDArray[np.float32]) -> NDArray[np.float32]:
        newest = latest[..., np.newaxis, self._kept]
        self._window = np.concatenate([self._window[:, :, 1:], newest], axis=2)
        return self._window.reshape(*self._window.shape[:2], -1)
