"""The base class of activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pg.parts.part import Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Activation(Part):
    """An elementwise function, for learning on tensors and for acting on arrays.

    A subclass implements both methods. Each may overwrite its argument and return it.
    """

    def of_tensor(self, values: Tensor) -> Tensor:
        """Return the function of a tensor, differentiable twice."""
        raise NotImplementedError

    def of_array(self, values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the function of an array."""
        raise NotImplementedError
