"""The base class of activations."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pg.parts.part import Part

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.floating[Any]]


class Activation(Part):
    """An elementwise function, for learning on tensors and for acting on arrays.

    Both methods may overwrite their argument and return it.
    """

    @abstractmethod
    def of_tensor(self, values: Tensor) -> Tensor:
        """Return the function of a tensor, differentiable twice."""

    @abstractmethod
    def of_array(self, values: Array) -> Array:
        """Return the function of an array."""
