"""The hyperbolic tangent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pg.parts.activations.base import Activation, Array

if TYPE_CHECKING:
    from torch import Tensor


class Tanh(Activation):
    r"""$\tanh x$."""

    name: str = "tanh"

    def of_tensor(self, values: Tensor) -> Tensor:
        """Return tanh, computed by numpy on the CPU."""
        from pg.parts.networks import NumpyTanh

        return NumpyTanh.apply(values) if values.device.type == "cpu" else values.tanh_()

    def of_array(self, values: Array) -> Array:
        """Return tanh."""
        return np.tanh(values, out=values)
