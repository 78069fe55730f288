"""Policies: a multilayer perceptron with a categorical or a Gaussian head, alone or stacked over seeds.

A learner's policy is a plain torch module. For probing, policies are stacked: the same network with a leading S axis on
every tensor, one batched matrix product per layer. Actors keep arrays instead
(`pg.learning.acting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Distribution

from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces
from pg.learning.distributions import distribution_of
from pg.learning.scaling import RunningScale, Scale
from pg.parts.learner import Policy as PolicyOptions
from pg.parts.networks import ACTIVATIONS, affine_maps, perceptron

Parameters = Mapping[str, NDArray[np.generic]]

_OUTPUT_GAIN = 0.01
# Measured: what a layer of 64 makes of as many rows stays in a processor's cache until the next layer reads it.
_CACHED_ROWS = 4096


@dataclass(frozen=True, slots=True)
class _Shape:
    """What all policies of a stack have in common."""

    spaces: Spaces
    activation: str

    @property
    def is_discrete(self) -> bool:
        return self.spaces.action_count is not None


class Policy(nn.Module):
    r"""$\pi_\theta(a \mid s)$: a categorical distribution over actions, or a Gaussian with a diagonal covariance.

    The Gaussian's mean is the network's output; its log standard deviations are parameters of their own, the same in
    every state.

    Parameters
    ----------
    options
        Hidden sizes, activation and initial standard deviation.
    spaces
        Sizes of observations and actions, and whether it scales what it sees.
    generator
        Draws the initial weights, those of the last layer so small that a new policy is nearly uniform.
    dtype
        Of the parameters.
    """

    def __init__(
        self,
        options: PolicyOptions,
        spaces: Spaces,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.shape = _Shape(spaces, options.activation)
        self.scaling = RunningScale(spaces.observation_size) if spaces.is_normalised else None
        sizes = [spaces.observation_size, *options.hidden, spaces.action_count or spaces.action_size]
        self.layers = affine_maps(sizes, _OUTPUT_GAIN, dtype, generator)
        if not self.shape.is_discrete:
            log_std = float(np.log(options.initial_std))
            self.log_std = nn.Parameter(torch.full((spaces.action_size,), log_std, dtype=dtype))

    @property
    def scale(self) -> Scale | None:
        """How the policy scales what it sees, where it does."""
        return None if self.scaling is None else self.scaling.now(self.affine[0].weight.dtype)

    @property
    def device(self) -> torch.device:
        """Where it learns."""
        return self.affine[0].weight.device

    @property
    def affine(self) -> list[nn.Linear]:
        """The network's affine maps, from the input to the output."""
        return cast("list[nn.Linear]", list(self.layers))

    def heads(self, observations: Float[Tensor, "*n O"]) -> Float[Tensor, "*n A"]:
        """Return what the network makes of each observation: logits, or the mean of the Gaussian."""
        return perceptron(self.affine, ACTIVATIONS[self.shape.activation].of_tensor, _scaled(self.scale, observations))

    def of_heads(self, heads: Float[Tensor, "*n A"]) -> Distribution:
        """Return the distributions that the network's outputs stand for."""
        return distribution_of(heads, None if self.shape.is_discrete else self.log_std)

    def distribution(self, observations: Float[Tensor, "*n O"]) -> Distribution:
        """Return π(·|s) for each observation."""
        pieces = [self.heads(piece) for piece in observations.split(_CACHED_ROWS)]
        return self.of_heads(torch.cat(pieces) if len(pieces) > 1 else pieces[0])

    def log_prob(self, observations: Float[Tensor, "*n O"], actions: Shaped[Tensor, ...]) -> Float[Tensor, "*n"]:
        """Return log π(a|s) of each pair."""
        return self.distribution(observations).log_prob(actions)


def make_policy(
    options: PolicyOptions, spaces: Spaces, generator: torch.Generator, dtype: torch.dtype = torch.float32
) -> Policy:
    """Return a new policy whose weights are drawn from the generator."""
    return Policy(options, spaces, generator, dtype)


def thaw(options: PolicyOptions, spaces: Spaces, parameters: Parameters, dtype: torch.dtype = torch.float32) -> Policy:
    """Return the policy that a snapshot holds."""
    policy = make_policy(options, spaces, torch_generator(0, "overwritten"), dtype)
    policy.load_state_dict({name: torch.from_numpy(values) for name, values in parameters.items()})
    return policy


@dataclass(frozen=True, slots=True)
class StackedPolicy:
    """S policies of one shape, every parameter with a leading S axis.

    Attributes
    ----------
    shape
        What the policies have in common.
    weights, biases
        Per layer (S, in, out) and (S, 1, out).
    log_std
        (S, 1, A), Gaussian policies only.
    scale
        How each seed scales what it sees, where it does; (S, 1, O).
    """

    shape: _Shape
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    log_std: Tensor | None
    scale: Scale | None = None

    def parameters_list(self) -> list[Tensor]:
        """Return all tensors, each with a leading S axis, in a fixed order."""
        return [*self.weights, *self.biases, *([] if self.log_std is None else [self.log_std])]

    def distribution(self, observations: Float[Tensor, "S n O"]) -> Distribution:
        """Return π_s(·|s) of each seed's own observations."""
        return distribution_of(self._heads(observations), self.log_std)

    def log_prob(self, observations: Float[Tensor, "S n O"], actions: Shaped[Tensor, "S n *A"]) -> Float[Tensor, "S n"]:
        """Return log π_s(a|s) of each seed's own pairs."""
        return self.distribution(observations).log_prob(actions)

    def _heads(self, observations: Tensor) -> Tensor:
        affine = [
            partial(torch.baddbmm, bias, batch2=weight) for weight, bias in zip(self.weights, self.biases, strict=True)
        ]
        activate = ACTIVATIONS[self.shape.activation].of_tensor
        return perceptron(affine, activate, _scaled(self.scale, observations))


def stack(policies: Sequence[Policy]) -> StackedPolicy:
    """Stack the present parameters of S policies on the CPU; gradients do not flow back to them."""
    depth = len(policies[0].affine)
    with torch.no_grad():
        return StackedPolicy(
            shape=policies[0].shape,
            weights=tuple(_side_by_side([p.affine[i].weight.mT for p in policies]) for i in range(depth)),
            biases=tuple(_side_by_side([p.affine[i].bias for p in policies]).unsqueeze(1) for i in range(depth)),
            log_std=None
            if policies[0].shape.is_discrete
            else _side_by_side([p.log_std for p in policies]).unsqueeze(1),
            scale=_stacked([scale for p in policies if (scale := p.scale) is not None]),
        )


def repeat(policy: Policy, copies: int) -> StackedPolicy:
    """Stack `copies` of one policy as leaves of their own.

    Row s of a stacked result depends on copy s alone, so that one backward pass through the sum of S values gives
    the S gradients apart.
    """
    one = stack([policy])
    return replace(
        one,
        weights=tuple(_leaf(weight, copies) for weight in one.weights),
        biases=tuple(_leaf(bias, copies) for bias in one.biases),
        log_std=None if one.log_std is None else _leaf(one.log_std, copies),
        scale=None if one.scale is None else one.scale.repeated(copies),
    )


def flatten(tensors: Sequence[Tensor]) -> Float[Tensor, "S D"]:
    """Lay tensors with a leading S axis out as S vectors."""
    return torch.cat([tensor.reshape(tensor.shape[0], -1) for tensor in tensors], dim=1)


def _leaf(tensor: Tensor, copies: int) -> Tensor:
    return tensor.repeat(copies, *[1] * (tensor.dim() - 1)).requires_grad_()


def _stacked(scales: Sequence[Scale]) -> Scale | None:
    if not scales:
        return None
    means, deviations = ([one.mean for one in scales], [one.deviation for one in scales])
    return Scale(_side_by_side(means).unsqueeze(1), _side_by_side(deviations).unsqueeze(1))


def _side_by_side(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(tuple(tensors)).cpu()


def _scaled(scale: Scale | None, observations: Tensor) -> Tensor:
    return observations if scale is None else scale(observations)
