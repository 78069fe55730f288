"""Compiled forward and backward passes of perceptrons: one call each, where torch needs several per layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from pg.core.compiled import PRECISIONS, Compiled, as_argument, compiled, overwriting

if TYPE_CHECKING:
    from pg.parts.activations.base import Activation

# Passes take this many rows at a time. Measured: the values of a layer of 64 units stay in the processor's cache until
# the next layer reads them.
_ROWS = 128

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


@compiled(overwriting(np.dtype(np.float32)))
def tanh_in_place(values: NDArray[np.float32]) -> None:
    """Overwrite a matrix by its hyperbolic tangent in single precision, with a relative error of at most 2e-6.

    The quotient of polynomials is that of Eigen's `ptanh_float`. It uses vector instructions; without AVX-512
    it takes a tenth of the time of NumPy's tanh.
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            x = values[row, column]
            # Outside of these limits tanh rounds to -1 or 1. NaN stays NaN.
            if x > _LARGEST:
                x = _LARGEST
            elif x < -_LARGEST:
                x = -_LARGEST
            s = x * x
            above = s * (s * (s * (s * (s * (s * _A13 + _A11) + _A9) + _A7) + _A5) + _A3) + _A1
            values[row, column] = x * above / (s * (s * (s * _B6 + _B4) + _B2) + _B0)


@compiled(overwriting(np.dtype(np.float64)))
def tanh_of_doubles(values: NDArray[np.float64]) -> None:
    """Overwrite a matrix by its hyperbolic tangent in double precision."""
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            values[row, column] = math.tanh(values[row, column])


@compiled(overwriting(np.dtype(np.float32), 2), overwriting(np.dtype(np.float64), 2))
def times_slope_of_tanh(slopes: NDArray[Any], values: NDArray[Any]) -> None:
    """Multiply a matrix by 1 - tanh², given the values of tanh."""
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            slopes[row, column] *= np.float32(1) - values[row, column] * values[row, column]


@dataclass(frozen=True, slots=True)
class Network:
    """A perceptron as one array: for each layer its matrix (in, out) and its biases; `sizes` from inputs to outputs."""

    parameters: NDArray[Any]
    sizes: NDArray[np.int64]
    activation: Activation

    @classmethod
    def of(cls, matrices: Sequence[NDArray[Any]], biases: Sequence[NDArray[Any]], activation: Activation) -> Network:
        """Pack the matrices and biases of all layers."""
        packed = [part.ravel() for pair in zip(matrices, biases, strict=True) for part in pair]
        sizes = [len(matrices[0]), *(len(bias) for bias in biases)]
        return cls(np.concatenate(packed), np.array(sizes, dtype=np.int64), activation)

    @property
    def activate(self) -> Any:
        """The activation, as an argument of compiled functions."""
        dtype = self.parameters.dtype
        return as_argument(self.activation.compiled(dtype), overwriting(dtype))

    def hidden(self, rows: int) -> NDArray[Any]:
        """Return an uninitialised array for the values of all hidden layers in a number of rows."""
        return np.empty(rows * int(self.sizes[1:-1].sum()), dtype=self.parameters.dtype)

    def forward(self, inputs: NDArray[Any], hidden: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs, (n, A), and write the values of the hidden layers, one layer after the other."""
        outputs = np.empty((len(inputs), self.sizes[-1]), dtype=self.parameters.dtype)
        forward(self.activate, self.parameters, self.sizes, inputs, hidden, outputs)
        return outputs

    def backward(
        self, inputs: NDArray[Any], hidden: NDArray[Any], slopes: NDArray[Any]
    ) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return the gradient by the matrix and the biases of each layer, given the gradient by the outputs."""
        dtype, gradient = self.parameters.dtype, np.zeros_like(self.parameters)
        times_slope = as_argument(self.activation.compiled_slope(dtype), overwriting(dtype, 2))
        _backward(times_slope, self.parameters, self.sizes, inputs, hidden, slopes, gradient)
        found, first = [], 0
        for before, after in pairwise(self.sizes.tolist()):
            end = first + before * after
            found.append((gradient[first:end].reshape(before, after), gradient[end : end + after]))
            first = end + after
        return found


def forward_type(dtype: np.dtype[Any]) -> Any:
    """Return the types of the compiled forward pass."""
    vector, matrix = _arrays(dtype)
    sizes = types.Array(types.int64, 1, "C")
    return types.void(types.FunctionType(overwriting(dtype)), vector, sizes, matrix, vector, matrix)


def _backward_type(dtype: np.dtype[Any]) -> Any:
    vector, matrix = _arrays(dtype)
    sizes = types.Array(types.int64, 1, "C")
    times_slope = types.FunctionType(overwriting(dtype, 2))
    return types.void(times_slope, vector, sizes, matrix, vector, matrix, vector)


def _arrays(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    number = numba.from_dtype(dtype)
    return types.Array(number, 1, "C"), types.Array(number, 2, "C")


@compiled(*map(forward_type, PRECISIONS))
def forward(
    activate: Compiled,
    parameters: NDArray[Any],
    sizes: NDArray[np.int64],
    inputs: NDArray[Any],
    hidden: NDArray[Any],
    outputs: NDArray[Any],
) -> None:
    """Write the outputs, (n, A), and the values of the hidden layers, one layer after the other."""
    count, last = len(inputs), len(sizes) - 1
    for row in range(0, count, _ROWS):
        end = min(count, row + _ROWS)
        values, first, offset = inputs[row:end], 0, 0
        for layer in range(1, last + 1):
            before, after = sizes[layer - 1], sizes[layer]
            matrix = parameters[first : first + before * after].reshape(before, after)
            biases = parameters[first + before * after : first + (before + 1) * after]
            first += (before + 1) * after
            if layer == last:
                results = outputs[row:end]
            else:
                results = hidden[offset + row * after : offset + end * after].reshape(end - row, after)
                offset += count * after
            np.dot(values, matrix, results)
            for each in range(end - row):
                for unit in range(after):
                    results[each, unit] += biases[unit]
            if layer < last:
                activate(results)
            values = results


@compiled(*map(_backward_type, PRECISIONS))
def _backward(
    times_slope: Compiled,
    parameters: NDArray[Any],
    sizes: NDArray[np.int64],
    inputs: NDArray[Any],
    hidden: NDArray[Any],
    slopes: NDArray[Any],
    gradient: NDArray[Any],
) -> None:
    count, widest = len(inputs), sizes.max()
    scratch = np.empty((2, _ROWS * widest), dtype=parameters.dtype)
    product, ones = np.empty(widest * widest, dtype=parameters.dtype), np.ones(_ROWS, dtype=parameters.dtype)
    for row in range(0, count, _ROWS):
        end = min(count, row + _ROWS)
        slope, last, offset = slopes[row:end], len(parameters), len(hidden)
        for layer in range(len(sizes) - 1, 0, -1):
            before, after = sizes[layer - 1], sizes[layer]
            first = last - (before + 1) * after
            if layer == 1:
                values = inputs[row:end]
            else:
                offset -= count * before
                values = hidden[offset + row * before : offset + end * before].reshape(end - row, before)
            by_matrix = product[: before * after].reshape(before, after)
            np.dot(values.T, slope, by_matrix)
            for entry in range(before * after):
                gradient[first + entry] += product[entry]
            by_biases = product[:after]
            np.dot(ones[: end - row], slope, by_biases)
            for unit in range(after):
                gradient[last - after + unit] += by_biases[unit]
            if layer > 1:
                matrix = parameters[first : first + before * after].reshape(before, after)
                below = scratch[layer % 2, : (end - row) * before].reshape(end - row, before)
                np.dot(slope, matrix.T, below)
                times_slope(below, values)
                slope = below
            last = first
