"""The metrics of single updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.experiments.metric import Metric, needed

if TYPE_CHECKING:
    from pg.experiments.update.measure import Updates


# The rank correlation tests the lecture's "Intuition". It is the same for R and R - b, because a constant does not
# change ranks. The shares test the lecture's statement about baselines. That statement is about one trajectory's term
# of the gradient, and the shares measure the effect of the whole step: a trajectory may become less likely although its
# own term makes it likelier, because probabilities sum to one and other terms are larger.
METRICS: tuple[Metric[Updates], ...] = (
    Metric(
        "rank_correlation",
        "rank correlation of likelihood change with return",
        "Spearman's correlation between the change in log p(τ) by an update and the return, over trajectories that the "
        "update has not seen; averaged over updates.",
        of=lambda found: found.rank_correlations.nanmean().item(),
        noun="the rank correlation of the change in likelihood with the return",
    ),
    Metric(
        "rising_below_average",
        "share of below-average trajectories made likelier",
        "Share of trajectories that the update on their batch makes likelier, among those with a return below the "
        "batch's mean; over all updates.",
        of=lambda found: found.below_rise.double().mean().item(),
        noun="the share of below-average trajectories that an update makes likelier",
        is_part=True,
    ),
    Metric(
        "rising_above_average",
        "share of above-average trajectories made likelier",
        "Share of trajectories that the update on their batch makes likelier, among those with a return above the "
        "batch's mean; over all updates.",
        of=lambda found: found.above_rise.double().mean().item(),
        noun="the share of above-average trajectories that an update makes likelier",
        is_part=True,
    ),
    Metric(
        "kl_on_batch",
        "mean KL divergence of an update on its batch",
        "KL divergence between the policies before and after one update, over the states of the batch of that update; "
        "averaged over updates. Its direction is that of the variant's limit, or KL(new‖old) without a limit.",
    ),
    Metric(
        "kl_on_fresh",
        "mean KL divergence of an update on fresh trajectories",
        "The same as `kl_on_batch`, over the states of fresh trajectories of the policy before the update.",
    ),
    Metric(
        "kl_over_limit",
        "KL divergence over its limit, on the update's batch",
        "`kl_on_batch` divided by the limit δ of the variant.",
        of=lambda found: found.kl_on_batch / needed(found.limit).limit,
        needs="limit",
        noun="the KL divergence on the update’s batch",
        unit="of its limit",
        is_part=True,
    ),
    Metric(
        "fresh_kl_over_limit",
        "KL divergence over its limit, on fresh trajectories",
        "`kl_on_fresh` divided by the limit δ of the variant.",
        of=lambda found: found.kl_on_fresh / needed(found.limit).limit,
        needs="limit",
        noun="the KL divergence on fresh trajectories",
        unit="of its limit",
        is_part=True,
    ),
)
