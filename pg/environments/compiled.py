"""Environments with compiled dynamics, in which a rollout takes many steps per call.

A compiled environment has states of real components and discrete actions. Its dynamics are two functions of one copy's
state:

- ``step(state, action, constants)`` changes the state in place and returns the reward and whether the episode ends;
- ``observe(state, observation)`` writes the observation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from pg.core.compiled import Compiled, compiled
from pg.core.trajectories import Spaces, Transition

_STATE = types.Array(types.float64, 1, "C")
_OBSERVATION = types.Array(types.float32, 1, "C")
STEP = types.Tuple((types.float64, types.boolean))(_STATE, types.int64, _STATE)
"""Types of `step`."""

OBSERVE = types.void(_STATE, _OBSERVATION)
"""Types of `observe`."""


@dataclass(frozen=True, slots=True)
class Dynamics:
    """The compiled dynamics of an environment.

    `start` draws N states, (N, components). If `is_numbered`, the first component is the index of a state in tables.
    """

    spaces: Spaces
    step: Compiled
    observe: Compiled
    constants: NDArray[np.float64]
    start: Callable[[np.random.Generator, int], NDArray[np.float64]]
    is_numbered: bool = False


class CompiledEnvironments:
    """N copies of an environment with compiled dynamics.

    `positions` are the states of the copies, (N, components), from the first reset on: compiled functions do not check
    indices. Rollouts change them in place.
    """

    positions: NDArray[np.float64]

    def __init__(self, dynamics: Dynamics, horizon: int, trajectories: int) -> None:
        self.dynamics, self.horizon, self.spaces = dynamics, horizon, dynamics.spaces
        self._trajectories = trajectories

    @property
    def states(self) -> NDArray[np.int64] | None:
        """Indices of the current states, (N,), where the environment has tables."""
        return self.positions[:, 0].astype(np.int64) if self.dynamics.is_numbered else None

    def reset(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw N start states; return observations (N, O)."""
        self.positions = self.dynamics.start(generator, self._trajectories)
        return self.observations()

    def observations(self) -> NDArray[np.float32]:
        """Return the observation of each copy, (N, O)."""
        seen = np.empty((len(self.positions), self.spaces.observation_size), dtype=np.float32)
        _observe_all(self.dynamics.observe, self.positions, seen)
        return seen

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Take one step where `alive` (N,) is true."""
        rewards, terminated = np.zeros(len(alive)), np.zeros(len(alive), dtype=np.bool_)
        _step_all(
            self.dynamics.step,
            self.positions,
            actions.astype(np.int64),
            alive,
            self.dynamics.constants,
            rewards,
            terminated,
        )
        return Transition(self.observations(), rewards, terminated, np.zeros_like(terminated))


_STATES, _FLAGS = types.Array(types.float64, 2, "C"), types.Array(types.boolean, 1, "C")


@compiled(types.void(types.FunctionType(OBSERVE), _STATES, types.Array(types.float32, 2, "C")))
def _observe_all(observe: Compiled, positions: NDArray[np.float64], seen: NDArray[np.float32]) -> None:
    for copy in range(len(positions)):
        observe(positions[copy], seen[copy])


@compiled(
    types.void(types.FunctionType(STEP), _STATES, types.Array(types.int64, 1, "C"), _FLAGS, _STATE, _STATE, _FLAGS)
)
def _step_all(
    step: Compiled,
    positions: NDArray[np.float64],
    actions: NDArray[np.int64],
    alive: NDArray[np.bool_],
    constants: NDArray[np.float64],
    rewards: NDArray[np.float64],
    terminated: NDArray[np.bool_],
) -> None:
    for copy in range(len(positions)):
        if alive[copy]:
            rewards[copy], terminated[copy] = step(positions[copy], actions[copy], constants)
