"""Policies: a multilayer perceptron with a categorical or a Gaussian head, alone or stacked over seeds.

A learner's policy is a plain torch module. For acting and probing, policies are stacked: the same network with a
leading S axis on every tensor, one batched matrix product per layer. Both run through the one function `_network`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal
from torch.distributions.utils import lazy_property

from pg.learning.scaling import RunningScale, Scale
from pg.randomness import torch_generator
from pg.study.model import Policy as PolicyOptions
from pg.trajectories import Spaces

Parameters = Mapping[str, NDArray[np.generic]]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh_,
    "relu": torch.relu_,
    "elu": partial(nn.functional.elu, inplace=True),
}
_LEAST_WAITING = np.finfo(np.float32).tiny
_HIDDEN_GAIN = 2**0.5
_OUTPUT_GAIN = 0.01


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
        Draws the initial weights: orthogonal, with gain √2 in hidden layers and 0.01 in the last, so that a new
        policy is nearly uniform; biases are zero.
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
        self.layers = nn.ModuleList(nn.Linear(a, b, dtype=dtype) for a, b in pairwise(sizes))
        for layer in self.affine:
            gain = _OUTPUT_GAIN if layer is self.affine[-1] else _HIDDEN_GAIN
            nn.init.orthogonal_(layer.weight, gain, generator=generator)
            nn.init.zeros_(layer.bias)
        if not self.shape.is_discrete:
            log_std = float(np.log(options.initial_std))
            self.log_std = nn.Parameter(torch.full((spaces.action_size,), log_std, dtype=dtype))

    @property
    def scale(self) -> Scale | None:
        """How the policy scales what it sees, where it does."""
        return None if self.scaling is None else self.scaling.now(self.affine[0].weight.dtype)

    @property
    def affine(self) -> list[nn.Linear]:
        """The network's affine maps, from the input to the output."""
        return cast("list[nn.Linear]", list(self.layers))

    def distribution(self, observations: Float[Tensor, "*n O"]) -> Distribution:
        """Return π(·|s) for each observation."""
        log_std = None if self.shape.is_discrete else self.log_std
        return _distribution(_network(self.affine, self.shape.activation, _scaled(self.scale, observations)), log_std)

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
    """S policies of one shape, every parameter with a leading S axis; an `Actor`.

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
        return _distribution(self._heads(observations), self.log_std)

    def log_prob(self, observations: Float[Tensor, "S n O"], actions: Shaped[Tensor, "S n *A"]) -> Float[Tensor, "S n"]:
        """Return log π_s(a|s) of each seed's own pairs."""
        return self.distribution(observations).log_prob(actions)

    def select(self, seeds: NDArray[np.bool_]) -> StackedPolicy:
        """Return the stack of the marked seeds alone."""
        chosen = torch.from_numpy(seeds)
        return replace(
            self,
            weights=tuple(weight[chosen] for weight in self.weights),
            biases=tuple(bias[chosen] for bias in self.biases),
            log_std=None if self.log_std is None else self.log_std[chosen],
            scale=None if self.scale is None else self.scale.select(chosen),
        )

    def noise(self, generator: np.random.Generator, steps: int, trajectories: int) -> NDArray[np.float32]:
        """Draw one seed's noise: (steps, N, A), standard Gumbel for discrete actions, standard normal for real ones."""
        spaces = self.shape.spaces
        if spaces.action_count is not None:
            # Minus the logarithm of an exponential variate is a Gumbel variate, and numpy draws it.
            waiting = generator.standard_exponential((steps, trajectories, spaces.action_count), dtype=np.float32)
            return -np.log(np.maximum(waiting, _LEAST_WAITING))
        return generator.standard_normal((steps, trajectories, spaces.action_size), dtype=np.float32)

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        """Sample an action for each of (S, N) observations by transforming the noise.

        Discrete actions are the largest of logit + Gumbel noise (the Gumbel-max trick), real ones the mean plus
        standard deviation · noise.
        """
        with torch.inference_mode():
            inputs = torch.from_numpy(observations).to(self.biases[0].dtype)
            heads, noises = self._heads(inputs), torch.from_numpy(noise)
            if self.log_std is None:
                return (heads + noises).argmax(-1).numpy()
            return (heads + self.log_std.exp() * noises).numpy()

    def _heads(self, observations: Tensor) -> Tensor:
        affine = [
            partial(torch.baddbmm, bias, batch2=weight) for weight, bias in zip(self.weights, self.biases, strict=True)
        ]
        return _network(affine, self.shape.activation, _scaled(self.scale, observations))


@dataclass(frozen=True, slots=True)
class MostLikely:
    r"""S policies that take the action of the highest density, $\arg\max_a \pi(a \mid s)$; an `Actor`.

    Without noise that is what a policy does: the Gaussian's mean, and of the logits the largest.
    """

    policies: StackedPolicy

    def noise(self, generator: np.random.Generator, steps: int, trajectories: int) -> NDArray[np.float32]:
        """Return zeros for noise, (steps, N, A), and leave the generator alone."""
        del generator
        spaces = self.policies.shape.spaces
        return np.zeros((steps, trajectories, spaces.action_count or spaces.action_size), dtype=np.float32)

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        """Return the most likely action for each of (S, N) observations."""
        return self.policies.act(observations, noise)

    def select(self, seeds: NDArray[np.bool_]) -> MostLikely:
        """Return the actor of the marked seeds alone."""
        return replace(self, policies=self.policies.select(seeds))


def stack(policies: Sequence[Policy]) -> StackedPolicy:
    """Stack the present parameters of S policies; gradients do not flow back to them."""
    depth = len(policies[0].affine)
    with torch.no_grad():
        return StackedPolicy(
            shape=policies[0].shape,
            weights=tuple(torch.stack([p.affine[i].weight.mT for p in policies]) for i in range(depth)),
            biases=tuple(torch.stack([p.affine[i].bias for p in policies]).unsqueeze(1) for i in range(depth)),
            log_std=None if policies[0].shape.is_discrete else torch.stack([p.log_std for p in policies]).unsqueeze(1),
            scale=_stacked([scale for p in policies if (scale := p.scale) is not None]),
        )


def repeat(policy: Policy, copies: int) -> StackedPolicy:
    """Stack `copies` of one policy as leaves of their own.

    Row s of a stacked result depends on copy s alone, so that one backward pass through the sum of S values gives
    the S gradients apart.
    """
    one = stack([policy])

    def leaf(tensor: Tensor) -> Tensor:
        return tensor.repeat(copies, *[1] * (tensor.dim() - 1)).requires_grad_()

    return replace(
        one,
        weights=tuple(leaf(weight) for weight in one.weights),
        biases=tuple(leaf(bias) for bias in one.biases),
        log_std=None if one.log_std is None else leaf(one.log_std),
        scale=None if one.scale is None else one.scale.repeated(copies),
    )


def flatten(tensors: Sequence[Tensor]) -> Float[Tensor, "S D"]:
    """Lay tensors with a leading S axis out as S vectors."""
    return torch.cat([tensor.reshape(tensor.shape[0], -1) for tensor in tensors], dim=1)


def _stacked(scales: Sequence[Scale]) -> Scale | None:
    if not scales:
        return None
    means, deviations = ([one.mean for one in scales], [one.deviation for one in scales])
    return Scale(torch.stack(means).unsqueeze(1), torch.stack(deviations).unsqueeze(1))


def _scaled(scale: Scale | None, observations: Tensor) -> Tensor:
    return observations if scale is None else scale(observations)


def _network(affine: Iterable[Callable[[Tensor], Tensor]], activation: str, inputs: Tensor) -> Tensor:
    *hidden, last = affine
    for layer in hidden:
        inputs = _ACTIVATIONS[activation](layer(inputs))
    return last(inputs)


def _probabilities(distribution: Categorical) -> Tensor:
    return distribution.logits.exp()


class _Categorical(Categorical):
    """torch's distribution, its probabilities made from its normalised logits.

    torch's own softmax takes longer over an axis of a few actions than the network before it.
    """

    probs = lazy_property(_probabilities)


def _distribution(heads: Tensor, log_std: Tensor | None) -> Distribution:
    if log_std is None:
        return _Categorical(logits=heads, validate_args=False)
    return Independent(Normal(heads, log_std.exp().expand_as(heads), validate_args=False), 1, validate_args=False)


def detached(distribution: Distribution) -> Distribution:
    """Return a policy's distribution cut off from the policy's parameters."""
    if isinstance(distribution, Categorical):
        return _Categorical(logits=distribution.logits.detach(), validate_args=False)
    assert isinstance(distribution, Independent)
    base = cast(Normal, distribution.base_dist)
    return Independent(Normal(base.loc.detach(), base.scale.detach(), validate_args=False), 1, validate_args=False)
