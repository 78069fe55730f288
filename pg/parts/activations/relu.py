"""The rectified linear unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.parts.activations.base import Activation

if TYPE_CHECKING:
    from torch import Tensor


class Relu(Activation):
    r"""$\max(x, 0)$."""

    name: str = "relu"

    def of_tensor(self, values: Tensor) -> Tensor:
        """Return the positive part."""
        return values.relu_()

    @staticmethod
    def of_number(value: float) -> float:
        """Return the positive part."""
        # NaN stays NaN.
        return 0.0 if value < 0 else value

    @staticmethod
    def slope_at(value: float) -> float:
        """Return the derivative."""
        return 1.0 if value > 0 else 0.0
