"""Look up environments and check that policies can act in them, without importing torch."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete, flatdim, flatten_space

from pg.environments.mdp import MDP, count_trajectories
from pg.environments.record import Environment
from pg.environments.rewards import paid_tables
from pg.environments.tables import tabular_mdp

CARTPOLES = ("CartPole-v0", "CartPole-v1")
"""Ids of CartPole, which gymnasium also has in a vectorised version."""

COMPONENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(CARTPOLES, ("position", "velocity", "angle", "angular_velocity")),
        **dict.fromkeys(
            ("InvertedPendulum-v4", "InvertedPendulum-v5"), ("position", "angle", "velocity", "angular_velocity")
        ),
    }
)
"""Names of observation components, by id, where they are known."""

HUMANOIDS = ("Humanoid-v4", "Humanoid-v5")
"""Ids of the MuJoCo humanoids whose gait can be measured."""


class UnsupportedEnvironment(ValueError):
    """The environment does not exist, cannot be made, or has spaces that policies cannot handle."""


def horizon_of(environment: Environment) -> int:
    """Return the declared horizon; if there is none, the environment's step limit.

    Raises
    ------
    UnsupportedEnvironment
        If there is neither, or gymnasium does not know the id.
    """
    if environment.horizon is not None:
        return environment.horizon
    limit = _spec(environment.id).max_episode_steps
    if limit is None:
        raise UnsupportedEnvironment(f"id: {environment.id} has no step limit; declare a horizon")
    return limit


def check(environment: Environment) -> None:
    """Make one copy, to check that the id and its arguments are valid and that policies can act in it.

    Raises
    ------
    UnsupportedEnvironment
        If a check fails; the message begins with the wrong key.
    """
    horizon_of(environment)
    _spec(environment.id)
    try:
        copy = make_copy(environment.id, environment.kwargs, horizon=1)
    except (TypeError, ValueError, AssertionError, gymnasium.error.Error) as error:
        where, what = (
            ("kwargs", "cannot be made with these arguments") if environment.kwargs else ("id", "cannot be made")
        )
        raise UnsupportedEnvironment(f"{where}: {environment.id} {what}: {error}") from error
    except ImportError as error:
        raise UnsupportedEnvironment(f"id: {environment.id} needs a package that is missing: {error}") from error
    copy.close()
    check_spaces(copy, environment.id)
    _check_shaping(environment)
    _check_observations(environment, flatdim(copy.observation_space))


def earned_mdp_of(environment: Environment) -> MDP | None:
    """Return an environment's tables before reward options are applied; None if no tables are known.

    Observations leave out the components that the study hides.

    Raises
    ------
    UnsupportedEnvironment
        If the environment has no step limit and none is declared, or if a hidden component does not exist.
    """
    mdp = tabular_mdp(environment.id, environment.kwargs, horizon_of(environment))
    if mdp is None:
        return None
    return replace(mdp, hidden=hidden_in(environment, mdp.spaces.observation_size))


def mdp_of(environment: Environment) -> MDP | None:
    """Return an environment's tables after reward options are applied; None if no tables are known.

    Raises
    ------
    UnsupportedEnvironment
        As `earned_mdp_of`.
    """
    earned = earned_mdp_of(environment)
    return None if earned is None else paid_tables(environment.rewards, earned)


def trajectories_of(environment: Environment) -> int:
    """Count the trajectories of an environment with tables."""
    mdp = earned_mdp_of(environment)
    assert mdp is not None
    return count_trajectories(mdp)


def hidden_in(environment: Environment, size: int) -> tuple[int, ...]:
    """Return the sorted indices of the hidden components of an observation of the given size.

    Raises
    ------
    UnsupportedEnvironment
        If a component does not exist, or if all components are hidden.
    """
    names, hidden = COMPONENTS.get(environment.id, ()), environment.observations.hide
    for component in hidden:
        if component not in names if isinstance(component, str) else component >= size:
            near = difflib.get_close_matches(str(component), names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            allowed = ", ".join((*names, f"0 to {size - 1}"))
            raise UnsupportedEnvironment(
                f"observations.hide: {component!r} is not a component of {environment.id}{hint}; allowed: {allowed}"
            )
    numbers = {names.index(one) if isinstance(one, str) else one for one in hidden}
    if len(numbers) == size:
        raise UnsupportedEnvironment(
            f"observations.hide: hides all {size} components of {environment.id}; keep at least one"
        )
    return tuple(sorted(numbers))


def make_copy(id: str, kwargs: dict[str, Any], horizon: int) -> gymnasium.Env[Any, Any]:
    """Make one environment with a step limit above the horizon."""
    return gymnasium.make(id, max_episode_steps=horizon + 1, disable_env_checker=True, **kwargs)


def check_spaces(copy: gymnasium.Env[Any, Any], id: str) -> None:
    """Check that observations can be flattened to a vector and that actions are Discrete or Box.

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
        raise UnsupportedEnvironment(
            f"id: {id} has observations {copy.observation_space}, which cannot be flattened to a vector"
        )
    if not isinstance(copy.action_space, Discrete | Box):
        raise UnsupportedEnvironment(f"id: {id} has actions {copy.action_space}; they must be Discrete or Box")


def _check_shaping(environment: Environment) -> None:
    shaping = environment.rewards.shaping
    if shaping is None:
        return
    mdp = earned_mdp_of(environment)
    if mdp is None:
        raise UnsupportedEnvironment(
            f"rewards.shaping: needs one potential per state, and {environment.id} has no table of states"
        )
    if len(shaping) != mdp.states:
        raise UnsupportedEnvironment(
            f"rewards.shaping: {len(shaping)} potentials for the states of {environment.id}; "
            f"allowed: {mdp.states}, one for each"
        )


def _check_observations(environment: Environment, size: int) -> None:
    options = environment.observations
    hidden_in(environment, size)
    if earned_mdp_of(environment) is None:
        return
    if options.stack > 1:
        raise UnsupportedEnvironment(
            f"observations.stack: {environment.id} has tables; exact quantities need policies that see the current "
            f"state alone; allowed: 1, not {options.stack}"
        )
    if options.normalise:
        raise UnsupportedEnvironment(
            f"observations.normalise: states of {environment.id} are one-hot vectors, which need no scaling; "
            "allowed: false"
        )


def _spec(id: str) -> EnvSpec:
    module, _, name = id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
    except ImportError as error:
        raise UnsupportedEnvironment(f"id: {id!r} names a module that cannot be imported: {error}") from error
    try:
        return gymnasium.spec(name)
    except gymnasium.error.Error as error:
        near = difflib.get_close_matches(id, list(gymnasium.registry), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; any gymnasium id, or module:id, is allowed"
        raise UnsupportedEnvironment(f"id: {id!r} is not known to gymnasium{hint}") from error
