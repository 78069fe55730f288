"""Importance weights scaled to a mean of 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.parts.corrections.sample_size import over_the_largest

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor


def self_normalised(weights: Float[Tensor, "S N #T"], live: Bool[Tensor, "S N #T"]) -> Float[Tensor, "S N #T"]:
    r"""Scale the weights to a mean of 1 over the live trajectories of each step, $n w_i / \sum_j w_j$.

    Parameters
    ----------
    weights
        (S, N, T), zero after the last step of each trajectory, or (S, N, 1).
    live
        Of the same shape: which entries are weights (`has_weight`).

    Returns
    -------
    Tensor
        Of the same shape. The weights of a step sum to the number n of its live trajectories, those of whole
        trajectories to N. If all are 0, they stay 0.

    Notes
    -----
    Owen 2013, "Monte Carlo theory, methods and examples", section 9.2: biased, by $O(1/N)$. Weights are divided by the
    largest of their step first, or the sum of large ones would overflow.
    """
    scaled = over_the_largest(weights)
    sums = scaled.sum(1, keepdim=True)
    return (scaled * live.sum(1, keepdim=True) / sums).where(sums > 0, 0)
