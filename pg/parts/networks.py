"""Multilayer perceptrons of tensors, for learning, and of arrays, for acting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from pg.core.compiled import compiled, overwriting

_HIDDEN_GAIN = 2**0.5

_LARGEST = np.float32(7.90531110763549805)
_A13, _A11, _A9, _A7, _A5, _A3, _A1 = (
    np.float32(coefficient)
    for coefficient in (
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    )
)
_B6, _B4, _B2, _B0 = (
    np.float32(coefficient)
    for coefficient in (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
)

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


@compiled(overwriting(np.dtype(np.float32)))
def tanh_in_place(values: NDArray[np.float32]) -> None:
    """Overwrite a matrix by its hyperbolic tangent in single precision, with an error of at most 3e-7.

    The quotient of polynomials is Eigen's (`ptanh_float`): processors compute it for many entries at once, which takes
    a tenth of the time of NumPy's tanh on those without AVX-512.
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            x = values[row, column]
            # Outside of these limits the tangent rounds to -1 or 1. A NaN stays one.
            if x > _LARGEST:
                x = _LARGEST
            elif x < -_LARGEST:
                x = -_LARGEST
            s = x * x
            above = s * (s * (s * (s * (s * (s * _A13 + _A11) + _A9) + _A7) + _A5) + _A3) + _A1
            values[row, column] = x * above / (s * (s * (s * _B6 + _B4) + _B2) + _B0)


class FastTanh(torch.autograd.Function):
    """Overwrite a tensor on the CPU by its hyperbolic tangent: in single precision compiled, else by NumPy.

    torch's own takes seven times as long on processors without MKL.
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


def as_vector(tensors: Iterable[Tensor]) -> Float[Tensor, " D"]:
    """Concatenate the entries of tensors, each in the order of its indices."""
    return torch.cat([tensor.flatten() for tensor in tensors])
