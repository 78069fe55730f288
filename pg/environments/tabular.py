"""A Markov decision process as a gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pg.environments.mdp import MDP


class TabularEnv(gymnasium.Env[np.int64, np.int64]):
    """An MDP as a gymnasium environment with discrete observations; gymnasium's TimeLimit applies the horizon."""

    def __init__(self, mdp: MDP) -> None:
        self.mdp = mdp
        self.observation_space = gymnasium.spaces.Discrete(mdp.spaces.observation_size)
        self.action_space = gymnasium.spaces.Discrete(mdp.actions)
        self._state = 0
        self._start = distribution_function(mdp.start)
        self._outcomes = distribution_function(mdp.probabilities)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Draw a start state."""
        super().reset(seed=seed, options=options)
        self._state = self._drawn(self._start)
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Draw an outcome of the action."""
        drawn = self._state, int(action), self._drawn(self._outcomes[self._state, int(action)])
        self._state = int(self.mdp.next_states[drawn])
        return self._observation(), float(self.mdp.rewards[drawn]), bool(self.mdp.terminates[drawn]), False, {}

    def _drawn(self, distribution_function: NDArray[np.float64]) -> int:
        return int(inverted(distribution_function, self.np_random.random(1)).item())

    def _observation(self) -> np.int64:
        return np.int64(self.mdp.observation_indices[self._state])


def distribution_function(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution functions along the last axis of probabilities."""
    # Dividing by the last value makes the function exactly 1 at the last possible outcome, so that no uniform number
    # below 1 selects one of the padded outcomes.
    cumulative = probabilities.cumsum(-1)
    return cumulative / cumulative[..., -1:]


def inverted(distribution_function: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return what uniform numbers, (...), draw from distribution functions, (..., outcomes)."""
    return (uniform[..., None] >= distribution_function).sum(-1)
