"""Step N copies of any gymnasium environment together.

Copies are never reset automatically, and finished ones are not stepped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, flatten_space
from gymnasium.spaces.utils import flatten
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from numpy.typing import NDArray

from pg.core.trajectories import Environments, Spaces, Transition
from pg.environments.acrobot import acrobot
from pg.environments.cartpole import cartpole
from pg.environments.catalogue import CARTPOLES, check_spaces, earned_mdp_of, hidden_in, horizon_of, make_copy
from pg.environments.compiled import CompiledEnvironments, Dynamics
from pg.environments.record import Environment
from pg.environments.tables import tables

_SEED_RANGE = 2**31
_COMPILED: dict[str, Callable[[dict[str, Any]], Dynamics]] = {
    **dict.fromkeys(CARTPOLES, cartpole),
    "Acrobot-v1": acrobot,
}
"""Dynamics that are compiled, by the id of the environment."""


def make_environments(environment: Environment, trajectories: int) -> Environments:
    """Return N copies of the declared environment, with the declared observations.

    Rewards are the environment's own. `pg.environments.rewards` transforms the rewards of whole trajectories. An
    environment without a step limit, or with spaces that policies cannot handle, raises an UnsupportedEnvironment.
    """
    mdp, horizon = earned_mdp_of(environment), horizon_of(environment)
    if mdp is not None:
        # What is hidden is left out of observations below.
        dynamics = tables(replace(mdp, hidden=()))
        return as_observed(CompiledEnvironments(dynamics, horizon, trajectories), environment)
    if (dynamics := _COMPILED.get(environment.id)) is not None:
        return as_observed(CompiledEnvironments(dynamics(environment.kwargs), horizon, trajectories), environment)
    copies = [make_copy(environment.id, environment.kwargs, horizon) for _ in range(trajectories)]
    check_spaces(copies[0], environment.id)
    return as_observed(SteppedOneByOne(copies, horizon), environment)


def as_observed(copies: Environments, environment: Environment) -> Environments:
    """Apply the declared observation options (hide, stack, normalise) to copies of an environment."""
    seen, hidden = environment.observations, hidden_in(environment, copies.spaces.observation_size)
    if not hidden and seen.stack == 1 and not seen.normalise:
        return copies
    return Observed(copies, hidden, seen.stack, normalised=seen.normalise)


class Observed:
    """N environments with hidden components and stacked observations.

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
        self.environments, self.depth = environments, depth
        self.kept = np.delete(np.arange(environments.spaces.observation_size), tuple(hidden))
        self._window = np.zeros((0, depth, len(self.kept)), dtype=np.float32)
        self.horizon = environments.horizon
        self.spaces = replace(environments.spaces, observation_size=depth * len(self.kept), is_normalised=normalised)

    @property
    def states(self) -> NDArray[np.int64] | None:
        """Indices of the current states, (N,), where the environment has tables."""
        return self.environments.states

    def reset(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw start states and clear the stack."""
        first = self.environments.reset(generator)
        self._window = np.zeros((len(first), self.depth, len(self.kept)), dtype=np.float32)
        return self._seen(first)

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Take one step and shift the stack by one observation."""
        transition = self.environments.step(actions, alive)
        return replace(transition, observations=self._seen(transition.observations))

    def _seen(self, latest: NDArray[np.float32]) -> NDArray[np.float32]:
        newest = latest[..., np.newaxis, self.kept]
        self._window = np.concatenate([self._window[:, 1:], newest], axis=1)
        return self._window.reshape(len(latest), -1)


class SteppedOneByOne:
    """N separate copies of any gymnasium environment; only those that are alive are stepped."""

    states = None

    def __init__(self, copies: Sequence[gymnasium.Env[Any, Any]], horizon: int) -> None:
        self.spaces = _spaces_of(copies[0])
        self.horizon = horizon
        self._copies = copies
        self._observation_space = copies[0].observation_space
        self._action_space = copies[0].action_space
        self._is_flat = isinstance(self._observation_space, Box) and len(self._observation_space.shape) == 1
        self._steps = [_without_checks(copy).step for copy in copies]

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
        if isinstance(self._action_space, Box):
            low, high = self._action_space.low.reshape(-1), self._action_space.high.reshape(-1)
            return np.clip(actions, low, high).reshape(-1, *self._action_space.shape)
        assert isinstance(self._action_space, Discrete)
        return actions + self._action_space.start


def _without_checks(copy: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """Remove the wrappers that count steps and check the order of calls: they take time and have no effect here."""
    while isinstance(copy, TimeLimit | OrderEnforcing):
        copy = copy.env
    return copy


def _spaces_of(copy: gymnasium.Env[Any, Any]) -> Spaces:
    """Return the sizes of the spaces of an environment that `check_spaces` has accepted."""
    observations, actions = flatten_space(copy.observation_space), copy.action_space
    assert isinstance(observations, Box)
    if isinstance(actions, Discrete):
        return Spaces(observations.shape[0], int(actions.n))
    assert isinstance(actions, Box)
    return Spaces(observations.shape[0], None, int(np.prod(actions.shape)))
