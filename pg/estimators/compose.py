"""The one place where estimators are put together from the parts that a variant names.

Nothing here sums over seeds: what lies on the S axis (seeds, probed batches, enumerated batches) stays apart.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from pg.estimators import baselines
from pg.estimators.baselines import ScoreProducts
from pg.estimators.returns import discount_weights, reward_to_go, total_return
from pg.estimators.surrogate import surrogate as weighted_log_likelihood
from pg.study.model import Variant
from pg.trajectories import Trajectories

_RETURNS = {"total": total_return, "to_go": reward_to_go}


def returns(variant: Variant, trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    """Return what weights each log-likelihood before a baseline is subtracted, zero behind the end."""
    return _RETURNS[variant.returns](trajectories.rewards, trajectories.mask, variant.discount)


def state_weights(variant: Variant, trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    r"""Return $\gamma^t$ where the variant discounts states, else 1; zero behind the end."""
    discount = variant.discount if variant.discount_states else 1.0
    return discount_weights(trajectories.mask, discount, trajectories.rewards.dtype)


def needs_score_products(variant: Variant) -> bool:
    """Tell whether the variant's baseline is made from the scores of whole trajectories."""
    return variant.baseline == "optimal"


def needs_state_values(variant: Variant) -> bool:
    """Tell whether the variant's baseline is the exact value of the state."""
    return variant.baseline == "exact"


def advantages(
    variant: Variant,
    trajectories: Trajectories,
    score_products: ScoreProducts | None = None,
    state_values: Float[Tensor, "S N T"] | None = None,
) -> Float[Tensor, "S N T"]:
    r"""Put a variant's advantages together, $\hat A_t = \gamma^t (W_t - b_t)$.

    $W_t$ is the variant's return, $b_t$ its baseline, and $\gamma^t$ stands only where states are discounted.
    Normalisation, where asked for, comes before $\gamma^t$.

    Parameters
    ----------
    variant
        Names the parts.
    trajectories
        S batches of N trajectories.
    score_products
        Of the same trajectories and the same returns; needed where `needs_score_products` says so.
    state_values
        $V_t(s_t)$, (S, N, T), with the variant's discount; needed where `needs_state_values` says so.

    Returns
    -------
    Tensor
        (S, N, T), detached, zero behind the end of each trajectory.

    Raises
    ------
    ValueError
        If the baseline is made from score products or state values and there are none.
    """
    weights = returns(variant, trajectories)
    difference = weights - _baseline(variant, trajectories, weights, score_products, state_values)
    if variant.normalise_advantages:
        difference = baselines.normalise_advantages(difference, trajectories.mask)
    return (difference * state_weights(variant, trajectories)).detach()


def surrogate(
    log_probs: Float[Tensor, "S N T"], advantages: Float[Tensor, "S N T"], trajectories: Trajectories
) -> Float[Tensor, " S"]:
    """Return each batch's surrogate objective, whose gradient is the estimate; to be maximised."""
    return weighted_log_likelihood(log_probs, advantages, trajectories.mask)


def _baseline(
    variant: Variant,
    trajectories: Trajectories,
    returns: Float[Tensor, "S N T"],
    score_products: ScoreProducts | None,
    state_values: Float[Tensor, "S N T"] | None,
) -> Float[Tensor, "#S #N #T"]:
    match variant.baseline:
        case "none" | "constant":
            return trajectories.rewards.new_full((1, 1, 1), variant.constant or 0.0)
        case "average_reward":
            return baselines.average_reward(_totals(variant, trajectories))
        case "leave_one_out":
            return baselines.leave_one_out(_totals(variant, trajectories))
        case "per_step":
            return baselines.per_step(returns)
        case "per_step_leave_one_out":
            return baselines.per_step_leave_one_out(returns)
        case "optimal":
            if score_products is None:
                raise ValueError("baseline: optimal needs the score products of the same trajectories")
            return baselines.optimal(score_products)
        case "exact":
            if state_values is None:
                raise ValueError("baseline: exact needs the values of the trajectories' states")
            return state_values


def _totals(variant: Variant, trajectories: Trajectories) -> Float[Tensor, "S N"]:
    return total_return(trajectories.rewards, trajectories.mask, variant.discount)[..., 0]
