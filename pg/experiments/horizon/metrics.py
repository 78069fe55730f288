"""The metrics of importance weights at several horizons."""

from __future__ import annotations

from pg.experiments.gradient_metrics import EFFECTIVE_SHARE, LARGEST_WEIGHT, TOTAL_VARIANCE
from pg.experiments.metric import Metric

METRICS = (
    TOTAL_VARIANCE,
    EFFECTIVE_SHARE,
    LARGEST_WEIGHT,
    Metric(
        "median_weight",
        "median importance weight",
        "The median of all importance weights, per step or per trajectory as the variant has them.",
        never_negative=True,
    ),
    Metric(
        "log_weight_variance",
        "variance of the log weight",
        "Variance of the logarithm of the importance weight, before any is cut or normalised: of the product over the "
        "whole trajectory where weights are products, else of the ratio of each step.",
        never_negative=True,
    ),
    Metric(
        "log_weight_q05",
        "5 % quantile of the log weight",
        "5 % quantile of the logarithms that `log_weight_variance` is computed from.",
    ),
    Metric(
        "log_weight_q25",
        "25 % quantile of the log weight",
        "25 % quantile of the logarithms that `log_weight_variance` is computed from.",
    ),
    Metric(
        "log_weight_q50",
        "median of the log weight",
        "Median of the logarithms that `log_weight_variance` is computed from.",
    ),
    Metric(
        "log_weight_q75",
        "75 % quantile of the log weight",
        "75 % quantile of the logarithms that `log_weight_variance` is computed from.",
    ),
    Metric(
        "log_weight_q95",
        "95 % quantile of the log weight",
        "95 % quantile of the logarithms that `log_weight_variance` is computed from.",
    ),
)
