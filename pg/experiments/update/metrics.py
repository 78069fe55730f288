"""The metrics of single updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.experiments.metric import Metric, needed

if TYPE_CHECKING:
    from pg.experiments.update.measure import Updates


# The rank correlation tests the lecture's "Intuition"; it is the same for R and R - b, because a constant does not
# change ranks. The shares test what it says of baselines, about a trajectory's own term of the gradient, on what the
# whole step makes of the trajectory: probabilities sum to one, and so a trajectory may become less likely although its
# own term pushes it up, where others are pushed harder.
METRICS: tuple[Metric[Updates], ...] = (
    Metric(
        "rank_correlation",
        "rank correlation of likelihood change with return",
        "Spearman's correlation, over trajectories that an update has not seen, of the change in log p(τ) that it "
        "makes with the return; averaged over updates.",
        of=lambda found: found.rank_correlations.nanmean().item(),
    ),
    Metric(
        "rising_below_average",
        "share of below-average trajectories made likelier",
        "Share, of the trajectories that earned less than their batch's mean return, of those that the update on the "
        "batch makes likelier; over all updates.",
        of=lambda found: found.below_rise.double().mean().item(),
    ),
    Metric(
        "rising_above_average",
        "share of above-average trajectories made likelier",
        "Share, of the trajectories that earned more than their batch's mean return, of those that the update on the "
        "batch makes likelier; over all updates.",
        of=lambda found: found.above_rise.double().mean().item(),
    ),
    Metric(
        "kl_on_batch",
        "mean KL divergence of an update on its batch",
        "KL divergence between the policies before and after one update, in the direction of the variant's limit (new "
        "from old where it has none), over the states of the batch that it learned from; averaged over updates.",
    ),
    Metric(
        "kl_on_fresh",
        "mean KL divergence of an update on fresh trajectories",
        "The same as `kl_on_batch` over the states of trajectories of the same policy that the update has not seen.",
    ),
    Metric(
        "kl_over_limit",
        "KL divergence over its limit, on the update's batch",
        "`kl_on_batch` over the limit δ of the variant.",
        of=lambda found: found.kl_on_batch / needed(found.limit).limit,
        needs="limit",
    ),
    Metric(
        "fresh_kl_over_limit",
        "KL divergence over its limit, on fresh trajectories",
        "`kl_on_fresh` over the limit δ of the variant.",
        of=lambda found: found.kl_on_fresh / needed(found.limit).limit,
        needs="limit",
    ),
)
