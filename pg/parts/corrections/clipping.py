"""PPO's clipped surrogate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

FORMULA = (
    r"\nabla_{\theta'} \min \left( \rho_{i,t} \hat{A}_{i,t}, \,"
    r" \mathrm{clip}(\rho_{i,t}, 1 - \epsilon, 1 + \epsilon) \, \hat{A}_{i,t} \right)"
)


def unclipped(
    log_ratios: Float[Tensor, "S N T"], advantages: Float[Tensor, "S N T"], clip: float
) -> Bool[Tensor, "S N T"]:
    r"""Return where PPO's clipped surrogate has a gradient.

    $\min(\rho A, \operatorname{clip}(\rho, 1 - \epsilon, 1 + \epsilon) A)$ has the gradient $\rho A \nabla \log
    \pi_{\theta'}$, and none where the ratio is already more than ε from 1 on the side that the advantage favours.

    Parameters
    ----------
    log_ratios
        (S, N, T), $\log \rho_t$.
    advantages
        (S, N, T).
    clip
        ε.

    Notes
    -----
    Schulman et al. 2017, "Proximal policy optimization algorithms", equation 7.
    """
    ratios = log_ratios.exp()
    return ~(((advantages > 0) & (ratios > 1 + clip)) | ((advantages < 0) & (ratios < 1 - clip)))
