"""The rectified linear unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pg.parts.activations.base import Activation, Array

if TYPE_CHECKING:
    from torch import Tensor


class Relu(Activation):
    r"""$\max(x, 0)$."""

    name: str = "relu"

    def of_tensor(self, values: Tensor) -> Tensor:
        """Return the positive part."""
        return values.relu_()

    def of_array(self, values: Array) -> Array:
        """Return the positive part."""
        return np.maximum(values, 0, out=values)
