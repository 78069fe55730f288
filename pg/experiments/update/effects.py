r"""Measure what one update does to the policy: to the likelihood of trajectories, and its KL divergence.

$\Delta \log p(\tau) = \log p_{\theta'}(\tau) - \log p_\theta(\tau) = \sum_t \log \pi_{\theta'}(a_t \mid s_t) -
\log \pi_\theta(a_t \mid s_t)$: the environment's probabilities of starts and transitions cancel. The lecture's "More of
the good stuff, less of the bad stuff" is a statement about this change.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.laboratory.distances import divergence, log_ratios
from pg.learning.policies import Policy
from pg.parts.limits.base import Limit

# Sums of equal terms in another order differ by rounding; trajectories with equal changes must tie.
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Effect:
    r"""The effect of one update on its own batch, and on other (fresh) trajectories of the policy before it.

    Attributes
    ----------
    rank_correlation
        Spearman's, of $\Delta \log p(\tau)$ with the return over fresh trajectories.
    below_rise, above_rise
        Whether $\Delta \log p(\tau) > 0$, for each trajectory of the batch with a return below (above) the mean.
    kl_on_batch, kl_on_fresh
        Mean KL divergence over the states of the batch, where the limit applies, and over those of fresh trajectories,
        where it should be kept too.
    """

    rank_correlation: float
    below_rise: Bool[Tensor, " n"]
    above_rise: Bool[Tensor, " n"]
    kl_on_batch: float
    kl_on_fresh: float

    @classmethod
    def of(cls, before: Policy, after: Policy, batch: Trajectories, fresh: Trajectories, kl: Limit | None) -> Effect:
        r"""Measure an update of π_θ to π_θ', in float64.

        Divergences have the direction of the limit; if there is none, $\mathrm{KL}(\pi_{\theta'} \Vert \pi_\theta)$.
        """
        changes, returns = log_likelihood_changes(before, after, batch), batch.returns
        direction = "new_old" if kl is None else kl.direction
        return cls(
            _rank_correlation(log_likelihood_changes(before, after, fresh), fresh.returns),
            changes[returns < returns.mean()] > 0,
            changes[returns > returns.mean()] > 0,
            *(divergence(before, after, trajectories, direction) for trajectories in (batch, fresh)),
        )


def log_likelihood_changes(before: Policy, after: Policy, trajectories: Trajectories) -> Float[Tensor, "S N"]:
    r"""Return $\Delta \log p(\tau)$ of each trajectory, to nine decimals."""
    return log_ratios(before, after, trajectories).sum(-1).round(decimals=_DECIMALS)


def _rank_correlation(changes: Float[Tensor, "1 N"], returns: Float[Tensor, "1 N"]) -> float:
    """Return Spearman's correlation; NaN if all returns are equal.

    If all changes are equal it is 0, because the update prefers no trajectory.
    """
    if returns.unique().numel() == 1:
        return float("nan")
    if changes.unique().numel() == 1:
        return 0.0
    # Import here: it takes half a second, and other measurement jobs import this module too.
    from scipy.stats import spearmanr

    return float(spearmanr(changes.flatten().numpy(), returns.flatten().numpy()).statistic)
