r"""Sums of rewards over time that several parts use. $\gamma$ is the discount, 1 in the lecture.

Results are zero after the last step of each trajectory, where the mask is false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from pg.parts.annotations import Bool, Float, Tensor


def total_return(
    rewards: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"], discount: float = 1.0
) -> Float[Tensor, "S N T"]:
    r"""Return the return of the whole trajectory at each step, $R = \sum_{t'} \gamma^{t'} r_{t'}$.

    The lecture's section "Can we get the gradient".
    """
    present_value = rewards * discount_weights(mask, discount, rewards.dtype)
    return present_value.sum(-1, keepdim=True) * mask


def reward_to_go(
    rewards: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"], discount: float = 1.0
) -> Float[Tensor, "S N T"]:
    r"""Return the sum of the rewards from each step on, $G_t = \sum_{t' \ge t} \gamma^{t'-t} r_{t'}$.

    The lecture's section "Using causality". The sum is built by doubling: once $G_t$ holds the next $k$ rewards, adding
    $\gamma^k G_{t+k}$ makes it hold the next $2k$, so that $\log_2 T$ additions replace a loop over time.
    """
    to_go, reach = rewards * mask, 1
    while reach < to_go.shape[-1]:
        to_go = to_go + discount**reach * later(to_go, reach)
        reach *= 2
    return to_go


def with_rest(
    rewards: Float[Tensor, "S N T"], rest: Float[Tensor, "S N"], mask: Bool[Tensor, "S N T"], discount: float
) -> Float[Tensor, "S N T"]:
    r"""Add the value after the last step to the last reward, $r_{T_i - 1} + \gamma V(o_{T_i})$.

    The rest $V(o_{T_i})$ is 0 if nothing follows. Returns of these rewards are bootstrapped. Pardo, Tavakoli, Levdik &
    Kormushev 2018, "Time limits in reinforcement learning", section 4.
    """
    is_last = mask & ~later(mask, 1)
    return rewards + discount * rest.unsqueeze(-1) * is_last


def discount_weights(mask: Bool[Tensor, "S N T"], discount: float, dtype: torch.dtype) -> Float[Tensor, "S N T"]:
    r"""Weight step $t$ by $\gamma^t$, its share in the discounted distribution of states.

    Sutton, McAllester, Singh & Mansour 2000, theorem 1, where $d^\pi(s) = \sum_t \gamma^t \Pr(s_t = s)$: without this
    weight the discounted reward-to-go does not follow the gradient of the discounted objective.
    """
    steps = mask.new_ones(mask.shape[-1], dtype=dtype).cumsum(0) - 1
    return discount**steps * mask


def accumulated(
    rewards: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"], discount: float
) -> Float[Tensor, "S N T"]:
    r"""Return the sum of the rewards up to each step, $R_t = \sum_{t' \le t} \gamma^{t-t'} r_{t'}$."""
    return reward_to_go(rewards.flip(-1), mask.flip(-1), discount).flip(-1) * mask


def later(values: Tensor, steps: int, fill: float = 0) -> Tensor:
    """Return (S, N, T) values shifted by a number of steps: entry t holds the value at t + steps, or `fill`."""
    shifted = values.new_full(values.shape, fill)
    shifted[..., :-steps] = values[..., steps:]
    return shifted
