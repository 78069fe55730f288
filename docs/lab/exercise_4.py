"""Exercise 4: importance weights. The lecture, "Off-policy version of policy gradient?"."""

from torch import Tensor

from pg.checking.submissions import estimator


@estimator(equals={"importance": "per_decision"})
def loss(log_probs: Tensor, old_log_probs: Tensor, rewards: Tensor, mask: Tensor) -> Tensor:
    r"""Return a scalar whose gradient is minus an estimate of ∇J(θ'), from trajectories of the policy π_θ.

    Take two steps, and check the file after each of them. With $\rho_t = \pi_{\theta'}(a_t \mid s_t) / \pi_\theta(a_t
    \mid s_t)$ and rewards-to-go:

    a. One weight per trajectory, the product of all its ratios:
       $\frac{1}{N} \sum_i \sum_t \nabla \log \pi_{\theta'}(a_{i,t} \mid s_{i,t}) \left( \prod_{k=1}^{T_i} \rho_{i,k}
       \right) \sum_{t' \ge t} r_{i,t'}$.
    b. One weight per reward, the product of the ratios up to it, because later actions do not affect it:
       $\frac{1}{N} \sum_i \sum_t \nabla \log \pi_{\theta'}(a_{i,t} \mid s_{i,t}) \sum_{t' \ge t} \left(
       \prod_{k=1}^{t'} \rho_{i,k} \right) r_{i,t'}$.

    Both are right on average. No gradient flows through a weight: use `detach`.

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
    raise NotImplementedError("fill in the function loss")
