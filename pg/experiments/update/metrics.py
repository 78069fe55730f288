"""The metrics of single updates."""

from __future__ import annotations

from pg.experiments.metric import Metric

METRICS = (
    Metric(
        "rank_correlation",
        "rank correlation of likelihood change with return",
        "Spearman's correlation, over trajectories that an update has not seen, of the change in log p(τ) that it "
        "makes with the return; averaged over updates.",
    ),
    Metric(
        "rising_below_average",
        "share of below-average trajectories made likelier",
        "Share, of the trajectories that earned less than their batch's mean return, of those that the update on the "
        "batch makes likelier; over all updates.",
    ),
    Metric(
        "rising_above_average",
        "share of above-average trajectories made likelier",
        "Share, of the trajectories that earned more than their batch's mean return, of those that the update on the "
        "batch makes likelier; over all updates.",
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
        needs="limit",
    ),
    Metric(
        "fresh_kl_over_limit",
        "KL divergence over its limit, on fresh trajectories",
        "`kl_on_fresh` over the limit δ of the variant.",
        needs="limit",
    ),
)
