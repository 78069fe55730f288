"""The metrics of importance sampling without full support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.experiments.gradient_metrics import LOG_VARIANCE_SLOPE, RELATIVE_BIAS, TOTAL_VARIANCE
from pg.experiments.metric import Metric

if TYPE_CHECKING:
    from pg.experiments.support.measure import Weighted


def _median_error(found: Weighted) -> float:
    return ((found.sampled - found.gradient).norm(dim=-1).median() / found.gradient.norm()).item()


METRICS: tuple[Metric[Weighted], ...] = (
    TOTAL_VARIANCE,
    RELATIVE_BIAS,
    LOG_VARIANCE_SLOPE,
    Metric(
        "median_error",
        "median error over the gradient's norm",
        "Median over sampled batches of ‖ĝ − ∇J‖ / ‖∇J‖.",
        of=_median_error,
        scale="ratio",
        statistic="geometric_mean",
    ),
)
