"""Compile functions of numbers and arrays to machine code with numba."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.types.function_type import CompileResultWAP

Compiled = Any
"""A compiled function; numba declares no types."""

PRECISIONS = (np.dtype(np.float32), np.dtype(np.float64))
"""Those of networks. Functions are compiled for both at once: jobs that start together must not cache one each."""

# A product and a sum may be fused. Dividing by zero gives inf or NaN, as in NumPy.
# numba does not notice edits of these options: delete `__pycache__` after one.
_compile: Any = partial(numba.njit, fastmath={"contract"}, error_model="numpy")


def compiled(*signatures: Any) -> Callable[[Callable[..., Any]], Compiled]:
    """Compile a function for each of the given types, and cache the machine code in the `__pycache__` of its module."""

    def compile_now(function: Callable[..., Any]) -> Compiled:
        try:
            return _compile(list(signatures), cache=True)(function)
        except (RuntimeError, OSError):
            # numba finds no folder that it may write to, or the disk is full.
            return _compile(list(signatures))(function)

    return compile_now


class Argument(types.WrapperAddressProtocol):
    """A compiled function as an argument of another one.

    It stores the function's type and address, because numba takes long to look them up.
    """

    def __init__(self, function: Compiled, signature: Any) -> None:
        self._signature = signature
        self._numba_type_ = types.FunctionType(self._signature)
        self._keeps = CompileResultWAP(function.get_compile_result(self._signature))
        self._address = self._keeps.__wrapper_address__()

    def __wrapper_address__(self) -> int:
        """Return the address; called by numba."""
        return self._address

    def signature(self) -> Any:
        """Return the types; called by numba."""
        return self._signature


as_argument = cache(Argument)
"""Return a compiled function as an argument, the same object in every call."""


def inlined(function: Callable[..., Any]) -> Compiled:
    """Compile a helper of compiled functions in the same module: numba does not notice edits of other modules."""
    # Wrappers would let Python and other functions call it, and take long to compile.
    return _compile(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@cache
def overwriting(dtype: np.dtype[Any], matrices: int = 1) -> Any:
    """Return the types of a compiled function of matrices that overwrites the first."""
    return types.void(*[types.Array(numba.from_dtype(dtype), 2, "C")] * matrices)


@cache
def elementwise(function: Callable[[float], float], dtype: np.dtype[Any]) -> Compiled:
    """Compile a function that replaces each entry x of a matrix by `function(x)`."""
    of_number = _compile(function)

    def apply(values: Any) -> None:
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                values[row, column] = of_number(values[row, column])

    return _compile(overwriting(dtype))(apply)


@cache
def times_elementwise(function: Callable[[float], float], dtype: np.dtype[Any]) -> Compiled:
    """Compile a function that multiplies a matrix, entry by entry, by `function` of a second matrix."""
    of_number = _compile(function)

    def apply(factors: Any, values: Any) -> None:
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                factors[row, column] *= of_number(values[row, column])

    return _compile(overwriting(dtype, 2))(apply)
