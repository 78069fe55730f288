"""The hyperbolic tangent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pg.parts.activations.base import Activation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Tanh(Activation):
    r"""$\tanh x$."""

    name: str = "tanh"

    def of_tensor(self, values: Tensor) -> Tensor:
        """Return tanh, computed by numpy on the CPU."""
        from pg.parts.activations.numpy_tanh import NumpyTanh

        return NumpyTanh.apply(values) if values.device.type == "cpu" else values.tanh_()

    def of_array(self, values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return tanh."""
        import numpy as np

        return np.tanh(values, out=values)
