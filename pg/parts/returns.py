"""What weights each log-likelihood: returns and rewards-to-go, discounted or not, of rewards alone or with values."""

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


def lambda_return(
    rewards: Float[Tensor, "S N T"],
    values: Float[Tensor, "S N T"],
    mask: Bool[Tensor, "S N T"],
    discount: float,
    decay: float,
) -> Float[Tensor, "S N T"]:
    r"""Mix rewards and values into $G^\lambda_t = V_t + \sum_{l \ge 0} (\gamma \lambda)^l \delta_{t+l}$.

    Here $\delta_t = r_t + \gamma V_{t+1} - V_t$, with $V = 0$ behind the last step.

    Parameters
    ----------
    rewards
        (S, N, T), $r_t$; where more follows than is counted, `with_rest` has put its worth into the last one.
    values
        (S, N, T), $V_t(s_t)$.
    mask
        (S, N, T), true on the steps that were taken.
    discount
        $\gamma$.
    decay
        $\lambda$: 1 gives the reward-to-go, whatever the values; 0 gives $r_t + \gamma V_{t+1}$.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory. Less $V_t$ it is the generalised advantage estimate.

    Notes
    -----
    Sutton & Barto 2018, "Reinforcement learning", section 12.1; Schulman, Moritz, Levine, Jordan & Abbeel 2016,
    "High-dimensional continuous control using generalized advantage estimation", equation 16. The sum over l is a
    reward-to-go of $\delta$ with discount $\gamma \lambda$.
    """
    known = values * mask
    errors = rewards + discount * torch.nn.functional.pad(known[..., 1:], (0, 1)) - known
    return known + reward_to_go(errors, mask, discount * decay)


def with_rest(
    rewards: Float[Tensor, "S N T"], rest: Float[Tensor, "S N"], mask: Bool[Tensor, "S N T"], discount: float
) -> Float[Tensor, "S N T"]:
    r"""Pay what is worth having after the last step along with the last reward, $r_{T_i - 1} + \gamma V(o_{T_i})$.

    Parameters
    ----------
    rewards
        (S, N, T), $r_t$.
    rest
        (S, N), $V(o_{T_i})$ of what each trajectory saw after its last step; 0 where nothing follows.
    mask
        (S, N, T), true on the steps that were taken.
    discount
        $\gamma$.

    Returns
    -------
    Tensor
        (S, N, T). Returns of such rewards are bootstrapped.

    Notes
    -----
    Pardo, Tavakoli, Levdik & Kormushev 2018, "Time limits in reinforcement learning", section 4.
    """
    is_last = mask & ~torch.nn.functional.pad(mask[..., 1:], (0, 1))
    return rewards + discount * rest.unsqueeze(-1) * is_last


def discount_weights(mask: Bool[Tensor, "S N T"], discount: float, dtype: torch.dtype) -> Float[Tensor, "S N T"]:
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
    steps = torch.arange(mask.shape[-1], dtype=dtype, device=mask.device)
    return discount**steps * mask
