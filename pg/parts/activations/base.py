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
    """An elementwise function: of tensors for learning, and of numbers, compiled, for acting."""

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
        """Return the derivative where the function has a value, by operations that numba compiles.

        An activation without it is differentiated by torch, which is slower.
        """
        raise NotImplementedError

    @property
    def has_slope(self) -> bool:
        """Whether `slope_at` is declared."""
        return type(self).slope_at is not Activation.slope_at

    def compiled(self, dtype: np.dtype[Any]) -> Compiled:
        """Return a compiled function that overwrites every entry of a matrix."""
        from pg.core.compiled import elementwise

        return elementwise(type(self).of_number, dtype)

    def compiled_slope(self, dtype: np.dtype[Any]) -> Compiled:
        """Return a compiled function of two matrices that multiplies the first by the derivative at the second."""
        from pg.core.compiled import times_elementwise

        return times_elementwise(type(self).slope_at, dtype)
