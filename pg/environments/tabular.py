"""Step a Markov decision process from its tables: N copies for rollouts, and a gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Transition
from pg.environments.mdp import MDP


class TabularEnvironments:
    """N copies of an MDP."""

    def __init__(self, mdp: MDP, trajectories: int) -> None:
        self.spaces = mdp.spaces
        self.horizon = mdp.horizon
        self.states = np.zeros(trajectories, dtype=np.int64)
        """Indices of the current states, (N,)."""
        self._mdp = mdp
        self._start = _distribution_function(mdp.start)
        self._outcomes = _distribution_function(mdp.probabilities)
        self._observations = mdp.observations.astype(np.float32)
        self._steps = 0

    def reset(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw N start states. The generator also draws all later outcomes."""
        self._generator = generator
        self._steps = 0
        self.states = _invert(self._start, generator.random(len(self.states)))
        return self._observations[self.states]

    def step(self, actions: NDArray[Any], _alive: NDArray[np.bool_], /) -> Transition:
        """Draw the outcome of each action, also of copies that have ended, so that no draw depends on other copies."""
        index = (self.states, actions.astype(np.int64))
        outcome = (*index, _invert(self._outcomes[index], self._generator.random(len(self.states))))
        rewards, terminated = self._mdp.rewards_at(self._steps)[outcome], self._mdp.terminates[outcome]
        self.states = self._mdp.next_states[outcome]
        self._steps += 1
        truncated = ~terminated & (self._steps >= self.horizon)
        return Transition(self._observations[self.states], rewards, terminated, truncated)


class TabularEnv(gymnasium.Env[np.int64, np.int64]):
    """An MDP as a gymnasium environment with discrete observations; gymnasium's TimeLimit applies the horizon."""

    def __init__(self, mdp: MDP) -> None:
        self.mdp = mdp
        self.observation_space = gymnasium.spaces.Discrete(mdp.spaces.observation_size)
        self.action_space = gymnasium.spaces.Discrete(mdp.actions)
        self._copies = TabularEnvironments(mdp, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Draw a start state."""
        super().reset(seed=seed, options=options)
        self._copies.reset(self.np_random)
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Draw an outcome of the action."""
        transition = self._copies.step(np.array([action]), np.ones(1, dtype=np.bool_))
        return self._observation(), transition.rewards.item(), transition.terminated.item(), False, {}

    def _observation(self) -> np.int64:
        return np.int64(self.mdp.observation_indices[self._copies.states.item()])


def _distribution_function(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # Dividing by the last value makes the function exactly 1 at the last possible outcome, so that no uniform number
    # below 1 selects one of the padded outcomes.
    cumulative = probabilities.cumsum(-1)
    return cumulative / cumulative[..., -1:]


def _invert(distribution_function: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    return (uniform[..., None] >= distribution_function).sum(-1)
