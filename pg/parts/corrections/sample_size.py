"""The effective sample size of importance weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor


def effective_share(weights: Float[Tensor, "S N #T"], live: Bool[Tensor, "S N #T"]) -> Float[Tensor, " S"]:
    r"""Return the effective sample size over the sample's, $(\sum w)^2 / (n \sum w^2)$.

    Parameters
    ----------
    weights
        (S, N, T), zero after the last step of each trajectory, or (S, N, 1).
    live
        Of the same shape: which entries are weights (`has_weight`).

    Returns
    -------
    Tensor
        (S,); for weights per step the mean over the steps that some trajectory has reached.

    Notes
    -----
    Kong 1992, "A note on importance sampling using standardized weights". Weights are divided by the largest of their
    step first, or the squares of small ones would vanish.
    """
    scaled = over_the_largest(weights)
    count, squares = live.sum(1), scaled.square().sum(1)
    shares = (scaled.sum(1).square() / (squares * count.clamp(min=1))).where(squares > 0, 0)
    return shares.sum(-1) / (count > 0).sum(-1)


def has_weight(weights: Float[Tensor, "S N #T"], mask: Bool[Tensor, "S N T"]) -> Bool[Tensor, "S N #T"]:
    """Return which entries of weights per step, or per trajectory, belong to valid steps."""
    return mask if weights.shape[-1] == mask.shape[-1] else weights.new_ones(weights.shape).bool()


def over_the_largest(weights: Float[Tensor, "S N #T"]) -> Float[Tensor, "S N #T"]:
    """Divide weights by the largest of their step, so that sums neither overflow nor vanish."""
    import torch

    largest = weights.amax(1, keepdim=True)
    return weights / largest.clamp(min=torch.finfo(weights.dtype).tiny)
