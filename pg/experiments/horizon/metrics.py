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
        f"{words.capitalize()} of the logarithms that `log_weight_variance` is computed from.",
        of=lambda found: float(np.percentile(found.log_weights.numpy(), at)),
    )


METRICS: tuple[Metric[Cut], ...] = (
    TOTAL_VARIANCE,
    EFFECTIVE_SHARE,
    LARGEST_WEIGHT,
    Metric(
        "median_weight",
        "median importance weight",
        "The median of all importance weights, per step or per trajectory as the variant has them.",
        of=lambda found: found.weights[found.live].median().item(),
        never_negative=True,
    ),
    Metric(
        "log_weight_variance",
        "variance of the log weight",
        "Variance of the logarithm of the importance weight, before any is cut or normalised: of the product over the "
        "whole trajectory where weights are products, else of the ratio of each step.",
        of=lambda found: found.log_weights.var().item(),
        never_negative=True,
    ),
    *map(_quantile, QUANTILES),
)
