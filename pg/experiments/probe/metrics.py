"""The metrics of gradient estimates on sampled trajectories."""

from __future__ import annotations

from pg.experiments.gradient_metrics import (
    COSINE,
    LEAST_VARIANCE,
    LOG_VARIANCE_SLOPE,
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    SHRINKAGE,
    TOTAL_VARIANCE,
)
from pg.experiments.metric import Metric

METRICS = (
    TOTAL_VARIANCE,
    LEAST_VARIANCE,
    Metric(
        "snr",
        "signal-to-noise ratio",
        "‖∇J‖² over `total_variance`. ‖∇J‖² is estimated without bias where it is not exact, and may come out "
        "negative.",
    ),
    COSINE,
    Metric(
        "pairwise_cosine",
        "cosine between two gradients",
        "Mean cosine of the angle between the gradient estimates of two different batches, over all pairs of the first "
        "ten.",
    ),
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    SHRINKAGE,
    Metric(
        "shrinkage_se",
        "standard error of the shrinkage",
        "Standard error of `shrinkage` from sampling, of the estimates and of ∇J.",
    ),
    Metric(
        "reference_flagged",
        "share of noisy references",
        "1 where the sample that ∇J is taken from leaves ‖∇J‖² below 30 times the variance of its mean, so that "
        "cosines come out too low, else 0.",
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "explained_variance",
        "share of variance that the value network explains",
        "Share of the variance of rewards-to-go, over the steps of the sample, that the value network's values "
        "explain.",
        needs="value_network",
    ),
    LOG_VARIANCE_SLOPE,
    Metric(
        "empty",
        "share of batches without a gradient",
        "Share of the batches of a sample whose gradient estimate is exactly zero.",
    ),
    Metric(
        "returns_alike",
        "share of batches with equal returns but for at most one",
        "Share of the batches of a sample in which all trajectories but at most one have the same return.",
    ),
)
