"""Which environments there are and whether policies can act in them; asked before any job starts, without torch."""

from __future__ import annotations

import difflib
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete, flatten_space

from pg.environments.tabular import MDP, count_trajectories, tabular_mdp
from pg.study.model import Environment

HUMANOIDS = ("Humanoid-v4", "Humanoid-v5")
"""Ids of the MuJoCo humanoids whose gait can be watched."""


class UnsupportedEnvironment(ValueError):
    """An environment that cannot be had or that policies here cannot act in, with the reason."""


def is_cartpole(environment: Environment) -> bool:
    """Tell whether gymnasium itself steps many copies of the environment at once."""
    return environment.id in ("CartPole-v0", "CartPole-v1")


def horizon_of(environment: Environment) -> int:
    """Return the declared horizon, or else the environment's own step limit.

    Raises
    ------
    UnsupportedEnvironment
        If there is neither, or gymnasium does not know the id.
    """
    if environment.horizon is not None:
        return environment.horizon
    limit = _spec(environment.id).max_episode_steps
    if limit is None:
        raise UnsupportedEnvironment(f"id: {environment.id} has no step limit of its own: declare a horizon")
    return limit


def check(environment: Environment) -> None:
    """Make one copy, to see that the id exists, its arguments fit, and policies can act in it.

    Raises
    ------
    UnsupportedEnvironment
        If not; the message begins with the key that is wrong.
    """
    horizon_of(environment)
    _spec(environment.id)
    try:
        copy = make_copy(environment.id, environment.kwargs, horizon=1)
    except (TypeError, ValueError, AssertionError, gymnasium.error.Error) as error:
        raise UnsupportedEnvironment(f"kwargs: {environment.id} cannot be made with them: {error}") from error
    except ImportError as error:
        raise UnsupportedEnvironment(f"id: {environment.id} needs a package that is missing: {error}") from error
    check_spaces(copy, environment.id)
    copy.close()


def mdp_of(environment: Environment) -> MDP | None:
    """Return an environment's tables where they are known: ours, or gymnasium's where the environment exposes them.

    Raises
    ------
    UnsupportedEnvironment
        If the environment has no step limit and none is declared.
    """
    return tabular_mdp(environment.id, environment.kwargs, horizon_of(environment))


def trajectories_of(environment: Environment) -> int:
    """Count the trajectories of an environment with tables."""
    mdp = mdp_of(environment)
    assert mdp is not None
    return count_trajectories(mdp)


def make_copy(id: str, kwargs: dict[str, Any], horizon: int) -> gymnasium.Env[Any, Any]:
    """Make one environment, its own step limit moved out of the horizon's way."""
    return gymnasium.make(id, max_episode_steps=horizon + 1, disable_env_checker=True, **kwargs)


def check_spaces(copy: gymnasium.Env[Any, Any], id: str) -> None:
    """Check that observations can be made a vector and that actions are discrete or real.

    Raises
    ------
    UnsupportedEnvironment
        If not.
    """
    try:
        observations_fit = isinstance(flatten_space(copy.observation_space), Box)
    except NotImplementedError:
        observations_fit = False
    if not observations_fit:
        raise UnsupportedEnvironment(f"id: {id} has observations {copy.observation_space}, which make no vector")
    if not isinstance(copy.action_space, Discrete | Box):
        raise UnsupportedEnvironment(f"id: {id} has actions {copy.action_space}; they must be Discrete or Box")


def _spec(id: str) -> EnvSpec:
    try:
        return gymnasium.spec(id)
    except (gymnasium.error.Error, ImportError) as error:
        near = difflib.get_close_matches(id, list(gymnasium.registry), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; any gymnasium id, or module:id, is allowed"
        raise UnsupportedEnvironment(f"id: {id!r} is not known to gymnasium{hint}") from error
