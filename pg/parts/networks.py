"""Multilayer perceptrons of tensors, for learning. Policies act with the arrays of `pg.parts.kernels`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from pg.core.products import product
from pg.parts.activations.base import Activation
from pg.parts.kernels import Network, tanh_in_place

_HIDDEN_GAIN = 2**0.5

_Values = TypeVar("_Values")


class AffineMap(NamedTuple):
    r"""$x \mapsto x W + b$, with the matrix W (in, out) and the biases b (out,)."""

    matrix: Tensor
    biases: Tensor

    def __call__(self, inputs: Float[Tensor, "*n O"]) -> Float[Tensor, "*n A"]:
        """Return the outputs, differentiable by the inputs, the matrix and the biases."""
        rows = product(inputs.reshape(-1, inputs.shape[-1]), self.matrix) + self.biases
        return rows.reshape(*inputs.shape[:-1], -1)


def affine_maps(vector: Float[Tensor, " D"], sizes: Sequence[int]) -> list[AffineMap]:
    """Return the affine maps whose parameters are parts of a vector: views, each matrix row by row, then its biases.

    `sizes` are those of the inputs, the hidden layers and the outputs.
    """
    found, first = [], 0
    for before, after in pairwise(sizes):
        last = first + before * after
        found.append(AffineMap(vector[first:last].view(before, after), vector[last : last + after]))
        first = last + after
    return found


def initial_parameters(
    sizes: Sequence[int], output_gain: float, dtype: torch.dtype, generator: torch.Generator
) -> Float[Tensor, " D"]:
    """Return the parameters of a new perceptron as one vector, see `affine_maps`.

    Matrices are orthogonal, with gain √2 in hidden layers and `output_gain` in the last; biases are zero.
    """
    vector = torch.zeros(sum((before + 1) * after for before, after in pairwise(sizes)), dtype=dtype)
    *hidden, last = affine_maps(vector, sizes)
    for layer, gain in (*((one, _HIDDEN_GAIN) for one in hidden), (last, output_gain)):
        nn.init.orthogonal_(layer.matrix.mT, gain, generator=generator)
    return vector


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
    vector: Float[Tensor, " D"], sizes: Sequence[int], activation: Activation, inputs: Float[Tensor, "*n O"]
) -> Float[Tensor, "*n A"]:
    """Return the outputs of a perceptron, differentiable twice by the vector of its parameters."""
    is_compiled = inputs.device.type == "cpu" and inputs.dim() == 2 and activation.has_slope
    if not is_compiled or inputs.requires_grad:
        return perceptron(affine_maps(vector, sizes), activation.of_tensor, inputs)
    outputs = _CompiledPass.apply(activation, sizes, inputs, vector)
    assert isinstance(outputs, Tensor)
    return outputs


class _CompiledPass(torch.autograd.Function):
    """The compiled passes of `pg.parts.kernels`, as a function of the parameters."""

    @staticmethod
    def forward(ctx: Any, activation: Activation, sizes: Sequence[int], inputs: Tensor, vector: Tensor) -> Tensor:
        """Return the outputs, and keep the values of the hidden layers for the backward pass."""
        # A copy: optimizers change the parameters in place, and fused ones without torch noticing.
        network = Network.of(vector.detach().numpy().copy(), sizes, activation)
        ctx.seen = np.ascontiguousarray(inputs.numpy(), dtype=network.parameters.dtype)
        ctx.network, ctx.hidden = network, network.hidden(len(inputs))
        ctx.save_for_backward(inputs, vector)
        return torch.from_numpy(network.forward(ctx.seen, ctx.hidden))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient by the parameters."""
        inputs, vector = ctx.saved_tensors
        if torch.is_grad_enabled():
            of_torch = perceptron(
                affine_maps(vector, ctx.network.sizes.tolist()), ctx.network.activation.of_tensor, inputs
            )
            return None, None, None, *torch.autograd.grad(of_torch, vector, slopes, create_graph=True)
        gradient = ctx.network.backward(ctx.seen, ctx.hidden, np.ascontiguousarray(slopes[0].numpy()))
        return None, None, None, torch.from_numpy(gradient)
