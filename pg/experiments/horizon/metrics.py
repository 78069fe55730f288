"""The metrics of importance weights at several horizons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pg.experiments.gradient_metrics import EFFECTIVE_SHARE, LARGEST_WEIGHT, TOTAL_VARIANCE
from pg.experiments.metric import Metric

if TYPE_CHECKING:
    from pg.experiments.horizon.measure import Cut

QUANTILES = (5, 25, 50, 75, 95)
"""Quantiles of the log weight, in percent."""


def _quantile(at: int) -> Metric[Cut]:
    words = "median" if at == 50 else f"{at} % quantile"
    return Metric(
        f"log_weight_q{at:02d}",
        f"{words} of the log weight",
        f"{words.capitalize()} of the logarithm of the importance weight, as in `log_weight_variance`.",
        of=lambda found: float(np.percentile(found.log_weights.numpy(), at)),
    )


METRICS: tuple[Metric[Cut], ...] = (
    TOTAL_VARIANCE,
    EFFECTIVE_SHARE,
    LARGEST_WEIGHT,
    Metric(
        "median_weight",
        "median importance weight",
        "Median of all importance weights; a variant has one per step or one per trajectory.",
        of=lambda found: found.weights[found.live].median().item(),
        never_negative=True,
    ),
    Metric(
        "log_weight_variance",
        "variance of the log weight",
        "Variance of the logarithm of the importance weight before truncation and normalisation. The weight is the "
        "product of all ratios of a trajectory if the variant weights by products, else the ratio of one step.",
        of=lambda found: found.log_weights.var().item(),
        never_negative=True,
        noun="the variance of the logarithm of the weight",
    ),
    *map(_quantile, QUANTILES),
)
