"""The exponential linear unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pg.parts.activations.base import Activation

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

    @staticmethod
    def of_number(value: float) -> float:
        """Return the function by expm1, which is exact for small values."""
        return math.expm1(value) if value < 0 else value

    @staticmethod
    def slope_at(value: float) -> float:
        """Return the derivative."""
        return 1.0 if value > 0 else value + 1.0
