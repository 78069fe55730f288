"""Rollouts of a perceptron with discrete actions in compiled environments: one call takes many steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import from_dtype, types
from numpy.typing import NDArray

from pg.core.compiled import PRECISIONS, Compiled, as_argument, compiled, inlined, overwriting
from pg.environments.compiled import OBSERVE, STEP, CompiledEnvironments
from pg.parts.kernels import Network, forward, forward_type


class Recorded(NamedTuple):
    """What a rollout records of N trajectories: arrays with leading axes N and T, or N for lengths and ends.

    `states` are indices of states where the environment has tables, and else empty.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]
    states: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class View:
    """What a policy sees of an environment's observations.

    These are the `kept` components of the latest `depth` observations, oldest first, which are then shifted and scaled
    by `mean` and `deviation`, unless these are empty.
    """

    kept: NDArray[np.int64]
    depth: int
    mean: NDArray[Any]
    deviation: NDArray[Any]


class CompiledRollout:
    """A rollout of N trajectories in progress, from start states that have been drawn."""

    def __init__(self, environments: CompiledEnvironments, view: View, network: Network) -> None:
        copies, horizon, dtype = len(environments.positions), environments.horizon, network.parameters.dtype
        self._view, self._raw = view, np.empty(environments.spaces.observation_size, dtype=np.float32)
        self._window = np.zeros((copies, view.depth, len(view.kept)), dtype=np.float32)
        # Pages of zeros that are never written take no memory: most trajectories end before the horizon.
        self.recorded = Recorded(
            observations=np.zeros((copies, horizon, view.depth * len(view.kept)), dtype=np.float32),
            actions=np.zeros((copies, horizon), dtype=np.int64),
            rewards=np.zeros((copies, horizon), dtype=np.float32),
            lengths=np.zeros(copies, dtype=np.int64),
            terminated=np.zeros(copies, dtype=np.bool_),
            states=np.zeros((copies if environments.dynamics.is_numbered else 0, horizon), dtype=np.int64),
        )
        self._environments, self._network = environments, network
        self._forward = as_argument(forward, forward_type(dtype))
        self._inputs, self._hidden = np.empty((copies, network.sizes[0]), dtype=dtype), network.hidden(copies)
        self._logits = np.empty((copies, network.sizes[-1]), dtype=dtype)
        self._alive, self._step, self._count = np.arange(copies), 0, copies

    def last_observations(self) -> NDArray[np.float32]:
        """Return what the policy would see next in each copy, (N, O)."""
        newest = self._environments.observations()[:, np.newaxis, self._view.kept]
        return np.concatenate([self._window[:, 1:], newest], axis=1).reshape(len(newest), -1)

    def advance(self, noise: NDArray[np.float32]) -> bool:
        """Take a step for each row of noise, (steps, N, A), up to the horizon; return whether any continues."""
        dynamics, network = self._environments.dynamics, self._network
        steps = min(len(noise), self._environments.horizon - self._step)
        self._count = _advance(
            dynamics.step,
            dynamics.observe,
            dynamics.constants,
            self._environments.positions,
            self._raw,
            self._window,
            self._view.kept,
            self._view.mean,
            self._view.deviation,
            network.activate,
            network.parameters,
            network.sizes,
            self._forward,
            self._inputs,
            self._hidden,
            self._logits,
            noise[:steps],
            self._step,
            self._alive,
            self._count,
            *self.recorded,
        )
        self._step += steps
        return self._count > 0 and self._step < self._environments.horizon


def _advance_type(dtype: np.dtype[Any]) -> Any:
    """Return the types of `_advance` for networks of a precision."""
    number, integers, singles = from_dtype(dtype), types.Array(types.int64, 1, "C"), types.float32
    return types.int64(
        types.FunctionType(STEP),
        types.FunctionType(OBSERVE),
        types.Array(types.float64, 1, "C"),
        types.Array(types.float64, 2, "C"),
        types.Array(singles, 1, "C"),
        types.Array(singles, 3, "C"),
        integers,
        types.Array(number, 1, "C"),
        types.Array(number, 1, "C"),
        types.FunctionType(overwriting(dtype)),
        types.Array(number, 1, "C"),
        integers,
        types.FunctionType(forward_type(dtype)),
        types.Array(number, 2, "C"),
        types.Array(number, 1, "C"),
        types.Array(number, 2, "C"),
        types.Array(singles, 3, "C"),
        types.int64,
        integers,
        types.int64,
        types.Array(singles, 3, "C"),
        types.Array(types.int64, 2, "C"),
        types.Array(singles, 2, "C"),
        integers,
        types.Array(types.boolean, 1, "C"),
        types.Array(types.int64, 2, "C"),
    )


@inlined
def _shift_in(
    raw: NDArray[np.float32], kept: NDArray[np.int64], window: NDArray[np.float32], seen: NDArray[np.float32]
) -> None:
    """Add the latest observation to a copy's window, and write what the policy sees."""
    window[:-1] = window[1:]
    for place in range(len(kept)):
        window[-1, place] = raw[kept[place]]
    seen[:] = window.reshape(window.size)


@inlined
def _sampled(logits: NDArray[Any], noise: NDArray[np.float32]) -> int:
    """Return the action of the highest sum of logit and noise."""
    action, highest = 0, logits[0] + noise[0]
    for other in range(1, len(noise)):
        score = logits[other] + noise[other]
        if score > highest:
            action, highest = other, score
    return action


@compiled(*map(_advance_type, PRECISIONS))
def _advance(
    step: Compiled,
    observe: Compiled,
    constants: NDArray[np.float64],
    positions: NDArray[np.float64],
    raw: NDArray[np.float32],
    window: NDArray[np.float32],
    kept: NDArray[np.int64],
    mean: NDArray[Any],
    deviation: NDArray[Any],
    activate: Compiled,
    parameters: NDArray[Any],
    sizes: NDArray[np.int64],
    forward: Compiled,
    inputs: NDArray[Any],
    hidden: NDArray[Any],
    logits: NDArray[Any],
    noise: NDArray[np.float32],
    first: int,
    alive: NDArray[np.int64],
    count: int,
    observations: NDArray[np.float32],
    actions: NDArray[np.int64],
    rewards: NDArray[np.float32],
    lengths: NDArray[np.int64],
    terminated: NDArray[np.bool_],
    states: NDArray[np.int64],
) -> int:
    """Step the copies `alive[:count]`, move those that continue to the front of `alive`, and return their number."""
    for now in range(len(noise)):
        time = first + now
        for row in range(count):
            seen = observations[alive[row], time]
            observe(positions[alive[row]], raw)
            _shift_in(raw, kept, window[alive[row]], seen)
            for component in range(sizes[0]):
                inputs[row, component] = seen[component]
                if len(mean):
                    inputs[row, component] = (inputs[row, component] - mean[component]) / deviation[component]
        forward(activate, parameters, sizes, inputs[:count], hidden, logits[:count])
        left = 0
        for row in range(count):
            copy = alive[row]
            action = _sampled(logits[row], noise[now, copy])
            if len(states):
                states[copy, time] = int(positions[copy, 0])
            reward, ends = step(positions[copy], action, constants)
            actions[copy, time], rewards[copy, time], lengths[copy] = action, reward, time + 1
            terminated[copy] = ends
            if not ends:
                alive[left] = copy
                left += 1
        count = left
        if count == 0:
            break
    return count
