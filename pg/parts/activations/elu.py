"""The exponential linear unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pg.parts.activations.base import Activation, Array

if TYPE_CHECKING:
    from torch import Tensor


class Elu(Activation):
    r"""$x$ where it is positive, else $e^x - 1$.

    Clevert, Unterthiner & Hochreiter 2016, "Fast and accurate deep network learning by exponential linear units".
    """

    name: str = "elu"

    def of_tensor(self, values: Tensor) -> Tensor:
        """Return torch's elu."""
        from torch.nn import functional

        return functional.elu(values, inplace=True)

    def of_array(self, values: Array) -> Array:
        """Return the function by numpy's expm1, which is exact for small values."""
        return np.expm1(values, out=values, where=values < 0)
