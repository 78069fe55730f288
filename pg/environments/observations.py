"""What a policy sees of an environment: some of its components, and the last few observations side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Environments, Transition


class Observed:
    """S × N environments seen through a window.

    Parameters
    ----------
    environments
        What is stepped.
    hidden
        Numbers of the components that are left out.
    depth
        How many observations are seen at once, oldest first; before the start there are zeros.
    normalised
        Whether policies are to scale what they see by what they have seen before.
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
        """The numbers of the present states, (S, N), where these are known from a table."""
        return self._environments.states

    def resized(self, seeds: int) -> Observed:
        """Return the same view of environments for another number of seeds."""
        inner = self._environments.resized(seeds)
        return Observed(inner, self._hidden, self._depth, normalised=self._normalised)

    def reset(self, generators: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        """Draw start states; nothing is remembered of an earlier trajectory."""
        first = self._environments.reset(generators)
        self._window = np.zeros((*first.shape[:2], self._depth, len(self._kept)), dtype=np.float32)
        return self._seen(first)

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Take one step and move the window."""
        transition = self._environments.step(actions, alive)
        return replace(transition, observations=self._seen(transition.observations))

    def _seen(self, latest: NDArray[np.float32]) -> NDArray[np.float32]:
        newest = latest[..., np.newaxis, self._kept]
        self._window = np.concatenate([self._window[:, :, 1:], newest], axis=2)
        return self._window.reshape(*self._window.shape[:2], -1)
