"""The environments of `pg` by id, and the controllers by name. To add one, write its function and add a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pg.environments.controllers import Controller, fall, lean, upright
from pg.environments.jacket_folding import jacket_folding
from pg.environments.mdp import MDP
from pg.environments.small_mdps import bandit, chain, corridor, random_mdp


class OwnEnvironment(NamedTuple):
    """A function that returns the tables for a horizon and keyword arguments, and the default horizon."""

    make: Callable[..., MDP]
    horizon: int


OWN: Mapping[str, OwnEnvironment] = MappingProxyType(
    {
        "pg/Bandit-v0": OwnEnvironment(bandit, 1),
        "pg/Chain-v0": OwnEnvironment(chain, 12),
        "pg/Corridor-v0": OwnEnvironment(corridor, 100),
        "pg/JacketFolding-v0": OwnEnvironment(jacket_folding, 4),
        "pg/Random-v0": OwnEnvironment(random_mdp, 8),
    }
)

_CARTPOLES = ("CartPole-v0", "CartPole-v1")

CONTROLLERS: Mapping[str, Controller] = MappingProxyType(
    {
        # Mean returns over 100 trajectories: lean 43 of 500, fall 189 of 500, upright 263 of 1,000.
        "lean": Controller(lean, _CARTPOLES),
        "fall": Controller(fall, _CARTPOLES),
        "upright": Controller(upright, ("InvertedPendulum-v5",)),
    }
)
