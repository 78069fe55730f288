"""Find the tables of an environment, and register the environments of `pg` with gymnasium.

Importing this module registers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from pg.environments.mdp import MDP, mdp_from_outcomes
from pg.environments.registry import OWN, OwnEnvironment
from pg.environments.tabular import TabularEnv


def tabular_mdp(id: str, kwargs: Mapping[str, Any], horizon: int) -> MDP | None:
    """Return the tables of an environment, or None if it has none.

    Parameters
    ----------
    id
        An id of `OWN`, or any gymnasium id: gymnasium's own tabular environments expose their transitions as `P`.
    kwargs
        Keyword arguments of the environment.
    horizon
        Number of steps after which a trajectory is truncated.

    Raises
    ------
    gymnasium.error.Error
        If gymnasium does not know the id.
    """
    if id in OWN:
        return OWN[id].make(horizon, **kwargs)
    copy: Any = gymnasium.make(id, disable_env_checker=True, **kwargs).unwrapped
    copy.close()
    table, start = getattr(copy, "P", None), getattr(copy, "initial_state_distrib", None)
    # Taxi's fickle passenger changes the state in a way that P does not contain.
    if table is None or start is None or getattr(copy, "fickle_passenger", False):
        return None
    return mdp_from_outcomes(table, np.asarray(start, dtype=np.float64), horizon)


def register() -> None:
    """Register the environments of `pg` with gymnasium; repeated calls change nothing."""
    for id, own in OWN.items():
        if id not in gymnasium.registry:
            gymnasium.register(id, entry_point=partial(_make_env, own), max_episode_steps=own.horizon)


def _make_env(own: OwnEnvironment, **kwargs: Any) -> TabularEnv:
    return TabularEnv(own.make(own.horizon, **kwargs))


register()
