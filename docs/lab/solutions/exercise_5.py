"""Exercise 5: PPO's clip, which keeps the policy near the one that collected the data.

The lecture, "Off-policy policy gradient: common final form"; Schulman et al. 2017, "Proximal policy optimization
algorithms", equation 7.
"""

import torch
from torch import Tensor

from pg.checking.submissions import estimator


def reward_to_go(rewards: Tensor) -> Tensor:
    """Return Σ_{t' ≥ t} r_t', (N, T), for use below as the advantage A_t."""
    return rewards.flip(-1).cumsum(-1).flip(-1)


@estimator(equals={"importance": {"name": "per_step", "clip": 0.2}})
def loss(log_probs: Tensor, old_log_probs: Tensor, rewards: Tensor, mask: Tensor) -> Tensor:
    r"""Return minus PPO's clipped objective, with ε = 0.2.

    $$\frac{1}{N} \sum_i \sum_t \min \left( \rho_{i,t} A_{i,t}, \; \mathrm{clip}(\rho_{i,t}, 1 - \epsilon, 1 + \epsilon)
    A_{i,t} \right), \qquad \rho_{i,t} = \frac{\pi_{\theta'}(a_{i,t} \mid s_{i,t})}{\pi_\theta(a_{i,t} \mid s_{i,t})}$$

    A_t are the rewards-to-go. Here the gradient flows through the ratios.

    Parameters
    ----------
    log_probs
        (N, T), log π_θ'(a_t|s_t). After the last step of a trajectory they are arbitrary numbers.
    old_log_probs
        (N, T), log π_θ(a_t|s_t), the same.
    rewards
        (N, T), r_t, and 0 after the last step.
    mask
        (N, T), true at the T_i steps of trajectory i.
    """
    ratios = (log_probs - old_log_probs).exp()
    advantages = reward_to_go(rewards)
    objective = torch.minimum(ratios * advantages, ratios.clamp(0.8, 1.2) * advantages)
    return -(objective * mask).sum(-1).mean()
