"""Multilayer perceptrons of tensors, for learning, and of arrays, for acting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

_HIDDEN_GAIN = 2**0.5

_Values = TypeVar("_Values")


def affine_map(inputs: int, outputs: int, dtype: torch.dtype) -> nn.Linear:
    """Return torch's affine map with parameters that are not initialised.

    The matrix of a map with more outputs than inputs is stored input by input: its gradient is then a product with the
    narrow factor on the left, which was measured to take a fraction of the time.
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


class NumpyTanh(torch.autograd.Function):
    """Overwrite a tensor on the CPU by its hyperbolic tangent.

    numpy computes it: torch's own takes seven times as long on processors without MKL.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Compute tanh in place."""
        array = values.detach().numpy()
        np.tanh(array, out=array)
        ctx.mark_dirty(values)
        ctx.save_for_backward(values)
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        """Multiply by 1 - tanh², differentiably."""
        (values,) = ctx.saved_tensors
        return torch.ops.aten.tanh_backward(slopes[0], values)


def as_vector(tensors: Iterable[Tensor]) -> Float[Tensor, " D"]:
    """Concatenate the entries of tensors, each in the order of its indices."""
    return torch.cat([tensor.flatten() for tensor in tensors])
