"""The mean over all other trajectories of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def mean_of_others(values: Float[Tensor, "S N *T"]) -> Float[Tensor, "S N *T"]:
    r"""Return $\frac{1}{N-1} \sum_{j \ne i} x_j$ for each trajectory i; N is at least 2."""
    return (values.sum(1, keepdim=True) - values) / (values.shape[1] - 1)
