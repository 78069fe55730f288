r"""Measure how one update changes the likelihood of trajectories ("more of the good stuff, less of the bad stuff").

$\Delta \log p(\tau) = \log p_{\theta'}(\tau) - \log p_\theta(\tau) = \sum_t \log \pi_{\theta'}(a_t \mid s_t) -
\log \pi_\theta(a_t \mid s_t)$: the environment's probabilities of starts and
transitions cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.laboratory.distances import log_ratios
from pg.learning.policies import Policy

# Sums of equal terms in another order differ by rounding; trajectories with equal changes must tie.
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Effect:
    r"""The changes of likelihood by one update, on trajectories of the policy before it.

    Attributes
    ----------
    rank_correlation
        Spearman's, of $\Delta \log p(\tau)$ with the return over trajectories that the update has not seen.
    below_rise, above_rise
        Of those trajectories of the batch that earned less (more) than the batch's mean: true where
        $\Delta \log p(\tau) > 0$.
    """

    rank_correlation: float
    below_rise: Bool[Tensor, " n"]
    above_rise: Bool[Tensor, " n"]

    @classmethod
    def of(cls, before: Policy, after: Policy, batch: Trajectories, fresh: Trajectories) -> Effect:
        """Measure an update on its own batch and on fresh trajectories.

        Parameters
        ----------
        before, after
            π_θ and π_θ', in float64.
        batch, fresh
            Trajectories of π_θ, S = 1, in float64: those that the update learned from, and others.
        """
        changes, returns = log_likelihood_changes(before, after, batch), batch.returns
        return cls(
            rank_correlation=_rank_correlation(log_likelihood_changes(before, after, fresh), fresh.returns),
            below_rise=changes[returns < returns.mean()] > 0,
            above_rise=changes[returns > returns.mean()] > 0,
        )


def log_likelihood_changes(before: Policy, after: Policy, trajectories: Trajectories) -> Float[Tensor, "S N"]:
    r"""Return $\Delta \log p(\tau)$ of each trajectory, to nine decimals.

    Parameters
    ----------
    before, after
        $\pi_\theta$ and $\pi_{\theta'}$, in float64.
    trajectories
        In float64.
    """
    return log_ratios(before, after, trajectories).sum(-1).round(decimals=_DECIMALS)


def measures(effects: Sequence[Effect]) -> dict[str, float]:
    r"""Summarise what the updates of one variant from one policy did.

    rank_correlation is the mean over the updates whose fresh trajectories differ in return. It is the same for $R$ and
    $R - b$, because a constant does not change ranks. rising_below_average and rising_above_average are shares, over
    the trajectories of all batches, of those below (above) their batch's mean return that became likelier. Each is
    NaN if there is nothing to average.

    Notes
    -----
    The rank correlation tests the lecture's "Intuition". The shares test what it says of baselines, about a
    trajectory's own term of the gradient, on what the whole step makes of the trajectory: probabilities sum to one,
    and so a trajectory may become less likely although its own term pushes it up, where others are pushed harder.
    """
    return {
        "rank_correlation": _mean_of_defined([one.rank_correlation for one in effects]),
        "rising_below_average": _share([one.below_rise for one in effects]),
        "rising_above_average": _share([one.above_rise for one in effects]),
    }


def _rank_correlation(changes: Float[Tensor, "1 N"], returns: Float[Tensor, "1 N"]) -> float:
    """Return Spearman's correlation; NaN if all returns are equal.

    It is 0 where all changes are equal, since such an update prefers no trajectory to another.
    """
    if returns.unique().numel() == 1:
        return float("nan")
    if changes.unique().numel() == 1:
        return 0.0
    # Import here: it takes half a second, and other measurement jobs import this module too.
    from scipy.stats import spearmanr

    return float(spearmanr(changes.flatten().numpy(), returns.flatten().numpy()).statistic)


def _mean_of_defined(values: Sequence[float]) -> float:
    return torch.tensor(values, dtype=torch.float64).nanmean().item()


def _share(marked: Sequence[Bool[Tensor, " n"]]) -> float:
    return torch.cat([*marked]).to(torch.float64).mean().item()
