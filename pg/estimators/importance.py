r"""Importance weights: what data of a behaviour policy π_θ count for at a target policy π_θ'.

Everything is made from the logarithms of the ratios per step, $\log \rho_t = \log \pi_{\theta'}(a_t \mid s_t) - \log
\pi_\theta(a_t \mid s_t)$, so that products over many steps are sums until the last moment.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


class NonFiniteWeights(ArithmeticError):
    """Importance weights that overflowed or are undefined, with the step at which they arose.

    Attributes
    ----------
    step
        The first step t with such a weight.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"importance weights are not finite from step {step} on")
        self.step = step


def trajectory(log_ratios: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]) -> Float[Tensor, "S N 1"]:
    r"""Weight a whole trajectory by the product of its ratios, $p_{\theta'}(\tau) / p_\theta(\tau)$.

    Parameters
    ----------
    log_ratios
        (S, N, T), $\log \rho_t$.
    mask
        (S, N, T), true on the steps that were taken.

    Returns
    -------
    Tensor
        (S, N, 1).

    Raises
    ------
    NonFiniteWeights
        If a weight is.

    Notes
    -----
    The lecture's section "Importance sampling": start and transition probabilities cancel. Any estimate that is
    unbiased at the behaviour policy is unbiased for $\nabla J(\theta')$ under these weights.
    """
    products = torch.where(mask, log_ratios, 0).cumsum(-1)
    weights = products[..., -1:].exp()
    if not weights.isfinite().all():
        lost = ~products.exp().isfinite()
        raise NonFiniteWeights(int(lost.any(0).any(0).nonzero()[0].item()))
    return weights
