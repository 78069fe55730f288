"""Combine the parts that a variant names into its gradient estimator.

Nothing here sums over the S axis: batches (in training one, in measurements many) do not mix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pg.parts.batch import Batch
from pg.parts.corrections.base import Ratios

if TYPE_CHECKING:
    from pg.core.trajectories import Trajectories
    from pg.parts.annotations import Bool, Float, Tensor, Variant


@dataclass(frozen=True, slots=True)
class Fixed:
    r"""Returns $W_t$, baseline $b_t$ and scale σ, computed once per update, at the behaviour policy θ.

    Only ratios depend on the target policy θ'. Returns are zero after the last step; each axis of the baseline has its
    full length or 1; the scale is 1, or the standard deviation that normalises the advantages.
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
    return normalised(returns, baseline, batch.mask)


def normalised(
    returns: Float[Tensor, "S N T"], baseline: Float[Tensor, "#S #N #T"], mask: Bool[Tensor, "S N T"]
) -> Fixed:
    """Return what gives the advantages mean 0 and standard deviation 1 over each batch's valid steps."""
    mean, deviation = standardisation(returns - baseline, mask)
    return Fixed(returns, baseline + mean, deviation)


def standardisation(
    advantages: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]
) -> tuple[Float[Tensor, "S 1 1"], Float[Tensor, "S 1 1"]]:
    """Return the mean and the standard deviation of the advantages over each batch's valid steps.

    The deviation is infinite if all advantages are equal, so that dividing by it leaves 0.
    """
    batch = (1, 2)
    steps = mask.sum(batch, keepdim=True)
    mean = (advantages * mask).sum(batch, keepdim=True) / steps
    deviation = (((advantages - mean) * mask).square().sum(batch, keepdim=True) / steps).sqrt()
    # Compare the advantages themselves: equal numbers may differ from their computed mean by a rounding error.
    lowest = advantages.where(mask, math.inf).amin(batch, keepdim=True)
    highest = advantages.where(mask, -math.inf).amax(batch, keepdim=True)
    return mean, deviation.where(highest > lowest, math.inf)


def weights(
    variant: Variant,
    trajectories: Trajectories,
    fixed: Fixed,
    log_ratios: Float[Tensor, "S N T"] | None = None,
    state_ratios: Float[Tensor, "S N T"] | None = None,
) -> Float[Tensor, "S N T"]:
    r"""Return the factor of each score $\nabla \log \pi_{\theta'}(a_t \mid s_t)$ in the estimate.

    With importance weights $w_t$ the factor is $\gamma^t \, w_t (W_t - b_t) / \sigma$: the weight multiplies the
    baseline too, and with normalisation $b_t$ includes the mean advantage. $\gamma^t$ is 1 unless states are
    discounted, and $w_t$ is 1 without a correction. Two corrections weight each reward:

    - per decision, $\gamma^t [\sum_{t' \ge t} \gamma^{t'-t} w_{0:t'} r_{t'} - w_{0:t} b_t] / \sigma$;
    - with corrected future returns, $W_t = \sum_{t' \ge t} \gamma^{t'-t} \rho_{t+1} \cdots \rho_{t'} r_{t'}$.

    Parameters
    ----------
    log_ratios
        $\log \pi_{\theta'}(a_t \mid s_t) - \log \pi_\theta(a_t \mid s_t)$. Default: 0. For data of several policies the
        window says what replaces $\log \pi_\theta$.
    state_ratios
        $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$, for corrections that need them.

    Returns
    -------
    Tensor
        Detached, zero after the last step of each trajectory.

    Raises
    ------
    NonFiniteWeights
        If an importance weight is not finite.
    ValueError
        If state ratios are needed and missing.

    Notes
    -----
    What the estimate is on average under the behaviour policy, if weights are neither bounded nor normalised nor
    clipped. With `window: balance` the behaviour policy is the mixture of the window's policies; with `window: own` the
    mean is the average of those under each policy.

    - `trajectory`, `per_decision`, and `exact_state` with corrected future returns: $\nabla J(\theta')$.
    - The other corrections: $\sum_t \sum_s d_t(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_t(s, a)$. Here d belongs to
      θ' under `exact_state`, else to θ; Q belongs to θ' with corrected future returns, else to θ. With `gae`, Q is
      replaced by $\mathbb{E}[G^\lambda_t \mid s_t, a_t]$, which equals Q if the values are exact or λ is 1, and
      nothing is bootstrapped at truncation.

    Baselines that a trajectory's own rewards do not enter (`constant`, `leave_one_out`, `per_step_leave_one_out`,
    `optimal`, `exact`, and `running_average` and `value_network` as fitted on earlier batches) change none of this,
    although they average returns of π_θ: $\mathbb{E}[\rho_t \nabla \log \pi_{\theta'}(a_t \mid s_t) \mid s_t]$ is 0
    under π_θ. The averages over the whole batch subtract 1/N of the mean with uncorrected returns:

    - `trajectory`: the mean is $(1 - 1/N) \nabla J(\theta')$.
    - Plain ratios per step: the mean is $1 - 1/N$ times that without a baseline.
    - `per_decision`, and `exact_state` with corrected future returns: the mean is $\nabla J(\theta') - \frac{1}{N}
      \sum_t \sum_s d_{\theta',t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$.
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

    They are zero after the last step, or (S, N, 1) where whole trajectories are weighted. Raises as `weights` does.
    """
    return variant.importance.weights(Ratios(trajectories, log_ratios, state_ratios))


def surrogate(
    log_probs: Float[Tensor, "S N T"], weights: Float[Tensor, "S N T"], trajectories: Trajectories
) -> Float[Tensor, " S"]:
    r"""Return the objective whose gradient is the estimate, to be maximised.

    $\frac{1}{N} \sum_i \sum_t \log \pi(a_{i,t} \mid s_{i,t}) \hat A_{i,t}$, summed over time and averaged over
    trajectories, not over batches (the lecture, "How to implement": one backward pass gives the whole sum). No gradient
    flows through the weights $\hat A_{i,t}$.
    """
    return (log_probs * (weights.detach() * trajectories.mask)).sum(-1).mean(-1)
