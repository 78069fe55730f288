"""The one place where estimators are put together from the parts that a variant names.

Nothing here sums over seeds: what lies on the S axis (seeds, probed batches, enumerated batches) stays apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.parts import baselines, importance
from pg.parts.baselines import ScoreProducts
from pg.parts.returns import discount_weights, lambda_return, reward_to_go, total_return, with_rest
from pg.parts.surrogate import surrogate as weighted_log_likelihood
from pg.parts.variant import OF_THE_STATE, Variant


@dataclass(frozen=True, slots=True)
class StateValues:
    r"""What trajectories are worth on the way and behind their end, with the variant's discount.

    Attributes
    ----------
    along
        (S, N, T), $V_t(s_t)$, zero behind the end.
    rest
        (S, N), $V(o_{T_i})$ of what was seen after the last step; zero where the trajectory terminated. Only a variant
        that bootstraps at truncation counts it.
    """

    along: Float[Tensor, "S N T"]
    rest: Float[Tensor, "S N"]


def returns(
    variant: Variant, trajectories: Trajectories, state_values: StateValues | None = None
) -> Float[Tensor, "S N T"]:
    """Return what weights each log-likelihood before a baseline is subtracted, zero behind the end.

    Raises
    ------
    ValueError
        If the returns are made of state values and there are none.
    """
    rewards, mask, discount = trajectories.rewards, trajectories.mask, variant.discount
    match variant.returns:
        case "total":
            return total_return(rewards, mask, discount)
        case "to_go":
            return reward_to_go(rewards, mask, discount)
        case "gae":
            if state_values is None or variant.lambda_ is None:
                raise ValueError("returns: gae needs lambda and the values of the trajectories' states")
            if variant.bootstrap_at_truncation:
                rewards = with_rest(rewards, state_values.rest, mask, discount)
            return lambda_return(rewards, state_values.along, mask, discount, variant.lambda_)


def state_weights(variant: Variant, trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    r"""Return $\gamma^t$ where the variant discounts states, else 1; zero behind the end."""
    mask, dtype = trajectories.mask, trajectories.rewards.dtype
    return discount_weights(mask, variant.discount, dtype) if variant.discount_states else mask.to(dtype)


def needs_score_products(variant: Variant) -> bool:
    """Tell whether the variant's baseline is made from the scores of whole trajectories."""
    return variant.baseline == "optimal"


def needs_state_values(variant: Variant) -> bool:
    """Tell whether the variant's baseline is the value of the state, exact or as a network knows it."""
    return variant.baseline in OF_THE_STATE


@dataclass(frozen=True, slots=True)
class Fixed:
    r"""What an update keeps as it was at the behaviour policy θ, while ratios follow the target policy θ'.

    Attributes
    ----------
    returns
        (S, N, T), $W_t$, zero behind the end.
    baseline
        What is subtracted, $b_t$: each of its axes S, N and T has its full length or 1.
    scale
        (S, 1, 1), what the difference is divided by: 1, or the standard deviation that normalises it.
    """

    returns: Float[Tensor, "S N T"]
    baseline: Float[Tensor, "#S #N #T"]
    scale: Float[Tensor, "#S 1 1"]

    @property
    def advantages(self) -> Float[Tensor, "S N T"]:
        r"""The advantages of the on-policy estimate, $\hat A_t = (W_t - b_t) / \sigma$, also behind the end."""
        return (self.returns - self.baseline) / self.scale


def fixed(
    variant: Variant,
    trajectories: Trajectories,
    score_products: ScoreProducts | None = None,
    state_values: StateValues | None = None,
) -> Fixed:
    """Compute a variant's returns, baseline and normalisation, once per batch.

    Parameters
    ----------
    variant
        Names the parts.
    trajectories
        S batches of N trajectories.
    score_products
        Of the same trajectories and the same returns; needed where `needs_score_products` says so.
    state_values
        Of the same trajectories; needed where `needs_state_values` says so.

    Raises
    ------
    ValueError
        If the returns or the baseline are made from score products or state values and there are none.
    """
    weighting = returns(variant, trajectories, state_values)
    baseline = _baseline(variant, trajectories, weighting, score_products, state_values)
    if not variant.normalise_advantages:
        return Fixed(weighting, baseline, weighting.new_ones(1, 1, 1))
    mean, deviation = baselines.standardisation(weighting - baseline, trajectories.mask)
    return Fixed(weighting, baseline + mean, deviation)


def weights(
    variant: Variant,
    trajectories: Trajectories,
    fixed: Fixed,
    log_ratios: Float[Tensor, "S N T"] | None = None,
    state_ratios: Float[Tensor, "S N T"] | None = None,
) -> Float[Tensor, "S N T"]:
    r"""Return what multiplies each score $\nabla \log \pi_{\theta'}(a_t \mid s_t)$ in the estimate.

    With the variant's importance weights $\omega_t$ this is $\gamma^t \, \omega_t (W_t - b_t) / \sigma$: the weight
    multiplies the baseline too. Per decision it is $\gamma^t [\sum_{t' \ge t} \gamma^{t'-t} w_{0:t'} r_{t'} - w_{0:t}
    b_t] / \sigma$, and with corrected future returns $W_t$ is $\sum_{t' \ge t} \gamma^{t'-t} \rho_{t+1} \cdots
    \rho_{t'} r_{t'}$. The factor $\gamma^t$ stands only where states are discounted. Normalisation counts the mean
    advantage to $b_t$, so that the weight multiplies it too.

    Parameters
    ----------
    variant
        Names the parts.
    trajectories
        S batches of N trajectories.
    fixed
        Of the same trajectories.
    log_ratios
        (S, N, T), $\log \pi_{\theta'}(a_t \mid s_t) - \log \pi_\theta(a_t \mid s_t)$; 0 by default.
    state_ratios
        (S, N, T), $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$. Only `importance: exact_state` uses them, and needs them
        wherever there are log-ratios.

    Returns
    -------
    Tensor
        (S, N, T), detached, zero behind the end of each trajectory.

    Raises
    ------
    NonFiniteWeights
        If an importance weight is not finite.
    ValueError
        If state ratios are needed and there are none.

    Notes
    -----
    What the estimate is on average under the behaviour policy, with a weight that is neither truncated nor normalised
    nor clipped: $\nabla J(\theta')$ for `trajectory`, `per_decision`, and `exact_state` with corrected future returns;
    else $\sum_t \sum_s d_t(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_t(s, a)$, where d is that of θ', under
    `exact_state`, or of θ, and Q that of θ', with corrected future returns, or of θ.

    As $\mathbb{E}[\rho_t \nabla \log \pi_{\theta'}(a_t \mid s_t) \mid s_t] = 0$ under π_θ, a baseline that the
    trajectory's own rewards do not enter (`constant`, `leave_one_out`, `per_step_leave_one_out`, `optimal`, `exact`,
    and `value_network` as fitted on earlier batches) changes none of this, whatever the weight, although it averages
    returns of the behaviour policy. With `gae` Q is replaced by $\mathbb{E}[G^\lambda_t \mid s_t, a_t]$, which it
    equals where the values are exact or λ is 1, and nothing is bootstrapped at truncation. The in-sample
    averages take the share 1/N off, of what stands there for uncorrected returns: $(1 - 1/N) \nabla J(\theta')$ for
    `trajectory` and $1 - 1/N$ times their own expectation for plain ratios per step, but $\nabla J(\theta') -
    \frac{1}{N} \sum_t \sum_s d_{\theta',t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$ for
    `per_decision` and for `exact_state` with corrected future returns.
    """
    if variant.importance == "none" or log_ratios is None:
        weighted = fixed.advantages
    else:
        ratios = importance_weights(variant, trajectories, log_ratios, state_ratios)
        earned = _earned(variant, trajectories, fixed, log_ratios, ratios)
        weighted = (earned - ratios * fixed.baseline) / fixed.scale
        if variant.clip is not None:
            weighted = weighted * importance.unclipped(log_ratios, fixed.advantages, variant.clip)
    return (weighted * state_weights(variant, trajectories)).detach()


def importance_weights(
    variant: Variant,
    trajectories: Trajectories,
    log_ratios: Float[Tensor, "S N T"],
    state_ratios: Float[Tensor, "S N T"] | None = None,
) -> Float[Tensor, "S N #T"]:
    """Return a variant's importance weights, truncated and normalised as it says.

    Parameters
    ----------
    variant
        Names the correction.
    trajectories
        S batches of N trajectories.
    log_ratios, state_ratios
        As of `weights`.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory; (S, N, 1) where whole trajectories are weighted.

    Raises
    ------
    NonFiniteWeights
        If a weight is not finite.
    ValueError
        If state ratios are needed and there are none.
    """
    mask = trajectories.mask
    match variant.importance:
        case "none":
            found = mask.to(log_ratios.dtype)
        case "trajectory":
            found = importance.trajectory(log_ratios, mask)
        case "per_decision":
            found = importance.per_decision(log_ratios, mask)
        case "per_step":
            found = importance.per_step(log_ratios, mask)
        case "exact_state":
            if state_ratios is None:
                raise ValueError("importance: exact_state needs the ratios of the states' probabilities")
            found = importance.exact_state(log_ratios, state_ratios, mask)
    if variant.truncate_at is not None:
        found = importance.truncated(found, variant.truncate_at)
    return importance.self_normalised(found, live(trajectories, found)) if variant.self_normalised else found


def live(trajectories: Trajectories, weights: Float[Tensor, "S N #T"]) -> Bool[Tensor, "S N #T"]:
    """Tell which entries of weights per step, or per trajectory, stand for something that happened."""
    return trajectories.mask if weights.shape[-1] == trajectories.mask.shape[-1] else torch.ones_like(weights).bool()


def surrogate(
    log_probs: Float[Tensor, "S N T"], advantages: Float[Tensor, "S N T"], trajectories: Trajectories
) -> Float[Tensor, " S"]:
    """Return each batch's surrogate objective, whose gradient is the estimate; to be maximised."""
    return weighted_log_likelihood(log_probs, advantages, trajectories.mask)


def _earned(
    variant: Variant,
    trajectories: Trajectories,
    fixed: Fixed,
    log_ratios: Float[Tensor, "S N T"],
    weights: Float[Tensor, "S N #T"],
) -> Float[Tensor, "S N T"]:
    """Return the weighted returns from which the weighted baseline is subtracted."""
    if variant.importance == "per_decision":
        return reward_to_go(weights * trajectories.rewards, trajectories.mask, variant.discount)
    if variant.future_correction:
        corrected = importance.future_corrected(trajectories.rewards, log_ratios, trajectories.mask, variant.discount)
        return weights * corrected
    return weights * fixed.returns


def _baseline(
    variant: Variant,
    trajectories: Trajectories,
    returns: Float[Tensor, "S N T"],
    score_products: ScoreProducts | None,
    state_values: StateValues | None,
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
        case "value_network" | "exact":
            if state_values is None:
                raise ValueError(f"baseline: {variant.baseline} needs the values of the trajectories' states")
            return state_values.along


def _totals(variant: Variant, trajectories: Trajectories) -> Float[Tensor, "S N"]:
    return total_return(trajectories.rewards, trajectories.mask, variant.discount)[..., 0]
