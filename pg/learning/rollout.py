"""Collect one batch: N trajectories of each of S seeds, all stepped together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pg.core.trajectories import Actor, Environments, Trajectories, Transition

_NOISE_STEPS = 32


@dataclass(frozen=True, slots=True)
class Generators:
    """One seed's own sources of randomness."""

    starts: np.random.Generator
    actions: np.random.Generator


def collect(environments: Environments, actor: Actor, generators: Sequence[Generators]) -> Trajectories:
    """Sample trajectories τ ~ p_θ(τ) until each has terminated or reached the horizon.

    What a seed draws depends on its own trajectories alone: a seed that is through leaves the stack and draws
    nothing more.

    Parameters
    ----------
    environments
        S × N copies.
    actor
        The S policies.
    generators
        Of the S seeds.

    Returns
    -------
    Trajectories
        As long as the longest trajectory.
    """
    observations = environments.reset([seed.starts for seed in generators])
    alive = np.ones(observations.shape[:2], dtype=np.bool_)
    recorder = _Recorder()
    acting = _Acting(actor, generators, observations.shape[1])
    for step in range(environments.horizon):
        states, actions = environments.states, acting.act(step, observations)
        transition = environments.step(actions, alive)
        recorder.add(observations, states, actions, transition, alive)
        observations = transition.observations
        ended = alive & (transition.terminated | transition.truncated)
        if ended.any():
            alive = alive & ~ended
            if not alive.any():
                break
            acting.go_on_with(alive)
    return recorder.trajectories()


class _Acting:
    """Acts for the seeds that have a trajectory alive, with noise drawn a few steps ahead."""

    def __init__(self, actor: Actor, generators: Sequence[Generators], trajectories: int) -> None:
        self._everyone = actor
        self._actor = actor
        self._generators = generators
        self._trajectories = trajectories
        self._present = np.ones(len(generators), dtype=np.bool_)
        self._noise: NDArray[np.float32] | None = None

    def go_on_with(self, alive: NDArray[np.bool_]) -> None:
        """Let the seeds that have no trajectory left leave the stack."""
        present: NDArray[np.bool_] = np.any(alive, axis=1)
        if np.array_equal(present, self._present):
            return
        self._actor = self._everyone.select(present)
        if self._noise is not None:
            self._noise = self._noise[:, present[self._present]]
        self._present = present

    def act(self, step: int, observations: NDArray[np.float32]) -> NDArray[Any]:
        if step % _NOISE_STEPS == 0:
            self._noise = self._draw()
        assert self._noise is not None
        noise = self._noise[step % _NOISE_STEPS]
        if len(noise) == len(observations):
            return self._actor.act(observations, noise)
        some = self._actor.act(observations[self._present], noise)
        actions = np.zeros((*observations.shape[:2], *some.shape[2:]), dtype=some.dtype)
        actions[self._present] = some
        return actions

    def _draw(self) -> NDArray[np.float32]:
        return np.stack(
            [
                self._everyone.noise(seed.actions, _NOISE_STEPS, self._trajectories)
                for seed, present in zip(self._generators, self._present, strict=True)
                if present
            ],
            axis=1,
        )


class _Recorder:
    """Keeps what each step saw and did, and lays it out as trajectories."""

    def __init__(self) -> None:
        self._observations: list[NDArray[np.float32]] = []
        self._states: list[NDArray[np.int64]] = []
        self._actions: list[NDArray[Any]] = []
        self._rewards: list[NDArray[np.floating[Any]]] = []
        self._alive: list[NDArray[np.bool_]] = []
        self._terminated: NDArray[np.bool_] | None = None
        self._next: NDArray[np.float32] | None = None

    def add(
        self,
        observations: NDArray[np.float32],
        states: NDArray[np.int64] | None,
        actions: NDArray[Any],
        transition: Transition,
        alive: NDArray[np.bool_],
    ) -> None:
        self._observations.append(observations)
        if states is not None:
            self._states.append(states)
        self._actions.append(actions)
        self._rewards.append(transition.rewards)
        self._alive.append(alive)
        terminated = transition.terminated & alive
        self._terminated = terminated if self._terminated is None else self._terminated | terminated
        self._next = transition.observations

    def trajectories(self) -> Trajectories:
        mask = _time_third(self._alive)
        assert self._terminated is not None, "every trajectory has a step"
        terminated = torch.from_numpy(self._terminated)
        actions, observations = _time_third(self._actions), _time_third(self._observations)
        last_observations = self._observed_after(observations, mask)
        return Trajectories(
            observations=observations.masked_fill_(~mask.unsqueeze(-1), 0.0),
            actions=actions.masked_fill_(~mask.reshape(*mask.shape, *[1] * (actions.dim() - 3)), 0),
            rewards=_time_third(self._rewards).masked_fill_(~mask, 0.0).to(torch.float32),
            mask=mask,
            terminated=terminated,
            truncated=~terminated,
            states=_time_third(self._states).masked_fill_(~mask, 0) if self._states else None,
            last_observations=last_observations,
        )

    def _observed_after(self, observations: Tensor, mask: Tensor) -> Tensor:
        """Pick what each trajectory's last step led to, which was recorded unless the recording ended with it."""
        assert self._next is not None, "every trajectory has a step"
        lengths, recorded = mask.sum(-1), mask.shape[-1]
        seeds, trajectories = torch.meshgrid(*(torch.arange(size) for size in lengths.shape), indexing="ij")
        behind = observations[seeds, trajectories, lengths.clamp(max=recorded - 1)]
        return behind.where((lengths < recorded).unsqueeze(-1), torch.from_numpy(self._next))


def _time_third(steps: Sequence[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.stack(steps, axis=2))
