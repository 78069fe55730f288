r"""Policies $\pi_\theta(a \mid s)$: a perceptron with a categorical head per discrete component, or a Gaussian head.

Learners train a `Policy`, a torch module. Measurements use a `StackedPolicy`: S copies, with a leading S axis on every
tensor and one batched matrix product per layer. Acting uses arrays (`pg.learning.rollout`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal
from torch.distributions.utils import lazy_property
from torch.nn import functional

from pg.core.products import product
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces
from pg.learning.scaling import RunningScale, Scale
from pg.parts.activations.base import Activation
from pg.parts.networks import AffineMap, affine_maps, initial_parameters, network_outputs, perceptron
from pg.parts.variant import PolicyOptions

Parameters = Mapping[str, NDArray[np.generic]]

_OUTPUT_GAIN = 0.01
_ALL = slice(None)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Properties of a policy that its copies share."""

    spaces: Spaces
    hidden: Sequence[int]
    activation: Activation

    @property
    def is_discrete(self) -> bool:
        return bool(self.spaces.factors)

    @property
    def sizes(self) -> list[int]:
        """Sizes of the network's layers, from the observation to the logits or means."""
        return [self.spaces.observation_size, *self.hidden, self.spaces.outputs]

    @property
    def deviations(self) -> int:
        """Number of log standard deviations."""
        return 0 if self.is_discrete else self.spaces.action_size


class Policy(nn.Module):
    r"""$\pi_\theta(a \mid s)$: a categorical distribution over actions, or a Gaussian with a diagonal covariance.

    The discrete components of an action are independent: $\pi_\theta(a \mid s) = \prod_k \pi_\theta^k(a_k \mid s)$.

    θ is one vector: of each layer of the network the matrix (in, out) and the biases, then, for real actions, the log
    standard deviations, which are the same in every state. The Gaussian's mean is the network's output. The generator
    draws the initial matrices. That of the last layer is small: a new categorical policy is nearly uniform.
    """

    def __init__(
        self, options: PolicyOptions, spaces: Spaces, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.shape = _Shape(spaces, options.hidden, options.activation)
        self.scaling = RunningScale(spaces.observation_size) if spaces.is_normalised else None
        network = initial_parameters(self.shape.sizes, _OUTPUT_GAIN, dtype, generator)
        log_std = network.new_full((self.shape.deviations,), math.log(options.initial_std))
        self.theta = nn.Parameter(torch.cat([network, log_std]))

    @property
    def scale(self) -> Scale | None:
        """The scaling of observations; None if the policy does not normalise them."""
        return None if self.scaling is None else self.scaling.now(self.theta.dtype)

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return self.theta.device

    @property
    def network(self) -> Float[Tensor, " D"]:
        """The part of θ that belongs to the network."""
        return self.theta if self.shape.is_discrete else self.theta[: -self.shape.deviations]

    @property
    def log_std(self) -> Float[Tensor, " A"]:
        """The part of θ that is a Gaussian's log standard deviations; empty for discrete actions."""
        return self.theta[len(self.theta) - self.shape.deviations :]

    @property
    def affine(self) -> list[AffineMap]:
        """The network's affine maps, from the input to the output."""
        return affine_maps(self.network, self.shape.sizes)

    def seen(self, observations: Float[Tensor, "*n O"]) -> Float[Tensor, "*n O"]:
        """Return the observations as the network sees them: scaled, if the policy normalises them."""
        return _scaled(self.scale, observations)

    def heads(self, observations: Float[Tensor, "*n O"]) -> Float[Tensor, "*n A"]:
        """Return the network's output for each observation: logits, or the mean of the Gaussian."""
        return network_outputs(self.network, self.shape.sizes, self.shape.activation, self.seen(observations))

    def of_heads(self, heads: Float[Tensor, "*n A"]) -> Distribution:
        """Return π(·|s), given the network's outputs."""
        return distribution_of(heads, self.shape.spaces.factors or self.log_std)

    def distribution(self, observations: Float[Tensor, "*n O"]) -> Distribution:
        """Return π(·|s) for each observation."""
        return self.of_heads(self.heads(observations))

    def log_prob(self, observations: Float[Tensor, "*n O"], actions: Shaped[Tensor, ...]) -> Float[Tensor, "*n"]:
        """Return log π(a|s) of each pair."""
        return self.distribution(observations).log_prob(actions)

    def cross_entropies(self, observations: Float[Tensor, "n O"], actions: Int[Tensor, " n *A"]) -> Float[Tensor, " n"]:
        """Return the cross-entropy between each discrete action and π(·|s), summed over the action's components."""
        distribution = self.distribution(observations)
        assert isinstance(distribution, _Categorical)
        components = distribution.components(actions)
        losses = [functional.cross_entropy(logits, chosen, reduction="none") for logits, chosen in components]
        return torch.stack(losses).sum(0)


def thaw(options: PolicyOptions, spaces: Spaces, parameters: Parameters, dtype: torch.dtype = torch.float32) -> Policy:
    """Return the policy that is stored in a snapshot."""
    policy = Policy(options, spaces, torch_generator(0, "overwritten"), dtype)
    policy.load_state_dict({name: torch.from_numpy(values) for name, values in parameters.items()})
    return policy


def distribution_of(heads: Float[Tensor, "*n A"], by: tuple[int, ...] | Float[Tensor, "*S A"]) -> Distribution:
    """Return the distribution that a network's outputs parametrise.

    Independent categorical distributions of logits, given the number of values of each; or the Gaussian of means, given
    log standard deviations.
    """
    if isinstance(by, tuple):
        # With the logits of each action contiguous in memory, sums over a few actions run along the states: faster.
        factors = heads.movedim(-1, 0).contiguous().split(by)
        return _Categorical(torch.cat([logits.log_softmax(0) for logits in factors]).movedim(0, -1), by)
    return Independent(Normal(heads, by.exp().expand_as(heads), validate_args=False), 1, validate_args=False)


def detached(distribution: Distribution, states: slice = _ALL) -> Distribution:
    """Return a copy of a policy's distribution, in some of the states, that gradients do not flow through."""
    if isinstance(distribution, _Categorical):
        return _Categorical(distribution.logits[states].detach(), distribution.factors)
    assert isinstance(distribution, Independent)
    base = cast(Normal, distribution.base_dist)
    mean, deviation = base.loc[states].detach(), base.scale[states].detach()
    return Independent(Normal(mean, deviation, validate_args=False), 1, validate_args=False)


@dataclass(frozen=True, slots=True)
class StackedPolicy:
    """S copies of a policy, every parameter with a leading S axis.

    Weights are (S, in, out) and biases (S, 1, out), per layer; a Gaussian policy's log standard deviations are (S, 1,
    A).
    """

    shape: _Shape
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    log_std: Tensor | None
    scale: Scale | None = None

    def parameters_list(self) -> list[Tensor]:
        """Return all tensors, each with a leading S axis, in the order of θ."""
        layers = zip(self.weights, self.biases, strict=True)
        return [*chain.from_iterable(layers), *([] if self.log_std is None else [self.log_std])]

    def distribution(self, observations: Float[Tensor, "S n O"]) -> Distribution:
        """Return π(·|s) of each copy, given its own observations."""
        layers = zip(self.weights, self.biases, strict=True)
        affine = [lambda inputs, weight=weight, bias=bias: product(inputs, weight) + bias for weight, bias in layers]
        heads = perceptron(affine, self.shape.activation.of_tensor, _scaled(self.scale, observations))
        return distribution_of(heads, self.shape.spaces.factors if self.log_std is None else self.log_std)

    def log_prob(self, observations: Float[Tensor, "S n O"], actions: Shaped[Tensor, "S n *A"]) -> Float[Tensor, "S n"]:
        """Return log π(a|s) of each copy, given its own pairs."""
        return self.distribution(observations).log_prob(actions)


def stacked(policy: Policy) -> StackedPolicy:
    """Return one copy of a policy on the CPU, S = 1; gradients do not flow back to the policy."""
    scale = policy.scale
    with torch.no_grad():
        return StackedPolicy(
            shape=policy.shape,
            weights=tuple(_copied(layer.matrix) for layer in policy.affine),
            biases=tuple(_copied(layer.biases).unsqueeze(1) for layer in policy.affine),
            log_std=None if policy.shape.is_discrete else _copied(policy.log_std).unsqueeze(1),
            scale=scale and Scale(_copied(scale.mean).unsqueeze(1), _copied(scale.deviation).unsqueeze(1)),
        )


def repeat(policy: Policy, copies: int) -> StackedPolicy:
    """Return S = `copies` copies of a policy, whose parameters are leaf tensors.

    Row s of a result depends on copy s alone: one backward pass through the sum of S values gives S separate gradients.
    """
    one = stacked(policy)
    return replace(
        one,
        weights=tuple(_leaf(weight, copies) for weight in one.weights),
        biases=tuple(_leaf(bias, copies) for bias in one.biases),
        log_std=None if one.log_std is None else _leaf(one.log_std, copies),
        scale=None if one.scale is None else one.scale.repeated(copies),
    )


def flatten(tensors: Sequence[Tensor]) -> Float[Tensor, "S D"]:
    """Concatenate tensors with a leading S axis into S vectors."""
    return torch.cat([tensor.reshape(tensor.shape[0], -1) for tensor in tensors], dim=1)


def _probabilities(distribution: Categorical) -> Tensor:
    return distribution.logits.exp()


class _Categorical(Categorical):
    """torch's distribution of logits that are normalised already, those of several independent factors in a row.

    torch's constructor would normalise them again, and its softmax of a few actions takes longer than the network.
    torch's entropy and divergence are sums over all logits, and so the sums of those of the factors.
    """

    probs = lazy_property(_probabilities)

    def __init__(self, normalised: Float[Tensor, "*n A"], factors: tuple[int, ...]) -> None:
        vars(self)["logits"] = self._param = normalised
        self._num_events, self.factors = normalised.shape[-1], factors
        Distribution.__init__(self, normalised.shape[:-1], validate_args=False)

    def log_prob(self, value: Int[Tensor, ...]) -> Float[Tensor, "*n"]:
        """Return log π(a|s); torch's method first gives all arguments a common shape."""
        found = [logits.gather(-1, chosen.unsqueeze(-1)) for logits, chosen in self.components(value)]
        return torch.cat(found, dim=-1).sum(-1)

    def components(self, value: Int[Tensor, ...]) -> Iterator[tuple[Tensor, Tensor]]:
        """Return the logits of each factor, and the number of the chosen one."""
        chosen = value.reshape(*self.batch_shape, len(self.factors)).unbind(-1)
        return zip(self.logits.split(self.factors, dim=-1), chosen, strict=True)


def _leaf(tensor: Tensor, copies: int) -> Tensor:
    return tensor.repeat(copies, *[1] * (tensor.dim() - 1)).requires_grad_()


def _copied(tensor: Tensor) -> Tensor:
    """Return a contiguous copy with a leading axis."""
    return torch.stack([tensor]).cpu()


def _scaled(scale: Scale | None, observations: Tensor) -> Tensor:
    return observations if scale is None else scale(observations)
