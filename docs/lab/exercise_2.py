"""Exercise 2: rewards-to-go. The lecture, "Improving the gradient: using causality"."""

from typing import Any

from numpy.typing import NDArray

from pg.checking.submissions import advantages

Array = NDArray[Any]


@advantages(equals={"returns": "to_go"})
def reward_to_go(rewards: Array, mask: Array) -> Array:
    r"""Return the sum of the rewards from each step on, which multiplies the score of the step.

    $$\nabla J(\theta) \approx \frac{1}{N} \sum_i \sum_t \nabla \log \pi_\theta(a_{i,t} \mid s_{i,t}) \, W_{i,t},
    \qquad W_{i,t} = \sum_{t'=t}^{T_i} r_{i,t'}$$

    An action does not affect the rewards before it: they add noise, and nothing on average.

    Parameters
    ----------
    rewards
        (N, T), r_t, and 0 after the last step of a trajectory.
    mask
        (N, T), true at the T_i steps of trajectory i.

    Returns
    -------
    ndarray
        (N, T), W_t; what it has after the last step does not matter.
    """
    raise NotImplementedError("fill in the function reward_to_go")
