"""Exercise 3: baselines. The lecture, "Improving the gradient: introducing baselines"."""

from typing import Any

from numpy.typing import NDArray

from pg.checking.submissions import advantages

Array = NDArray[Any]


@advantages(equals={"baseline": "per_step_leave_one_out"})
def with_baseline(rewards: Array, mask: Array) -> Array:
    r"""Return the rewards-to-go W_t less a baseline. Take three steps, and check the file after each of them.

    a. The lecture's average return, $b = \frac{1}{N} \sum_j R_j$ with $R_j = \sum_t r_{j,t}$. What does the check say
       about the expectation with N = 2 and N = 3, and why? (The lecture's proof is for a constant.)
    b. Mend it: the average over the *other* trajectories, $b_i = \frac{1}{N-1} \sum_{j \ne i} R_j$.
    c. Late steps have fewer rewards to come. Average what the others still get from step t on, and let a trajectory
       that has ended count as 0: $b_{i,t} = \frac{1}{N-1} \sum_{j \ne i} W_{j,t}$.

    Parameters
    ----------
    rewards
        (N, T), r_t, and 0 after the last step of a trajectory.
    mask
        (N, T), true at the T_i steps of trajectory i.

    Returns
    -------
    ndarray
        (N, T), W_t - b_t; what it has after the last step does not matter. There is none for N = 1.
    """
    raise NotImplementedError("fill in the function with_baseline")
