"""The metrics of gradient estimates by enumeration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.experiments.gradient_metrics import LEAST_VARIANCE, OBJECTIVE, RELATIVE_BIAS, SHRINKAGE, TOTAL_VARIANCE, ratio
from pg.experiments.metric import Metric, needed

if TYPE_CHECKING:
    from pg.experiments.exact.measure import Enumerated

METRICS: tuple[Metric[Enumerated], ...] = (
    TOTAL_VARIANCE,
    LEAST_VARIANCE,
    RELATIVE_BIAS,
    SHRINKAGE,
    Metric(
        "differences_bias",
        "distance to central differences over the gradient's norm",
        "‖E[ĝ] − d‖ / ‖∇J‖, exact by enumeration, where d is the gradient of the expected return by central "
        "differences; `relative_bias` uses the gradient by autodiff.",
        of=lambda found: found.distance(found.differences),
        noun="the distance to central differences",
        unit="of the gradient’s length",
        is_part=True,
    ),
    Metric(
        "sampled_variance",
        "total variance in a sample",
        "Trace of the covariance matrix of the gradient estimates of sampled batches; it estimates the exact "
        "`total_variance`.",
        of=lambda found: needed(found.sampled_batches),
        scale="ratio",
        statistic="geometric_mean",
        needs="sampled_batches",
    ),
    Metric(
        "variance_ratio",
        "sampled over exact total variance",
        "`sampled_variance` divided by `total_variance`.",
        of=lambda found: ratio(needed(found.sampled_batches), found.total_variance),
        scale="ratio",
        statistic="geometric_mean",
        needs="sampled_batches",
    ),
    Metric(
        "gradient_norm",
        "norm of the true gradient",
        "‖∇J‖, computed from the environment's tables.",
        of=lambda found: found.norm.item(),
        never_negative=True,
        noun="the length of the true gradient",
    ),
    OBJECTIVE,
    Metric(
        "parabola_distance",
        "distance of the variance to the parabola of constant baselines",
        "|`total_variance` − v| / `total_variance` of an estimate with a constant baseline b or none (b = 0): v is "
        "`least_variance` plus (b − b*)² E‖B‖² / N, with the summed scores B of a trajectory and the best constant b*.",
        of=lambda found: abs(ratio(needed(found.constant_baseline), found.total_variance) - 1),
        noun="the distance of the variance to that of the parabola",
        needs="constant_baseline",
    ),
)
