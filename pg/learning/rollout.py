"""Sample trajectories: a policy acts in N copies of an environment together.

Acting uses NumPy arrays and records no gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pg.core.randomness import generator
from pg.core.trajectories import Actor, Environments, Spaces, Trajectories
from pg.environments.compiled import CompiledEnvironments
from pg.environments.copies import Observed
from pg.learning.compiled_rollout import CompiledRollout, View
from pg.learning.policies import Policy
from pg.parts.kernels import Network

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
    """Arrays of one time step, each with a leading axis N."""

    observations: NDArray[np.float32]
    states: NDArray[np.int64] | None
    actions: NDArray[Any]
    rewards: NDArray[np.floating[Any]]
    alive: NDArray[np.bool_]


def collect(environments: Environments, actor: Actor, generators: Generators) -> Trajectories:
    """Sample trajectories τ ~ p_θ(τ), S = 1, until each has terminated or reached the horizon.

    The result is as long as the longest trajectory. With compiled dynamics, a policy takes many steps per call.
    """
    stepped = environments.environments if isinstance(environments, Observed) else environments
    if isinstance(stepped, CompiledEnvironments) and isinstance(actor, PolicyActor):
        return _in_calls_of_many_steps(stepped, _view(environments, actor), actor, generators)
    observations = environments.reset(generators.starts)
    alive: NDArray[np.bool_] = np.ones(len(observations), dtype=np.bool_)
    terminated, noise = np.zeros_like(alive), np.empty(0, dtype=np.float32)
    steps: list[_Step] = []
    for step in range(environments.horizon):
        if step % _NOISE_STEPS == 0:
            # Draw noise for several steps at once: calls take longer than the numbers.
            noise = actor.noise(generators.actions, _NOISE_STEPS, len(alive))
        states = environments.states
        actions = actor.act(observations, noise[step % _NOISE_STEPS])
        transition = environments.step(actions, alive)
        steps.append(_Step(observations, states, actions, transition.rewards, alive))
        terminated |= transition.terminated & alive
        observations = transition.observations
        alive = alive & ~(transition.terminated | transition.truncated)
        if not alive.any():
            break
    return _trajectories(steps, terminated, observations)


def _view(environments: Environments, actor: PolicyActor) -> View:
    """Return what the actor's policy sees of the observations of compiled environments."""
    none = np.empty(0, dtype=actor.network.parameters.dtype)
    mean, deviation = (none, none) if actor.seen is None else actor.seen
    if isinstance(environments, Observed):
        return View(environments.kept, environments.depth, mean, deviation)
    return View(np.arange(environments.spaces.observation_size), 1, mean, deviation)


def _in_calls_of_many_steps(
    environments: CompiledEnvironments, view: View, actor: PolicyActor, generators: Generators
) -> Trajectories:
    environments.reset(generators.starts)
    rollout = CompiledRollout(environments, view, actor.network)
    copies = len(environments.positions)
    while rollout.advance(actor.noise(generators.actions, _NOISE_STEPS, copies)):
        pass
    recorded = rollout.recorded
    longest = int(recorded.lengths.max())
    terminated = torch.from_numpy(recorded.terminated).unsqueeze(0)
    return Trajectories(
        observations=torch.from_numpy(recorded.observations[np.newaxis, :, :longest]),
        actions=torch.from_numpy(recorded.actions[np.newaxis, :, :longest]),
        rewards=torch.from_numpy(recorded.rewards[np.newaxis, :, :longest]),
        mask=torch.from_numpy(np.arange(longest) < recorded.lengths[np.newaxis, :, np.newaxis]),
        terminated=terminated,
        truncated=~terminated,
        states=torch.from_numpy(recorded.states[np.newaxis, :, :longest]) if len(recorded.states) else None,
        last_observations=torch.from_numpy(rollout.last_observations()).unsqueeze(0),
    )


def _trajectories(steps: Sequence[_Step], terminated: NDArray[np.bool_], after: NDArray[np.float32]) -> Trajectories:
    """Stack recorded steps along the axis T; `after` was observed after the last of them."""
    mask = _along_time([step.alive for step in steps])
    observations = _along_time([step.observations for step in steps])
    actions = _along_time([step.actions for step in steps])
    rewards = _along_time([step.rewards for step in steps])
    states = [step.states for step in steps if step.states is not None]
    ended, lengths, recorded = torch.from_numpy(terminated).unsqueeze(0), mask.sum(-1), len(steps)
    following = observations[0, torch.arange(len(terminated)), lengths[0].clamp(max=recorded - 1)]
    last_observations = following.where((lengths[0] < recorded).unsqueeze(-1), torch.from_numpy(after))
    return Trajectories(
        observations=observations.masked_fill_(~mask.unsqueeze(-1), 0.0),
        actions=actions.masked_fill_(~mask.reshape(*mask.shape, *[1] * (actions.dim() - 3)), 0),
        rewards=rewards.masked_fill_(~mask, 0.0).to(torch.float32),
        mask=mask,
        terminated=ended,
        truncated=~ended,
        states=_along_time(states).masked_fill_(~mask, 0) if states else None,
        last_observations=last_observations.unsqueeze(0),
    )


def _along_time(steps: Sequence[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.stack(steps, axis=1)).unsqueeze(0)


@dataclass(frozen=True, slots=True)
class PolicyActor:
    """A policy that acts, with copies of its parameters.

    A Gaussian policy's deviations are (A,). `seen` has the mean and the deviation by which it normalises observations,
    (O,). A deterministic actor takes the actions of the highest density instead of sampling; its noise is 0.
    """

    spaces: Spaces
    network: Network
    deviation: NDArray[Any] | None
    seen: tuple[NDArray[Any], NDArray[Any]] | None
    is_deterministic: bool = False

    def noise(self, generator: np.random.Generator, steps: int, trajectories: int) -> NDArray[np.float32]:
        """Draw noise (steps, N, A): standard Gumbel for discrete actions, standard normal for real ones."""
        shape = (steps, trajectories, self.spaces.outputs)
        if self.is_deterministic:
            return np.zeros(shape, dtype=np.float32)
        if self.spaces.action_count is None:
            return generator.standard_normal(shape, dtype=np.float32)
        # Minus the logarithm of an exponential variate is a Gumbel variate, and numpy draws exponential variates fast.
        exponential = generator.standard_exponential(shape, dtype=np.float32)
        return -np.log(np.maximum(exponential, _LEAST_EXPONENTIAL))

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        """Sample an action for each of N observations by transforming the noise.

        Discrete actions maximise logit + Gumbel noise (the Gumbel-max trick), in each component; real ones are the mean
        plus the standard deviation times the noise.
        """
        # Diverged policies keep acting; their NaNs are detected at the update.
        with np.errstate(over="ignore", invalid="ignore"):
            heads = self.heads(observations)
            if self.deviation is not None:
                return heads + self.deviation * noise
            scores, count = heads + noise, self.spaces.action_count
            if not isinstance(count, tuple):
                return scores.argmax(-1)
            components = np.split(scores, np.cumsum(count[:-1]), axis=-1)
            return np.stack([values.argmax(-1) for values in components], axis=-1)

    def heads(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Return the network's output for each observation, (N, A): logits, or the mean of the Gaussian."""
        values = observations.astype(self.network.parameters.dtype, copy=False)
        if self.seen is not None:
            values = (values - self.seen[0]) / self.seen[1]
        return self.network.forward(values, self.network.hidden(len(values)))


@torch.no_grad()
def actor_of(policy: Policy, is_deterministic: bool = False) -> PolicyActor:
    """Return an actor with copies of a policy's parameters."""
    scale = policy.scale
    return PolicyActor(
        spaces=policy.shape.spaces,
        network=Network.of(_copied(policy.network), policy.shape.sizes, policy.shape.activation),
        deviation=None if policy.shape.is_discrete else _copied(policy.log_std.exp()),
        seen=None if scale is None else (_copied(scale.mean), _copied(scale.deviation)),
        is_deterministic=is_deterministic,
    )


def _copied(tensor: Tensor) -> NDArray[Any]:
    return tensor.cpu().numpy().copy()
