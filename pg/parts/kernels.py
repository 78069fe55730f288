"""Compiled forward and backward passes of perceptrons: one call each, where torch needs several per layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from pg.core.compiled import PRECISIONS, Compiled, as_argument, compiled, inlined, overwriting

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
    r"""Overwrite a matrix by its hyperbolic tangent in double precision, with a relative error of at most 2e-15.

    $\tanh x = q / (q + 2)$ with $q = e^{2x} - 1$. The series gives $e^r - 1$ of $r = x / 128$, and $e^{2r} - 1 = q (q +
    2)$ doubles the argument eight times. It uses vector instructions; the system's tanh takes eight times as long.
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            x = values[row, column]
            # Outside of these limits tanh rounds to -1 or 1. NaN stays NaN.
            if x > 19.5:
                x = 19.5
            elif x < -19.5:
                x = -19.5
            r = x / 128
            q = r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040)))))))
            for _ in range(8):
                q = q * (q + 2)
            values[row, column] = q / (q + 2)


@compiled(overwriting(np.dtype(np.float32), 2), overwriting(np.dtype(np.float64), 2))
def times_slope_of_tanh(slopes: NDArray[Any], values: NDArray[Any]) -> None:
    """Multiply a matrix by 1 - tanh², given the values of tanh."""
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            slopes[row, column] *= np.float32(1) - values[row, column] * values[row, column]


@dataclass(frozen=True, slots=True)
class Network:
    """A perceptron: of each layer the matrix (in, out) and the biases, in one vector, and the sizes of all layers."""

    parameters: NDArray[Any]
    sizes: NDArray[np.int64]
    activation: Activation

    @classmethod
    def of(cls, parameters: NDArray[Any], sizes: Sequence[int], activation: Activation) -> Network:
        """Return the perceptron with layers of these sizes."""
        return cls(parameters, np.array(sizes, dtype=np.int64), activation)

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

    def backward(self, inputs: NDArray[Any], hidden: NDArray[Any], slopes: NDArray[Any]) -> NDArray[Any]:
        """Return the gradient by the parameters, given the gradient by the outputs."""
        dtype, gradient = self.parameters.dtype, np.zeros_like(self.parameters)
        times_slope = as_argument(self.activation.compiled_slope(dtype), overwriting(dtype, 2))
        _backward(times_slope, self.parameters, self.sizes, inputs, hidden, slopes, gradient)
        return gradient


@cache
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


def _tile(rows: int, columns: int) -> Any:
    r"""Return a function that adds a product to a tile of a matrix, whose sums stay in vector registers.

    It computes $c_{rj} \leftarrow c_{rj} + \sum_k a_{rk} b_{kj}$ for all rows r and columns j of the tile, k in order,
    each step a fused multiplication and addition: the same bytes on all processors. Libraries of products divide their
    sums as it suits a processor. The arguments are a vector, the place in it of the tile's first entry, and how far
    apart rows and steps are.
    """

    @intrinsic
    def add_product(
        _: Any,
        a: Any,
        _a_at: Any,
        _a_row: Any,
        _a_step: Any,
        b: Any,
        _b_at: Any,
        _b_step: Any,
        c: Any,
        _c_at: Any,
        _c_row: Any,
        _steps: Any,
    ) -> Any:
        index = types.intp
        return types.void(a, *[index] * 3, b, *[index] * 2, c, *[index] * 3), generate

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, a_at, a_row, a_step, b, b_at, b_step, c, c_at, c_row, steps = arguments
        a, b, c = (
            context.make_array(signature.args[place])(context, builder, values).data
            for place, values in ((0, a), (4, b), (7, c))
        )
        number, index = context.get_data_type(signature.args[0].dtype), ir.IntType(64)
        vector, size = ir.VectorType(number, columns), context.get_abi_sizeof(number)
        name = f"llvm.fma.v{columns}f{8 * size}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        lane = ir.IntType(32)
        every, undefined = ir.Constant(ir.VectorType(lane, columns), [0] * columns), vector(ir.Undefined)

        def row_of(values: Any, first: Any) -> Any:
            return builder.bitcast(builder.gep(values, [first]), vector.as_pointer())

        in_a = [builder.add(a_at, builder.mul(a_row, index(row))) for row in range(rows)]
        in_c = [row_of(c, builder.add(c_at, builder.mul(c_row, index(row)))) for row in range(rows)]
        starts = [builder.load(place, align=size) for place in in_c]
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)
        builder.position_at_end(loop)
        step, sums = builder.phi(index), [builder.phi(vector) for _ in starts]
        of_b = builder.load(row_of(b, builder.add(b_at, builder.mul(step, b_step))), align=size)
        following = []
        for first, value in zip(in_a, sums, strict=True):
            of_a = builder.load(builder.gep(a, [builder.add(first, builder.mul(step, a_step))]))
            copies = builder.shuffle_vector(builder.insert_element(undefined, of_a, lane(0)), undefined, every)
            following.append(builder.call(fused, [copies, of_b, value]))
        further = builder.add(step, index(1))
        for value, start, next_value in ((step, index(0), further), *zip(sums, starts, following, strict=True)):
            value.add_incoming(start, before)
            value.add_incoming(next_value, loop)
        builder.cbranch(builder.icmp_signed("<", further, steps), loop, after)
        builder.position_at_end(after)
        for place, value in zip(in_c, following, strict=True):
            builder.store(value, place, align=size)
        return context.get_dummy_value()

    return add_product


def _columns(count: int) -> Compiled:
    """Return a compiled function that adds a product to some columns of a matrix; arguments as of tiles, and rows."""
    four_rows, row = _tile(4, count), _tile(1, count)

    def add_product(
        a: Any,
        a_at: int,
        a_row: int,
        a_step: int,
        b: Any,
        b_at: int,
        b_step: int,
        c: Any,
        c_at: int,
        rows: int,
        steps: int,
    ) -> None:
        for first in range(0, rows - 3, 4):
            four_rows(a, a_at + first * a_row, a_row, a_step, b, b_at, b_step, c, c_at + first * b_step, b_step, steps)
        for last in range(rows - rows % 4, rows):
            row(a, a_at + last * a_row, a_row, a_step, b, b_at, b_step, c, c_at + last * b_step, b_step, steps)

    # Where some functions come from the cache and others do not, numba tells them apart by their names alone.
    add_product.__qualname__ = f"add_product_to_{count}_columns"
    return inlined(add_product)


_16_columns, _2_columns, _1_column = map(_columns, (16, 2, 1))


@inlined
def _add_product(
    a: NDArray[Any],
    a_at: int,
    a_row: int,
    a_step: int,
    b: NDArray[Any],
    b_at: int,
    c: NDArray[Any],
    c_at: int,
    rows: int,
    columns: int,
    steps: int,
) -> None:
    """Add to a matrix c (rows, columns) the product of a (rows, steps) and b (steps, columns).

    Each matrix is part of a vector and begins at the given place. Those of b and c are stored row by row; entries of a
    are `a_row` and `a_step` apart.
    """
    column = 0
    while columns - column >= 16:
        _16_columns(a, a_at, a_row, a_step, b, b_at + column, columns, c, c_at + column, rows, steps)
        column += 16
    while columns - column >= 2:
        _2_columns(a, a_at, a_row, a_step, b, b_at + column, columns, c, c_at + column, rows, steps)
        column += 2
    if column < columns:
        _1_column(a, a_at, a_row, a_step, b, b_at + column, columns, c, c_at + column, rows, steps)


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
        rows = min(count - row, _ROWS)
        values, at, first, offset = inputs.reshape(-1), row * sizes[0], 0, 0
        for layer in range(1, last + 1):
            before, after = sizes[layer - 1], sizes[layer]
            biases = parameters[first + before * after : first + (before + 1) * after]
            results, start = (outputs.reshape(-1), row * after) if layer == last else (hidden, offset + row * after)
            block = results[start : start + rows * after].reshape(rows, after)
            for each in range(rows):
                for unit in range(after):
                    block[each, unit] = biases[unit]
            _add_product(values, at, before, 1, parameters, first, results, start, rows, after, before)
            if layer < last:
                activate(block)
            offset += count * after
            first += (before + 1) * after
            values, at = results, start


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
    scratch, product = np.empty(2 * _ROWS * widest, dtype=parameters.dtype), np.empty_like(parameters)
    ones, transposed = np.ones(_ROWS, dtype=parameters.dtype), np.empty_like(parameters)
    first = 0
    for layer in range(1, len(sizes)):
        before, after = sizes[layer - 1], sizes[layer]
        for unit in range(after):
            for source in range(before):
                transposed[first + unit * before + source] = parameters[first + source * after + unit]
        first += (before + 1) * after
    for row in range(0, count, _ROWS):
        rows = min(count - row, _ROWS)
        # The sums of a block are added to those of all blocks: shorter chains round less.
        product[:] = 0
        slope, slope_at, last, offset = slopes.reshape(-1), row * sizes[-1], len(parameters), len(hidden)
        for layer in range(len(sizes) - 1, 0, -1):
            before, after = sizes[layer - 1], sizes[layer]
            first = last - (before + 1) * after
            offset -= count * before
            values, at = (inputs.reshape(-1), row * before) if layer == 1 else (hidden, offset + row * before)
            _add_product(values, at, 1, before, slope, slope_at, product, first, before, after, rows)
            _add_product(ones, 0, 0, 1, slope, slope_at, product, last - after, 1, after, rows)
            if layer > 1:
                start = layer % 2 * _ROWS * widest
                below = scratch[start : start + rows * before]
                below[:] = 0
                _add_product(slope, slope_at, after, 1, transposed, first, scratch, start, rows, before, after)
                times_slope(below.reshape(rows, before), values[at : at + rows * before].reshape(rows, before))
                slope, slope_at = scratch, start
            last = first
        gradient += product


def _scores_type(dtype: np.dtype[Any]) -> Any:
    vector, matrix = _arrays(dtype)
    return types.void(matrix, matrix, vector, types.Array(types.int64, 1, "C"), matrix, types.int64)


@compiled(*map(_scores_type, PRECISIONS))
def sum_scores(
    inputs: NDArray[Any],
    derivatives: NDArray[Any],
    weights: NDArray[Any],
    lengths: NDArray[np.int64],
    sums: NDArray[Any],
    place: int,
) -> None:
    """Write the weighted sums of one layer's scores over runs of consecutive steps, (runs, D), from a place in θ on."""
    before, after = inputs.shape[1], derivatives.shape[1]
    size = (before + 1) * after
    values, weighted, ones = inputs.reshape(-1), np.empty(_ROWS * after, inputs.dtype), np.ones(_ROWS, inputs.dtype)
    product, end = np.empty(size, inputs.dtype), 0
    for run in range(len(lengths)):
        start, end = end, end + lengths[run]
        own = sums[run, place : place + size]
        own[:] = 0
        for row in range(start, end, _ROWS):
            rows = min(end - row, _ROWS)
            for each in range(rows):
                for unit in range(after):
                    weighted[each * after + unit] = weights[row + each] * derivatives[row + each, unit]
            # As in `_backward`, the sums of a block are added to those of all blocks.
            product[:] = 0
            _add_product(values, row * before, 1, before, weighted, 0, product, 0, before, after, rows)
            _add_product(ones, 0, 0, 1, weighted, 0, product, before * after, 1, after, rows)
            own += product


def _along_type(dtype: np.dtype[Any]) -> Any:
    vector, matrix = _arrays(dtype)
    return types.void(matrix, matrix, types.Array(types.int64, 1, "C"), matrix, types.int64, vector)


@compiled(*map(_along_type, PRECISIONS))
def add_along_sums(
    inputs: NDArray[Any],
    derivatives: NDArray[Any],
    lengths: NDArray[np.int64],
    sums: NDArray[Any],
    place: int,
    along: NDArray[Any],
) -> None:
    """Add to each step the product of one layer's score with a vector of its run, (runs, D), from a place in θ on."""
    before, after = inputs.shape[1], derivatives.shape[1]
    values, vectors, found = inputs.reshape(-1), sums.reshape(-1), np.empty(_ROWS * after, inputs.dtype)
    end = 0
    for run in range(len(lengths)):
        start, end = end, end + lengths[run]
        first = run * sums.shape[1] + place
        for row in range(start, end, _ROWS):
            rows = min(end - row, _ROWS)
            for each in range(rows):
                for unit in range(after):
                    found[each * after + unit] = vectors[first + before * after + unit]
            if before:
                _add_product(values, row * before, before, 1, vectors, first, found, 0, rows, after, before)
            for each in range(rows):
                for unit in range(after):
                    along[row + each] += found[each * after + unit] * derivatives[row + each, unit]
