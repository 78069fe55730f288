"""Multilayer perceptrons: of tensors that are differentiated, and of arrays that are only acted with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

_HIDDEN_GAIN = 2**0.5

_Values = TypeVar("_Values")


@dataclass(frozen=True, slots=True)
class Activation:
    """One function of single numbers, twice; either overwrites what it is given, and returns it.

    Attributes
    ----------
    of_tensor
        Differentiable, more than once.
    of_array
        The same of an array.
    """

    of_tensor: Callable[[Tensor], Tensor]
    of_array: Callable[[NDArray[np.floating[Any]]], NDArray[np.floating[Any]]]


class _Tanh(torch.autograd.Function):
    """The hyperbolic tangent as numpy computes it: torch's own takes seven times as long on processors without MKL."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        array = values.detach().numpy()
        np.tanh(array, out=array)
        ctx.mark_dirty(values)
        ctx.save_for_backward(values)
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        return torch.ops.aten.tanh_backward(slopes[0], values)


def _tanh(values: Tensor) -> Tensor:
    return _Tanh.apply(values) if values.device.type == "cpu" else torch.tanh_(values)


def _array_tanh(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.tanh(values, out=values)


def _array_relu(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.maximum(values, 0, out=values)


def _array_elu(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.expm1(values, out=values, where=values < 0)


ACTIVATIONS = MappingProxyType(
    {
        "tanh": Activation(_tanh, _array_tanh),
        "relu": Activation(torch.relu_, _array_relu),
        "elu": Activation(partial(nn.functional.elu, inplace=True), _array_elu),
    }
)


def affine_map(inputs: int, outputs: int, dtype: torch.dtype) -> nn.Linear:
    """Return torch's affine map; its parameters are to be drawn.

    The matrix of a map that widens lies input by input in memory: its gradient is then a product whose left factor is
    the narrow one, which was measured to take a fraction of the time.
    """
    # On the meta device torch draws nothing from a generator that is not ours.
    layer = nn.Linear(inputs, outputs, device="meta")
    widens = inputs < outputs
    matrix = torch.empty(inputs, outputs, dtype=dtype).mT if widens else torch.empty(outputs, inputs, dtype=dtype)
    layer.weight, layer.bias = nn.Parameter(matrix), nn.Parameter(torch.empty(outputs, dtype=dtype))
    return layer


def affine_maps(
    sizes: Sequence[int], output_gain: float, dtype: torch.dtype, generator: torch.Generator
) -> nn.ModuleList:
    """Return the affine maps of a new perceptron.

    Weights are orthogonal, with gain √2 in hidden layers; biases are zero.

    Parameters
    ----------
    sizes
        Of the inputs, the hidden layers and the outputs.
    output_gain
        Of the last map; 0 makes it zero, so that the network says nothing of its inputs.
    dtype
        Of the parameters.
    generator
        Draws the weights.
    """
    *hidden, last = layers = [affine_map(before, after, dtype) for before, after in pairwise(sizes)]
    for layer, gain in (*((one, _HIDDEN_GAIN) for one in hidden), (last, output_gain)):
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)
    return nn.ModuleList(layers)


def perceptron(
    affine: Iterable[Callable[[_Values], _Values]], activate: Callable[[_Values], _Values], inputs: _Values
) -> _Values:
    """Apply affine maps one after the other, with an activation between them that may overwrite what it is given."""
    *hidden, last = affine
    for layer in hidden:
        inputs = activate(layer(inputs))
    return last(inputs)


def as_vector(tensors: Iterable[Tensor]) -> Float[Tensor, " D"]:
    """Lay the entries of tensors out one after the other, however they lie in memory."""
    return torch.cat([tensor.flatten() for tensor in tensors])
