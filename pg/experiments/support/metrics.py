"""The metrics of importance sampling without full support."""

from __future__ import annotations

from pg.experiments.gradient_metrics import LOG_VARIANCE_SLOPE, RELATIVE_BIAS, TOTAL_VARIANCE
from pg.experiments.metric import Metric

METRICS = (
    TOTAL_VARIANCE,
    RELATIVE_BIAS,
    LOG_VARIANCE_SLOPE,
    Metric(
        "median_error",
        "median error over the gradient's norm",
        "Median over sampled batches of ‖ĝ − ∇J‖ / ‖∇J‖.",
        scale="ratio",
        statistic="geometric_mean",
    ),
)
