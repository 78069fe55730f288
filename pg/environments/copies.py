"""Step N copies of any gymnasium environment together.

Copies are never reset automatically, and finished ones are not stepped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Environments, Transition
from pg.environments.acrobot import acrobot
from pg.environments.cartpole import cartpole
from pg.environments.catalogue import CARTPOLES, check_spaces, earned_mdp_of, hidden_in, horizon_of, make_copy
from pg.environments.compiled import CompiledEnvironments, Dynamics
from pg.environments.mujoco import EQUATIONS, SteppedByMuJoCo
from pg.environments.one_by_one import SteppedOneByOne, without_checks
from pg.environments.record import Environment
from pg.environments.tables import tables

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
    return as_observed(stepped(copies, horizon), environment)


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


def stepped(copies: Sequence[gymnasium.Env[Any, Any]], horizon: int) -> Environments:
    """Return copies of an environment that are stepped by its equations if these are known, and else one by one."""
    innermost = without_checks(copies[0])
    return (SteppedByMuJoCo if type(innermost) in EQUATIONS else SteppedOneByOne)(copies, horizon)
