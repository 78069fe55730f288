"""The base class of activations."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from pg.parts.part import Part

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from pg.core.compiled import Compiled


class Activation(Part):
    """An elementwise function, written for tensors and for numbers; the latter is compiled."""

    @abstractmethod
    def of_tensor(self, values: Tensor) -> Tensor:
        """Return the function of a tensor, differentiable twice; it may overwrite its argument."""

    @staticmethod
    @abstractmethod
    def of_number(value: float) -> float:
        """Return the function of a number, by operations that numba compiles."""
        raise NotImplementedError

    @staticmethod
    def slope_at(value: float) -> float:
        """Return the derivative at the point where the function has this value, by operations that numba compiles.

        Optional: without it, torch differentiates `of_tensor`, which is slower.
        """
        raise NotImplementedError

    @property
    def has_slope(self) -> bool:
        """Whether `slope_at` is declared, and not by a base class of the one that declares the function."""
        classes = type(self).__mro__
        slope, *functions = (
            next(depth for depth, one in enumerate(classes) if name in vars(one))
            for name in ("slope_at", "of_number", "of_tensor")
        )
        return classes[slope] is not Activation and slope <= min(functions)

    def compiled(self, dtype: np.dtype[Any]) -> Compiled:
        """Return a compiled function that applies the activation to a matrix in place."""
        from pg.core.compiled import elementwise

        return elementwise(type(self).of_number, dtype)

    def compiled_slope(self, dtype: np.dtype[Any]) -> Compiled:
        """Return a compiled function that multiplies a matrix by the derivative, given the activation's values."""
        from pg.core.compiled import times_elementwise

        return times_elementwise(type(self).slope_at, dtype)
