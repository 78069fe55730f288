"""Importance weights that are not finite, and the step at which they arise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor


class NonFiniteWeights(ArithmeticError):
    """Importance weights overflowed or are undefined.

    Attributes
    ----------
    step
        The step t at which the first such weight arose.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"importance weights stopped being finite at step {step}")
        self.step = step


def finite(weights: Float[Tensor, "S N T"]) -> Float[Tensor, "S N T"]:
    """Return the weights.

    Raises
    ------
    NonFiniteWeights
        If one is not finite.
    """
    lost = ~weights.isfinite()
    if lost.any():
        raise NonFiniteWeights(int(steps_where(lost)[0]))
    return weights


def steps_where(found: Bool[Tensor, "S N T"]) -> Int[Tensor, " n"]:
    """Return the steps at which something is true of any trajectory, in order."""
    return found.flatten(0, 1).any(0).nonzero().flatten()
