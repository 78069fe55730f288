"""What weights each log-likelihood: returns and rewards-to-go, discounted or not."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def total_return(
    rewards: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"], discount: float = 1.0
) -> Float[Tensor, "S N T"]:
    r"""Give every step the return of its whole trajectory, $R = \sum_{t'} \gamma^{t'} r_{t'}$.

    Parameters
    ----------
    rewards
        (S, N, T), $r_t$.
    mask
        (S, N, T), true on the steps that were taken.
    discount
        $\gamma$; 1 in the lecture.

    Returns
    -------
    Tensor
        (S, N, T), the same $R$ along each trajectory and zero behind its end.

    Notes
    -----
    The lecture's section "Can we get the gradient".
    """
    present_value = rewards * discount_weights(mask, discount, rewards.dtype)
    return present_value.sum(-1, keepdim=True) * mask


def reward_to_go(
    rewards: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"], discount: float = 1.0
) -> Float[Tensor, "S N T"]:
    r"""Give every step the rewards that follow it, $G_t = \sum_{t' \ge t} \gamma^{t'-t} r_{t'}$.

    Parameters
    ----------
    rewards
        (S, N, T), $r_t$.
    mask
        (S, N, T), true on the steps that were taken.
    discount
        $\gamma$; 1 in the lecture.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory.

    Notes
    -----
    The lecture's section "Using causality". The sum is built by doubling: once $G_t$ holds the next $k$ rewards, adding
    $\gamma^k G_{t+k}$ makes it hold the next $2k$, so that $\log_2 T$ additions replace a loop over time.
    """
    to_go = rewards * mask
    reach = 1
    while reach < to_go.shape[-1]:
        later = torch.nn.functional.pad(to_go[..., reach:], (0, reach))
        to_go = to_go + discount**reach * later
        reach *= 2
    return to_go


def discount_weights(
    mask: Bool[Tensor, "S N T"], discount: float, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "S N T"]:
    r"""Weight step $t$ by $\gamma^t$, its share in the discounted distribution of states.

    Parameters
    ----------
    mask
        (S, N, T), true on the steps that were taken.
    discount
        $\gamma$.
    dtype
        Of the weights.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory.

    Notes
    -----
    Sutton, McAllester, Singh & Mansour 2000, theorem 1, where $d^\pi(s) = \sum_t \gamma^t \Pr(s_t = s)$: without this
    weight the discounted reward-to-go does not follow the gradient of the discounted objective.
    """
    steps = torch.arange(mask.shape[-1], dtype=dtype)
    return discount**steps * mask
