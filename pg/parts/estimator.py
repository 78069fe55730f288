"""Combine the parts that a variant names into its gradient estimator.

Nothing here sums over seeds: entries of the S axis (seeds, probed batches, enumerated batches) do not mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pg.parts.batch import Batch
from pg.parts.corrections.base import Ratios
from pg.parts.normalisation import standardisation

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from pg.core.trajectories import Trajectories
    from pg.parts.variant import Variant


@dataclass(frozen=True, slots=True)
class Fixed:
    r"""Quantities computed once per update, at the behaviour policy θ; only ratios depend on the target policy θ'.

    Attributes
    ----------
    returns
        (S, N, T), $W_t$, zero after the last step.
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
        r"""The advantages of the on-policy estimate, $\hat A_t = (W_t - b_t) / \sigma$, also after the last step."""
        return (self.returns - self.baseline) / self.scale


def fixed(batch: Batch) -> Fixed:
    """Compute a variant's returns, baseline and normalisation, once per batch.

    Raises
    ------
    ValueError
        If the returns or the baseline need score products or state values that the batch cannot compute.
    """
    variant, returns = batch.variant, batch.returns
    baseline = variant.baseline(batch)
    if not variant.normalise_advantages:
        return Fixed(returns, baseline, returns.new_ones(1, 1, 1))
    mean, deviation = standardisation(returns - baseline, batch.mask)
    return Fixed(returns, baseline + mean, deviation)


def weights(
    variant: Variant,
    trajectories: Trajectories,
    fixed: Fixed,
    log_ratios: Float[Tensor, "S N T"] | None = None,
    state_ratios: Float[Tensor, "S N T"] | None = None,
) -> Float[Tensor, "S N T"]:
    r"""Return the factor of each score $\nabla \log \pi_{\theta'}(a_t \mid s_t)$ in the estimate.

    With the variant's importance weights $\omega_t$ this is $\gamma^t \, \omega_t (W_t - b_t) / \sigma$: the weight
    multiplies the baseline too. Per decision it is $\gamma^t [\sum_{t' \ge t} \gamma^{t'-t} w_{0:t'} r_{t'} - w_{0:t}
    b_t] / \sigma$, and with corrected future returns $W_t$ is $\sum_{t' \ge t} \gamma^{t'-t} \rho_{t+1} \cdots
    \rho_{t'} r_{t'}$. The factor $\gamma^t$ is 1 unless states are discounted. Normalisation adds the mean advantage to
    $b_t$, so that the weight multiplies it too.

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
        (S, N, T), $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$, for corrections that need them.

    Returns
    -------
    Tensor
        (S, N, T), detached, zero after the last step of each trajectory.

    Raises
    ------
    NonFiniteWeights
        If an importance weight is not finite.
    ValueError
        If state ratios are needed and missing.

    Notes
    -----
    The mean of the estimate under the behaviour policy, with a weight that is neither truncated nor normalised nor
    clipped: $\nabla J(\theta')$ for `trajectory`, `per_decision`, and `exact_state` with corrected future returns;
    else $\sum_t \sum_s d_t(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_t(s, a)$, where d is that of θ' under
    `exact_state` and else that of θ, and Q is that of θ' with corrected future returns and else that of θ.

    As $\mathbb{E}[\rho_t \nabla \log \pi_{\theta'}(a_t \mid s_t) \mid s_t] = 0$ under π_θ, a baseline that the
    trajectory's own rewards do not enter (`constant`, `leave_one_out`, `per_step_leave_one_out`, `optimal`, `exact`,
    and `value_network` as fitted on earlier batches) changes none of this, whatever the weight, although it averages
    returns of the behaviour policy. With `gae` Q is replaced by $\mathbb{E}[G^\lambda_t \mid s_t, a_t]$, which equals Q
    if the values are exact or λ is 1, and nothing is bootstrapped at truncation. The in-sample averages subtract 1/N of
    the mean with uncorrected returns: the mean is $(1 - 1/N) \nabla J(\theta')$ for `trajectory` and $1 - 1/N$ times
    their own expectation for plain ratios per step, but $\nabla J(\theta') - \frac{1}{N} \sum_t \sum_s d_{\theta',t}(s)
    \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$ for `per_decision` and for `exact_state` with corrected
    future returns.
    """
    correction = variant.importance
    if log_ratios is None or not correction.corrects:
        weighted = fixed.advantages
    else:
        ratios = Ratios(trajectories, log_ratios, state_ratios)
        by = correction.weights(ratios)
        earned = correction.weighted_returns(ratios, by, fixed.returns, variant.discount)
        weighted = (earned - by * fixed.baseline) / fixed.scale
        if (kept := correction.keeps(ratios, fixed.advantages)) is not None:
            weighted = weighted * kept
    return (weighted * Batch(variant, trajectories).state_weights).detach()


def importance_weights(
    variant: Variant,
    trajectories: Trajectories,
    log_ratios: Float[Tensor, "S N T"],
    state_ratios: Float[Tensor, "S N T"] | None = None,
) -> Float[Tensor, "S N #T"]:
    """Return a variant's importance weights, truncated and normalised as its options say.

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
        (S, N, T), zero after the last step of each trajectory; (S, N, 1) where whole trajectories are weighted.

    Raises
    ------
    NonFiniteWeights
        If a weight is not finite.
    ValueError
        If state ratios are needed and missing.
    """
    return variant.importance.weights(Ratios(trajectories, log_ratios, state_ratios))


def surrogate(
    log_probs: Float[Tensor, "S N T"], weights: Float[Tensor, "S N T"], trajectories: Trajectories
) -> Float[Tensor, " S"]:
    r"""Return the objective whose gradient is the estimate, to be maximised.

    $\frac{1}{N} \sum_i \sum_t \log \pi(a_{i,t} \mid s_{i,t}) \hat A_{i,t}$, summed over time and averaged over
    trajectories, never over seeds (the lecture, "How to implement": one backward pass gives the whole sum).

    Parameters
    ----------
    log_probs
        (S, N, T), differentiable.
    weights
        (S, N, T), $\hat A_{i,t}$, constants: no gradient flows through them.
    trajectories
        S batches of N trajectories.

    Returns
    -------
    Tensor
        (S,).
    """
    return (log_probs * weights.detach() * trajectories.mask).sum(-1).mean(-1)
