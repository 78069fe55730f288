"""The metrics of estimates from the batches of several policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.experiments.gradient_metrics import (
    COSINE,
    EFFECTIVE_SHARE,
    LARGEST_WEIGHT,
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    TOTAL_VARIANCE,
)
from pg.experiments.metric import Metric

if TYPE_CHECKING:
    from pg.experiments.staleness.measure import Corrected

METRICS: tuple[Metric[Corrected], ...] = (
    TOTAL_VARIANCE,
    COSINE,
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    Metric(
        "kl_from_oldest",
        "mean KL divergence of the newest policy from the oldest",
        "E[KL(π_θ'‖π_θ₁)] over the states of π_θ₁, the policy of the oldest batch; π_θ' is that of the newest. From a "
        "sample, or exact from tables.",
        of=lambda found: found.kl,
        never_negative=True,
    ),
    EFFECTIVE_SHARE,
    LARGEST_WEIGHT,
)
