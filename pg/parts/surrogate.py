"""The objective whose gradient is the policy gradient's estimate."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def surrogate(
    log_probs: Float[Tensor, "S N T"], advantages: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]
) -> Float[Tensor, " S"]:
    r"""Weight log-likelihoods by advantages, $\frac{1}{N} \sum_i \sum_t \log \pi(a_{i,t} \mid s_{i,t}) \hat A_{i,t}$.

    Parameters
    ----------
    log_probs
        (S, N, T), differentiable.
    advantages
        (S, N, T), constants: no gradient flows through them.
    mask
        (S, N, T), true on the steps that were taken.

    Returns
    -------
    Tensor
        (S,), to be maximised. Summed over time and averaged over trajectories, never over seeds.

    Notes
    -----
    The lecture's section "How to implement": one backward pass gives the whole sum.
    """
    return (log_probs * advantages.detach() * mask).sum(-1).mean(-1)
