"""The environments of `pg` by their ids, and the tables that belong to an id, gymnasium's own included.

Importing this module makes the environments of `pg` known to gymnasium (`register`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from pg.environments.jacket_folding import jacket_folding
from pg.environments.mdp import MDP, mdp_from_outcomes
from pg.environments.small_mdps import bandit, chain, corridor, random_mdp
from pg.environments.tabular import TabularEnv


@dataclass(frozen=True, slots=True)
class _Entry:
    """How one of the environments of `pg` is made, and its horizon where none is declared."""

    make: Callable[..., MDP]
    horizon: int


OWN: Mapping[str, _Entry] = {
    "pg/Bandit-v0": _Entry(bandit, 1),
    "pg/Chain-v0": _Entry(chain, 12),
    "pg/Corridor-v0": _Entry(corridor, 100),
    "pg/JacketFolding-v0": _Entry(jacket_folding, 4),
    "pg/Random-v0": _Entry(random_mdp, 8),
}


def tabular_mdp(id: str, kwargs: Mapping[str, Any], horizon: int) -> MDP | None:
    """Return the tables of an environment, or None where none are known.

    Parameters
    ----------
    id
        One of `OWN`, or a gymnasium id.
    kwargs
        Keyword arguments of the environment.
    horizon
        Steps after which a trajectory is cut off.

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
    # Taxi's fickle passenger changes states beside the table.
    if table is None or start is None or getattr(copy, "fickle_passenger", False):
        return None
    return mdp_from_outcomes(table, np.asarray(start, dtype=np.float64), horizon)


def register() -> None:
    """Make the environments of `pg` known to gymnasium; doing so again changes nothing."""
    for id, entry in OWN.items():
        if id not in gymnasium.registry:
            gymnasium.register(id, entry_point=partial(_make_env, entry), max_episode_steps=entry.horizon)


def _make_env(entry: _Entry, **kwargs: Any) -> TabularEnv:
    return TabularEnv(entry.make(entry.horizon, **kwargs))


register()
