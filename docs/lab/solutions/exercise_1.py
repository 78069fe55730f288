"""Exercise 1: REINFORCE by hand. The lecture, "Estimating the gradient" and "How to implement policy gradients?"."""

from torch import Tensor


def loss(log_probs: Tensor, rewards: Tensor, mask: Tensor) -> Tensor:
    r"""Return a scalar whose gradient is minus REINFORCE's estimate.

    $$\nabla J(\theta) \approx \frac{1}{N} \sum_{i=1}^N \left( \sum_{t=1}^{T_i} \nabla \log \pi_\theta(a_{i,t} \mid
    s_{i,t}) \right) \left( \sum_{t=1}^{T_i} r_{i,t} \right)$$

    Optimizers minimise, so it is minus the lecture's surrogate objective. Trajectory i has T_i steps; the tensors of a
    batch have T columns, as many as its longest trajectory has steps.

    Parameters
    ----------
    log_probs
        (N, T), log π(a_t|s_t). After the last step of a trajectory they are arbitrary numbers.
    rewards
        (N, T), r_t, and 0 after the last step.
    mask
        (N, T), true at the T_i steps of trajectory i.
    """
    returns = rewards.sum(-1, keepdim=True)
    return -(log_probs * returns * mask).sum(-1).mean()
