"""Step a Markov decision process from its tables: S × N copies for rollouts, and a gymnasium environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Transition
from pg.environments.mdp import MDP


class TabularEnvironments:
    """S × N copies of an MDP; every draw comes from the generator of its seed."""

    def __init__(self, mdp: MDP, seeds: int, trajectories: int) -> None:
        self.spaces = mdp.spaces
        self.horizon = mdp.horizon
        self._mdp = mdp
        self._shape = (seeds, trajectories)
        self._start = _distribution_function(mdp.start)
        self._outcomes = _distribution_function(mdp.probabilities)
        self._generators: Sequence[np.random.Generator] = ()
        self._observations = mdp.observations.astype(np.float32)
        self._states = np.zeros(self._shape, dtype=np.int64)
        self._steps = 0

    @property
    def states(self) -> NDArray[np.int64]:
        """Indices of the current states, (S, N)."""
        return self._states

    def resized(self, seeds: int) -> TabularEnvironments:
        """Return new copies, which are cheap to make."""
        return TabularEnvironments(self._mdp, seeds, self._shape[1])

    def reset(self, generators: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        """Draw N start states per seed from its generator, which also draws all later outcomes."""
        self._generators = generators
        self._steps = 0
        self._states = _invert(self._start, self._uniform(np.ones(self._shape, dtype=np.bool_)))
        return self._observations[self._states]

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Draw the outcome of each action; nothing is drawn for a seed after all of its copies have ended."""
        index = (self._states, actions.astype(np.int64))
        outcome = (*index, _invert(self._outcomes[index], self._uniform(alive)))
        rewards = self._mdp.rewards_at(self._steps)[outcome]
        self._states = self._mdp.next_states[outcome]
        self._steps += 1
        terminated = self._mdp.terminates[outcome]
        return Transition(
            observations=self._observations[self._states],
            rewards=rewards,
            terminated=terminated,
            truncated=~terminated & (self._steps >= self.horizon),
        )

    def _uniform(self, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
        # Draw for all N copies of a seed, so that the draws of one copy do not depend on which others are alive.
        numbers = np.zeros(self._shape)
        for seed, generator in enumerate(self._generators):
            if alive[seed].any():
                numbers[seed] = generator.random(self._shape[1])
        return numbers


class TabularEnv(gymnasium.Env[np.int64, np.int64]):
    """An MDP as a gymnasium environment with discrete observations; gymnasium's TimeLimit applies the horizon."""

    def __init__(self, mdp: MDP) -> None:
        self.mdp = mdp
        self.observation_space = gymnasium.spaces.Discrete(mdp.spaces.observation_size)
        self.action_space = gymnasium.spaces.Discrete(mdp.actions)
        self._start = _distribution_function(mdp.start)
        self._outcomes = _distribution_function(mdp.probabilities)
        self._state = np.int64(0)
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Draw a start state."""
        super().reset(seed=seed, options=options)
        self._state = np.int64(_invert(self._start, self.np_random.random()))
        self._steps = 0
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Draw an outcome of the action."""
        index = (self._state, int(action))
        outcome = (*index, int(_invert(self._outcomes[index], self.np_random.random())))
        reward, terminated = float(self.mdp.rewards_at(self._steps)[outcome]), bool(self.mdp.terminates[outcome])
        self._state = self.mdp.next_states[outcome]
        self._steps += 1
        return self._observation(), reward, terminated, False, {}

    def _observation(self) -> np.int64:
        return np.int64(self.mdp.seen_as[self._state])


def _distribution_function(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # Dividing by the last value makes the function exactly 1 at the last possible outcome, so that no uniform number
    # below 1 selects one of the padded outcomes.
    cumulative = probabilities.cumsum(-1)
    return cumulative / cumulative[..., -1:]


def _invert(distribution_function: NDArray[np.float64], uniform: NDArray[np.float64] | float) -> NDArray[np.int64]:
    return (np.asarray(uniform)[..., None] >= distribution_function).sum(-1)
