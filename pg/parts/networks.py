"""Multilayer perceptrons of tensors, for learning. Policies act with the arrays of `pg.parts.kernels`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from pg.parts.activations.base import Activation
from pg.parts.kernels import Network, tanh_in_place

_HIDDEN_GAIN = 2**0.5

_Values = TypeVar("_Values")


def affine_map(inputs: int, outputs: int, dtype: torch.dtype) -> nn.Linear:
    """Return torch's affine map with parameters that are not initialised.

    The matrix of a map with more outputs than inputs is stored input by input: torch then computes its gradient as a
    product with the narrow factor on the left, which was measured to take a fraction of the time.
    """
    # On the meta device torch does not draw from its global generator.
    layer = nn.Linear(inputs, outputs, device="meta")
    widens = inputs < outputs
    matrix = torch.empty(inputs, outputs, dtype=dtype).mT if widens else torch.empty(outputs, inputs, dtype=dtype)
    layer.weight, layer.bias = nn.Parameter(matrix), nn.Parameter(torch.empty(outputs, dtype=dtype))
    return layer


def affine_maps(
    sizes: Sequence[int], output_gain: float, dtype: torch.dtype, generator: torch.Generator
) -> nn.ModuleList:
    """Return the affine maps of a new perceptron, given the sizes of the inputs, the hidden layers and the outputs.

    Weights are orthogonal, with gain √2 in hidden layers and `output_gain` in the last; biases are zero.
    """
    *hidden, last = layers = [affine_map(before, after, dtype) for before, after in pairwise(sizes)]
    for layer, gain in (*((one, _HIDDEN_GAIN) for one in hidden), (last, output_gain)):
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.ModuleList(layers)


def perceptron(
    affine: Iterable[Callable[[_Values], _Values]], activate: Callable[[_Values], _Values], inputs: _Values
) -> _Values:
    """Apply affine maps one after the other, with an activation between them that may overwrite its argument."""
    *hidden, last = affine
    for layer in hidden:
        inputs = activate(layer(inputs))
    return last(inputs)


class FastTanh(torch.autograd.Function):
    """Replace a tensor on the CPU by its hyperbolic tangent, with compiled code in single precision, else with NumPy.

    torch's own function takes several times as long on AMD processors.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Compute tanh in place."""
        array = values.detach().numpy()
        if array.dtype == np.float32 and array.flags.c_contiguous:
            tanh_in_place(array.reshape(-1, array.shape[-1]))
        else:
            np.tanh(array, out=array)
        ctx.mark_dirty(values)
        ctx.save_for_backward(values)
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        """Multiply by 1 - tanh², differentiably."""
        (values,) = ctx.saved_tensors
        return torch.ops.aten.tanh_backward(slopes[0], values)


def network_outputs(
    affine: Sequence[nn.Linear], activation: Activation, inputs: Float[Tensor, "*n O"]
) -> Float[Tensor, "*n A"]:
    """Return the outputs of a perceptron, differentiable twice by its parameters."""
    is_compiled = inputs.device.type == "cpu" and inputs.dim() == 2 and activation.has_slope
    if not is_compiled or inputs.requires_grad:
        return perceptron(affine, activation.of_tensor, inputs)
    outputs = _CompiledPass.apply(
        activation, inputs, *(part for layer in affine for part in (layer.weight, layer.bias))
    )
    assert isinstance(outputs, Tensor)
    return outputs


class _CompiledPass(torch.autograd.Function):
    """The compiled passes of `pg.parts.kernels`, as a function of the weights and biases."""

    @staticmethod
    def forward(ctx: Any, activation: Activation, inputs: Tensor, *parameters: Tensor) -> Tensor:
        """Return the outputs, and keep the values of the hidden layers for the backward pass."""
        matrices, biases = (
            [part.detach().mT.numpy() for part in parameters[::2]],
            [part.detach().numpy() for part in parameters[1::2]],
        )
        ctx.network = Network.of(matrices, biases, activation)
        ctx.seen = np.ascontiguousarray(inputs.numpy(), dtype=biases[0].dtype)
        ctx.hidden = ctx.network.hidden(len(inputs))
        ctx.save_for_backward(inputs, *parameters)
        return torch.from_numpy(ctx.network.forward(ctx.seen, ctx.hidden))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient by each parameter."""
        if torch.is_grad_enabled():
            return None, None, *_differentiable_gradient(ctx.network.activation, *ctx.saved_tensors, slopes=slopes[0])
        by_outputs = np.ascontiguousarray(slopes[0].numpy())
        gradient = ctx.network.backward(ctx.seen, ctx.hidden, by_outputs)
        parts = [
            part for matrix, biases in gradient for part in (torch.from_numpy(matrix).mT, torch.from_numpy(biases))
        ]
        # Fused optimizers read parameters and gradients in the order of memory, so their strides must be equal.
        _, *parameters = ctx.saved_tensors
        return (
            None,
            None,
            *(
                part if part.stride() == parameter.stride() else torch.empty_like(parameter).copy_(part)
                for parameter, part in zip(parameters, parts, strict=True)
            ),
        )


def _differentiable_gradient(
    activation: Activation, inputs: Tensor, *parameters: Tensor, slopes: Tensor
) -> Sequence[Tensor]:
    """Return the gradient by each parameter, computed by torch: differentiable by the parameters and the slopes."""
    layers = zip(parameters[::2], parameters[1::2], strict=True)
    affine = [partial(linear, weight=weight, bias=bias) for weight, bias in layers]
    outputs = perceptron(affine, activation.of_tensor, inputs)
    return torch.autograd.grad(outputs, parameters, slopes, create_graph=True)


def as_vector(tensors: Iterable[Tensor]) -> Float[Tensor, " D"]:
    """Concatenate the entries of tensors, each in the order of its indices."""
    return torch.cat([tensor.flatten() for tensor in tensors])
