"""Advantages of mean 0 and standard deviation 1 over a batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor


def standardisation(
    advantages: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]
) -> tuple[Float[Tensor, "S 1 1"], Float[Tensor, "S 1 1"]]:
    """Return what to subtract and divide by for mean 0 and standard deviation 1 over a batch's valid steps.

    Parameters
    ----------
    advantages
        (S, N, T).
    mask
        (S, N, T), true on valid steps.

    Returns
    -------
    tuple
        Mean and standard deviation of each batch. The deviation is infinite if all advantages are equal, so that
        dividing by it leaves 0.
    """
    batch = (1, 2)
    steps = mask.sum(batch, keepdim=True)
    mean = (advantages * mask).sum(batch, keepdim=True) / steps
    deviation = (((advantages - mean) * mask).square().sum(batch, keepdim=True) / steps).sqrt()
    # Compare the advantages themselves: equal numbers may differ from their computed mean by a rounding error.
    lowest = advantages.where(mask, math.inf).amin(batch, keepdim=True)
    highest = advantages.where(mask, -math.inf).amax(batch, keepdim=True)
    return mean, deviation.where(highest > lowest, math.inf)
