"""Sample trajectories: S seeds act together in S × N copies of an environment, each with its own policy and generators.

Acting uses NumPy arrays and records no gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pg.core.randomness import generator
from pg.core.trajectories import Actor, Environments, Spaces, Trajectories
from pg.learning.policies import Policy, stack
from pg.parts.activations.base import Activation
from pg.parts.networks import perceptron

_NOISE_STEPS = 32
_LEAST_EXPONENTIAL = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True)
class Generators:
    """The random generators of one seed: for start states and for actions."""

    starts: np.random.Generator
    actions: np.random.Generator

    @classmethod
    def of(cls, seed: int, *purpose: str, prefix: str = "") -> Generators:
        """Return the generators of a seed for a purpose."""
        return cls(*(generator(seed, *purpose, f"{prefix}{draws}") for draws in ("starts", "actions")))

    def state(self) -> list[Mapping[str, Any]]:
        """Return the states of both generators."""
        return [self.starts.bit_generator.state, self.actions.bit_generator.state]

    def load(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Restore what `state` returned."""
        self.starts.bit_generator.state, self.actions.bit_generator.state = state


class _Step(NamedTuple):
    """Arrays of one time step, each with leading axes S and N."""

    observations: NDArray[np.float32]
    states: NDArray[np.int64] | None
    actions: NDArray[Any]
    rewards: NDArray[np.floating[Any]]
    alive: NDArray[np.bool_]


def collect(environments: Environments, actor: Actor, generators: Sequence[Generators]) -> Trajectories:
    """Sample trajectories τ ~ p_θ(τ) until each has terminated or reached the horizon.

    The actor and the generators are those of S seeds. A seed draws nothing after its last trajectory has ended, so that
    its draws do not depend on the other seeds. The result is as long as the longest trajectory.
    """
    observations = environments.reset([seed.starts for seed in generators])
    alive: NDArray[np.bool_] = np.ones(observations.shape[:2], dtype=np.bool_)
    terminated = np.zeros_like(alive)
    present, acting, noise = np.ones(len(generators), dtype=np.bool_), actor, np.empty(0, dtype=np.float32)
    steps: list[_Step] = []
    for step in range(environments.horizon):
        if step % _NOISE_STEPS == 0:
            # Draw noise for several steps at once: most of the time is that of the call, not of the numbers.
            drawing = [seed.actions for seed, is_present in zip(generators, present, strict=True) if is_present]
            noise = np.stack([actor.noise(one, _NOISE_STEPS, alive.shape[1]) for one in drawing], axis=1)
        states = environments.states
        actions = _act(acting, observations, noise[step % _NOISE_STEPS], present)
        transition = environments.step(actions, alive)
        steps.append(_Step(observations, states, actions, transition.rewards, alive))
        terminated |= transition.terminated & alive
        observations = transition.observations
        ended = alive & (transition.terminated | transition.truncated)
        if ended.any():
            alive = alive & ~ended
            still_present: NDArray[np.bool_] = np.any(alive, axis=1)
            if not still_present.any():
                break
            if not np.array_equal(still_present, present):
                acting, noise, present = actor.select(still_present), noise[:, still_present[present]], still_present
    return _trajectories(steps, terminated, observations)


def _act(
    acting: Actor, observations: NDArray[np.float32], noise: NDArray[np.float32], present: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return actions (S, N, ...), zero for seeds that are not present."""
    if len(noise) == len(observations):
        return acting.act(observations, noise)
    present_actions = acting.act(observations[present], noise)
    actions = np.zeros((*observations.shape[:2], *present_actions.shape[2:]), dtype=present_actions.dtype)
    actions[present] = present_actions
    return actions


def _trajectories(steps: Sequence[_Step], terminated: NDArray[np.bool_], after: NDArray[np.float32]) -> Trajectories:
    """Stack recorded steps along the axis T; `after` was observed after the last of them."""
    mask = _along_time([step.alive for step in steps])
    observations = _along_time([step.observations for step in steps])
    actions = _along_time([step.actions for step in steps])
    rewards = _along_time([step.rewards for step in steps])
    states = [step.states for step in steps if step.states is not None]
    ended, lengths, recorded = torch.from_numpy(terminated), mask.sum(-1), len(steps)
    seeds, trajectories = torch.meshgrid(*(torch.arange(size) for size in lengths.shape), indexing="ij")
    following = observations[seeds, trajectories, lengths.clamp(max=recorded - 1)]
    last_observations = following.where((lengths < recorded).unsqueeze(-1), torch.from_numpy(after))
    return Trajectories(
        observations=observations.masked_fill_(~mask.unsqueeze(-1), 0.0),
        actions=actions.masked_fill_(~mask.reshape(*mask.shape, *[1] * (actions.dim() - 3)), 0),
        rewards=rewards.masked_fill_(~mask, 0.0).to(torch.float32),
        mask=mask,
        terminated=ended,
        truncated=~ended,
        states=_along_time(states).masked_fill_(~mask, 0) if states else None,
        last_observations=last_observations,
    )


def _along_time(steps: Sequence[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.stack(steps, axis=2))


@dataclass(frozen=True, slots=True)
class StackedActor:
    """S policies of one shape that act together, with copies of their parameters.

    Each seed has its own matrix product of N rows, also for trajectories that have ended: to the last bit, a seed's
    actions do not depend on the other seeds.

    Weights are (S, in, out) and biases (S, N or 1, out), per layer; a Gaussian policy's deviations are (S, 1, A).
    `seen` has the mean and the deviation by which each seed normalises observations, (S, 1, O). A deterministic actor
    takes the actions of the highest density instead of sampling; its noise is 0.
    """

    spaces: Spaces
    activation: Activation
    weights: tuple[NDArray[Any], ...]
    biases: tuple[NDArray[Any], ...]
    deviation: NDArray[Any] | None
    seen: tuple[NDArray[Any], NDArray[Any]] | None
    is_deterministic: bool = False

    def select(self, seeds: NDArray[np.bool_]) -> StackedActor:
        """Return the actor of the marked seeds alone."""
        return replace(
            self,
            weights=tuple(weight[seeds] for weight in self.weights),
            biases=tuple(bias[seeds] for bias in self.biases),
            deviation=None if self.deviation is None else self.deviation[seeds],
            seen=None if self.seen is None else (self.seen[0][seeds], self.seen[1][seeds]),
        )

    def noise(self, generator: np.random.Generator, steps: int, trajectories: int) -> NDArray[np.float32]:
        """Draw one seed's noise (steps, N, A): standard Gumbel for discrete actions, standard normal for real ones."""
        shape = (steps, trajectories, self.spaces.action_count or self.spaces.action_size)
        if self.is_deterministic:
            return np.zeros(shape, dtype=np.float32)
        if self.spaces.action_count is None:
            return generator.standard_normal(shape, dtype=np.float32)
        # Minus the logarithm of an exponential variate is a Gumbel variate, and numpy draws exponential ones fast.
        exponential = generator.standard_exponential(shape, dtype=np.float32)
        return -np.log(np.maximum(exponential, _LEAST_EXPONENTIAL))

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        """Sample an action for each of (S, N) observations by transforming the noise.

        Discrete actions maximise logit + Gumbel noise (the Gumbel-max trick); real ones are the mean plus the standard
        deviation times the noise.
        """
        # Diverged policies keep acting; their NaNs are detected at the update.
        with np.errstate(over="ignore", invalid="ignore"):
            values = observations.astype(self.biases[0].dtype, copy=False)
            if self.seen is not None:
                values = (values - self.seen[0]) / self.seen[1]
            affine = [partial(_affine, weight, bias) for weight, bias in zip(self.weights, self.biases, strict=True)]
            heads = perceptron(affine, self.activation.of_array, values)
            return (heads + noise).argmax(-1) if self.deviation is None else heads + self.deviation * noise


def actor_of(policies: Sequence[Policy], trajectories: int = 1, is_deterministic: bool = False) -> StackedActor:
    """Return an actor with copies of the parameters of S policies of one shape.

    Biases are repeated for N trajectories, because arrays of equal shape are added faster. With 1 the actor can act in
    any number of trajectories.
    """
    stacked = stack(policies)
    return StackedActor(
        spaces=stacked.shape.spaces,
        activation=stacked.shape.activation,
        weights=tuple(weight.contiguous().numpy() for weight in stacked.weights),
        biases=tuple(bias.expand(-1, trajectories, -1).contiguous().numpy() for bias in stacked.biases),
        deviation=None if stacked.log_std is None else stacked.log_std.exp().numpy(),
        seen=None if stacked.scale is None else (stacked.scale.mean.numpy(), stacked.scale.deviation.numpy()),
        is_deterministic=is_deterministic,
    )


def _affine(weight: NDArray[Any], bias: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    product = values @ weight
    product += bias
    return product
