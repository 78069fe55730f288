"""Importance weights of a batch: whether they are finite, normalised weights, and the effective sample size.

Weights are (S, N, T), zero after the last step of each trajectory, or (S, N, 1) where whole trajectories are weighted.
`live` has their shape and is true where an entry is a weight (`has_weight`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pg.parts.annotations import Bool, Float, Int, Tensor


class NonFiniteWeights(ArithmeticError):
    """Importance weights overflowed or are undefined, first at time step `step`."""

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
    is_finite = weights.isfinite()
    if not is_finite.all():
        raise NonFiniteWeights(int(steps_where(~is_finite)[0]))
    return weights


def steps_where(found: Bool[Tensor, "S N T"]) -> Int[Tensor, " n"]:
    """Return the steps at which something is true of any trajectory, in order."""
    return found.flatten(0, 1).any(0).nonzero().flatten()


def has_weight(weights: Float[Tensor, "S N #T"], mask: Bool[Tensor, "S N T"]) -> Bool[Tensor, "S N #T"]:
    """Return which entries of weights per step, or per trajectory, belong to valid steps."""
    return mask if weights.shape[-1] == mask.shape[-1] else weights.new_ones(weights.shape).bool()


def self_normalised(weights: Float[Tensor, "S N #T"], live: Bool[Tensor, "S N #T"]) -> Float[Tensor, "S N #T"]:
    r"""Scale the weights to a mean of 1 over the live trajectories of each step, $n w_i / \sum_j w_j$.

    If all weights of a step are 0, they stay 0. Owen 2013, "Monte Carlo theory, methods and examples", section 9.2:
    biased, by $O(1/N)$.
    """
    scaled = _over_the_largest(weights)
    sums = scaled.sum(1, keepdim=True)
    return (scaled * live.sum(1, keepdim=True) / sums).where(sums > 0, 0)


def effective_share(weights: Float[Tensor, "S N #T"], live: Bool[Tensor, "S N #T"]) -> Float[Tensor, " S"]:
    r"""Return the effective sample size over the sample's, $(\sum w)^2 / (n \sum w^2)$.

    For weights per step it is the mean over the steps that some trajectory has reached. Kong 1992, "A note on
    importance sampling using standardized weights".
    """
    scaled = _over_the_largest(weights)
    count, squares = live.sum(1), scaled.square().sum(1)
    shares = (scaled.sum(1).square() / (squares * count.clamp(min=1))).where(squares > 0, 0)
    return shares.sum(-1) / (count > 0).sum(-1)


def _over_the_largest(weights: Float[Tensor, "S N #T"]) -> Float[Tensor, "S N #T"]:
    """Divide weights by the largest of their step, so that neither sums overflow nor squares vanish."""
    import torch

    return weights / weights.amax(1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
