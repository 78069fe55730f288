"""The rectified linear unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pg.parts.activations.base import Activation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Relu(Activation):
    r"""$\max(x, 0)$."""

    name: str = "relu"

    def of_tensor(self, values: Tensor) -> Tensor:
        """Return the positive part."""
        return values.relu_()

    def of_array(self, values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the positive part."""
        import numpy as np

        return np.maximum(values, 0, out=values)
