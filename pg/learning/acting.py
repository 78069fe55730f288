"""Policies that act: S networks side by side, in plain arithmetic on arrays that nothing is differentiated through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pg.core.trajectories import Spaces
from pg.learning.policies import Policy, StackedPolicy, stack
from pg.parts.networks import ACTIVATIONS, perceptron

_LEAST_WAITING = np.finfo(np.float32).tiny


@dataclass(frozen=True, slots=True)
class StackedActor:
    """S policies of one shape that act together; an `Actor`. It keeps the parameters that they had when it was made.

    Every seed has a matrix product of its own, of N rows whether they are alive or not: what a seed does depends on
    none of its neighbours, to the last bit.

    Attributes
    ----------
    spaces
        What the policies see and choose from.
    activation
        Of the hidden layers.
    weights, biases
        Per layer (S, in, out) and (S, N or 1, out).
    deviation
        (S, 1, A), Gaussian policies only.
    seen
        Mean and deviation of what each seed has seen, (S, 1, O), where policies scale by it.
    """

    spaces: Spaces
    activation: str
    weights: tuple[NDArray[Any], ...]
    biases: tuple[NDArray[Any], ...]
    deviation: NDArray[Any] | None
    seen: tuple[NDArray[Any], NDArray[Any]] | None

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
        """Draw one seed's noise: (steps, N, A), standard Gumbel for discrete actions, standard normal for real ones."""
        if self.spaces.action_count is not None:
            # Minus the logarithm of an exponential variate is a Gumbel variate, and numpy draws it.
            waiting = generator.standard_exponential((steps, trajectories, self.spaces.action_count), dtype=np.float32)
            return -np.log(np.maximum(waiting, _LEAST_WAITING))
        return generator.standard_normal((steps, trajectories, self.spaces.action_size), dtype=np.float32)

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        """Sample an action for each of (S, N) observations by transforming the noise.

        Discrete actions are the largest of logit + Gumbel noise (the Gumbel-max trick), real ones the mean plus
        standard deviation · noise.
        """
        # A policy that is lost acts somehow beside the others; who learns from it or measures it finds that out.
        with np.errstate(over="ignore", invalid="ignore"):
            heads = self._heads(observations.astype(self.biases[0].dtype, copy=False))
            if self.deviation is None:
                return (heads + noise).argmax(-1)
            return heads + self.deviation * noise

    def _heads(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.seen is not None:
            values = (values - self.seen[0]) / self.seen[1]
        affine = [partial(_affine, weight, bias) for weight, bias in zip(self.weights, self.biases, strict=True)]
        return perceptron(affine, ACTIVATIONS[self.activation].of_array, values)


@dataclass(frozen=True, slots=True)
class MostLikely:
    r"""S policies that take the action of the highest density, $\arg\max_a \pi(a \mid s)$; an `Actor`.

    Without noise that is what a policy does: the Gaussian's mean, and of the logits the largest.
    """

    actor: StackedActor

    def noise(self, generator: np.random.Generator, steps: int, trajectories: int) -> NDArray[np.float32]:
        """Return zeros for noise, (steps, N, A), and leave the generator alone."""
        del generator
        spaces = self.actor.spaces
        return np.zeros((steps, trajectories, spaces.action_count or spaces.action_size), dtype=np.float32)

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        """Return the most likely action for each of (S, N) observations."""
        return self.actor.act(observations, noise)

    def select(self, seeds: NDArray[np.bool_]) -> MostLikely:
        """Return the actor of the marked seeds alone."""
        return replace(self, actor=self.actor.select(seeds))


def actor_of(policies: Sequence[Policy], trajectories: int = 1) -> StackedActor:
    """Return the actor of S policies, with their present parameters.

    Parameters
    ----------
    policies
        S of one shape.
    trajectories
        N. For as many the biases are laid out, because arrays of one shape are added faster; the actor is that of any
        number of trajectories where it is 1.
    """
    stacked = stack(policies)
    return StackedActor(
        spaces=stacked.shape.spaces,
        activation=stacked.shape.activation,
        weights=_arrays(stacked.weights),
        biases=_arrays([bias.expand(-1, trajectories, -1) for bias in stacked.biases]),
        deviation=None if stacked.log_std is None else stacked.log_std.exp().numpy(),
        seen=_seen(stacked),
    )


def _affine(weight: NDArray[Any], bias: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    product = values @ weight
    product += bias
    return product


def _seen(stacked: StackedPolicy) -> tuple[NDArray[Any], NDArray[Any]] | None:
    if stacked.scale is None:
        return None
    return stacked.scale.mean.numpy(), stacked.scale.deviation.numpy()


def _arrays(tensors: Sequence[Tensor]) -> tuple[NDArray[Any], ...]:
    return tuple(tensor.contiguous().numpy() for tensor in tensors)
