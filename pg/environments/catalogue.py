"""Look up environments and their tables, and check that policies can act in them, without importing torch.

Importing this module registers the environments of `pg` with gymnasium.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, flatdim, flatten_space

from pg.core.foreign import ForeignError, foreign, import_named
from pg.core.suggestions import hint
from pg.core.trajectories import Spaces
from pg.environments.mdp import MDP, count_trajectories, mdp_from_outcomes
from pg.environments.record import Environment
from pg.environments.registry import OWN
from pg.environments.rewards import paid_tables
from pg.environments.tabular import TabularEnv

CARTPOLES = ("CartPole-v0", "CartPole-v1")
"""Ids of CartPole."""

_ANGLE_LAST = ("position", "velocity", "angle", "angular_velocity")
_VELOCITIES_LAST = ("position", "angle", "velocity", "angular_velocity")
COMPONENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CartPole-v0": _ANGLE_LAST,
        "CartPole-v1": _ANGLE_LAST,
        "InvertedPendulum-v4": _VELOCITIES_LAST,
        "InvertedPendulum-v5": _VELOCITIES_LAST,
    }
)
"""Names of observation components, by id, where they are known."""

# Arguments of environments of `pg` that make their tables larger.
_SIZES, _LARGEST_SIZE = ("length", "states", "actions"), 1_000

for _id, _own in OWN.items():
    gymnasium.register(
        _id,
        entry_point=lambda own=_own, **kwargs: TabularEnv(own.make(own.horizon, **kwargs)),
        max_episode_steps=_own.horizon,
    )


class UnsupportedEnvironment(ValueError):
    """The environment does not exist, cannot be made, or has spaces that policies cannot handle."""


def horizon_of(environment: Environment) -> int:
    """Return the declared horizon; if there is none, the environment's step limit.

    An environment with neither, or with an id that gymnasium does not know, raises an UnsupportedEnvironment.
    """
    horizon = environment.horizon or _spec(environment.id).max_episode_steps
    if horizon is None:
        raise UnsupportedEnvironment(f"id: {environment.id} has no step limit; declare a horizon")
    return horizon


def check(environment: Environment) -> None:
    """Make one copy, to check that the id and its arguments are valid and that policies can act in it.

    A failed check raises an UnsupportedEnvironment, with a message that begins with the wrong key.
    """
    id, seen, potentials = environment.id, environment.observations, environment.rewards.shaping
    horizon = horizon_of(environment)
    _spec(id)
    if "render_mode" in environment.kwargs:
        raise UnsupportedEnvironment("kwargs: render_mode: no job renders; leave it out")
    for key in _SIZES if id in OWN else ():
        if isinstance(size := environment.kwargs.get(key), int) and size > _LARGEST_SIZE:
            raise UnsupportedEnvironment(f"kwargs: {key}: {size:,} is too large for tables; allowed: {_LARGEST_SIZE:,}")
    try:
        with foreign(f"environment {id}"):
            copy = make_copy(id, environment.kwargs, horizon=1)
            # Some arguments fail here only.
            copy.reset(seed=0)
            copy.step(copy.action_space.sample())
            copy.close()
            earned = tabular_mdp(id, environment.kwargs, horizon)
    except ForeignError as error:
        if isinstance(error.__cause__, ImportError):
            raise UnsupportedEnvironment(f"id: {id} needs a package that is missing: {error}") from error
        with_arguments = " with these arguments" if environment.kwargs else ""
        where = "kwargs" if environment.kwargs else "id"
        raise UnsupportedEnvironment(f"{where}: {id} cannot be made{with_arguments}: {error}") from error
    check_spaces(copy, id)
    hidden_in(environment, flatdim(copy.observation_space))
    if potentials is not None and earned is None:
        raise UnsupportedEnvironment(f"rewards.shaping: needs one potential per state, and {id} has no table of states")
    if potentials is not None and earned is not None and len(potentials) != earned.states:
        raise UnsupportedEnvironment(
            f"rewards.shaping: {len(potentials)} potentials for the states of {id}; allowed: {earned.states}, one for "
            "each"
        )
    if earned is not None and seen.stack > 1:
        raise UnsupportedEnvironment(
            f"observations.stack: {id} has tables; exact quantities need policies that see the current state alone; "
            f"allowed: 1, not {seen.stack}"
        )
    if earned is not None and seen.normalise:
        raise UnsupportedEnvironment(
            f"observations.normalise: states of {id} are one-hot vectors, which need no scaling; allowed: false"
        )


def tabular_mdp(id: str, kwargs: Mapping[str, Any], horizon: int) -> MDP | None:
    """Return the tables of an environment for a horizon, or None if it has none.

    Gymnasium's own tabular environments expose their transitions as `P`.
    """
    if id in OWN:
        return OWN[id].make(horizon, **kwargs)
    copy: Any = _made(id, **kwargs).unwrapped
    copy.close()
    table, start = getattr(copy, "P", None), getattr(copy, "initial_state_distrib", None)
    # Taxi's fickle passenger changes the state in a way that P does not contain.
    if table is None or start is None or getattr(copy, "fickle_passenger", False):
        return None
    return mdp_from_outcomes(table, np.asarray(start, dtype=np.float64), horizon)


def earned_mdp_of(environment: Environment) -> MDP | None:
    """Return an environment's tables before reward options are applied; None if no tables are known.

    Observations leave out the components that the study hides. An environment without a step limit, or a hidden
    component that does not exist, raises an UnsupportedEnvironment.
    """
    mdp = tabular_mdp(environment.id, environment.kwargs, horizon_of(environment))
    return None if mdp is None else replace(mdp, hidden=hidden_in(environment, mdp.spaces.observation_size))


def mdp_of(environment: Environment) -> MDP | None:
    """Return an environment's tables after reward options are applied; None if no tables are known."""
    earned = earned_mdp_of(environment)
    return None if earned is None else paid_tables(environment.rewards, earned)


def trajectories_of(environment: Environment) -> int:
    """Count the trajectories of an environment with tables."""
    mdp = earned_mdp_of(environment)
    assert mdp is not None
    return count_trajectories(mdp)


def hidden_in(environment: Environment, size: int) -> tuple[int, ...]:
    """Return the sorted indices of the hidden components of an observation of the given size.

    A component that does not exist raises an UnsupportedEnvironment, and so does hiding all components.
    """
    id, names, hidden = environment.id, COMPONENTS.get(environment.id, ()), environment.observations.hide
    for component in hidden:
        if component not in names if isinstance(component, str) else component >= size:
            allowed = f"{hint(str(component), names)}; allowed: {', '.join((*names, f'0 to {size - 1}'))}"
            raise UnsupportedEnvironment(f"observations.hide: {component!r} is not a component of {id}{allowed}")
    numbers = {names.index(one) if isinstance(one, str) else one for one in hidden}
    if len(numbers) == size:
        raise UnsupportedEnvironment(f"observations.hide: hides all {size} components of {id}; keep at least one")
    return tuple(sorted(numbers))


def outputs_of(environment: Environment) -> int:
    """Return the number of outputs of a policy's network."""
    copy = make_copy(environment.id, environment.kwargs, horizon=1)
    copy.close()
    return spaces_of(copy).outputs


def spaces_of(copy: gymnasium.Env[Any, Any]) -> Spaces:
    """Return the sizes of the spaces of an environment that `check_spaces` accepts."""
    size, actions = flatdim(copy.observation_space), copy.action_space
    if isinstance(actions, Discrete):
        return Spaces(size, int(actions.n))
    if isinstance(actions, MultiDiscrete):
        return Spaces(size, tuple(actions.nvec.ravel().tolist()))
    if isinstance(actions, MultiBinary):
        return Spaces(size, (2,) * flatdim(actions))
    return Spaces(size, None, flatdim(actions))


def make_copy(id: str, kwargs: dict[str, Any], horizon: int) -> gymnasium.Env[Any, Any]:
    """Make one environment with a step limit above the horizon."""
    return _made(id, max_episode_steps=horizon + 1, **kwargs)


def _made(id: str, **options: Any) -> gymnasium.Env[Any, Any]:
    with _unwarned() if str(_spec(id).entry_point).startswith("gymnasium.envs.mujoco") else nullcontext():
        return gymnasium.make(id, disable_env_checker=True, **options)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Ignore what MuJoCo warns of in gymnasium's models; it would print that for every copy, and write it to a file."""
    mujoco: Any = import_module("mujoco")  # Its functions have no types, and other environments do not need it.
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda _text: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


def check_spaces(copy: gymnasium.Env[Any, Any], id: str) -> None:
    """Raise an UnsupportedEnvironment unless observations flatten to a vector and policies have such actions."""
    try:
        observations_fit = isinstance(flatten_space(copy.observation_space), Box)
    except NotImplementedError:
        observations_fit = False
    if not observations_fit:
        what = f"has observations {copy.observation_space}, which cannot be flattened to a vector"
        raise UnsupportedEnvironment(f"id: {id} {what}")
    if not isinstance(copy.action_space, Discrete | MultiDiscrete | MultiBinary | Box):
        allowed = "Discrete, MultiDiscrete, MultiBinary or Box"
        raise UnsupportedEnvironment(f"id: {id} has actions {copy.action_space}; they must be {allowed}")


def _spec(id: str) -> EnvSpec:
    module, _, name = id.rpartition(":")
    try:
        if module:
            import_named(module)
    except ForeignError as error:
        raise UnsupportedEnvironment(f"id: cannot import {module!r}: {error}") from error
    try:
        with foreign(f"environment {id}"):
            return gymnasium.spec(name)
    except ForeignError as error:
        near = hint(name, gymnasium.registry, id.removesuffix(name)) or "; any gymnasium id, or module:id, is allowed"
        raise UnsupportedEnvironment(f"id: {id!r} is not known to gymnasium{near}") from error
