"""The metrics of gradient estimates on sampled trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.experiments.gradient_metrics import (
    COSINE,
    LEAST_VARIANCE,
    LOG_VARIANCE_SLOPE,
    OBJECTIVE,
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    SHRINKAGE,
    TOTAL_VARIANCE,
    ratio,
)
from pg.experiments.metric import Metric, needed

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from pg.experiments.probe.measure import Probed

_PAIRWISE = 10


def _pairwise_cosine(found: Probed) -> float:
    """Return the mean cosine between two different gradients.

    As Ilyas et al. 2020, "A closer look at deep policy gradients", section 3.
    """
    gradients = found.gradients[:_PAIRWISE]
    directions = gradients / gradients.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    cosines = directions @ directions.T
    return cosines[cosines.new_ones(cosines.shape).triu(1).bool()].mean().item()


def _shrinkage_error(found: Probed) -> float:
    variance = found.along.var().item() / len(found.along) + found.reference.total_variance * found.norm**2
    return ratio(variance**0.5, found.norm**2)


def returns_alike(returns: Float[Tensor, "S N"]) -> Bool[Tensor, " S"]:
    """Return which batches have the same return in all trajectories but at most one.

    All trajectories with that return have the same weight, whatever constant is subtracted (lecture, "What does the
    gradient do? (baseline edition)").
    """
    ordered, _ = returns.sort(-1)
    return (ordered[:, 0] == ordered[:, -2]) | (ordered[:, 1] == ordered[:, -1])


METRICS: tuple[Metric[Probed], ...] = (
    TOTAL_VARIANCE,
    LEAST_VARIANCE,
    Metric(
        "snr",
        "signal-to-noise ratio",
        "‖∇J‖² divided by `total_variance`. Without tables ‖∇J‖² is an unbiased estimate, which may be negative.",
        of=lambda found: ratio(found.reference.squared_gradient, found.total_variance),
    ),
    COSINE,
    Metric(
        "pairwise_cosine",
        "cosine between two gradients",
        "Mean cosine of the angle between the gradient estimates of two different batches, over all pairs of the first "
        "ten.",
        of=_pairwise_cosine,
        noun="the cosine between the estimates of two batches",
    ),
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    SHRINKAGE,
    Metric(
        "shrinkage_se",
        "standard error of the shrinkage",
        "Standard error of `shrinkage`, from the sampling noise of the estimates and of ∇J.",
        of=_shrinkage_error,
    ),
    Metric(
        "reference_flagged",
        "share of noisy references",
        "1 if ‖∇J‖² is less than 30 times the variance of the sample mean that estimates ∇J, else 0. Cosines are then "
        "too low.",
        of=lambda found: int(found.reference.is_noisy),
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "explained_variance",
        "share of variance that the value network explains",
        "Share of the variance of rewards-to-go, over the steps of the sample, that the value network's values "
        "explain.",
        of=lambda found: needed(found.value_network),
        needs="value_network",
        is_part=True,
    ),
    LOG_VARIANCE_SLOPE,
    Metric(
        "empty",
        "share of batches without a gradient",
        "Share of the batches of a sample whose gradient estimate is exactly zero.",
        of=lambda found: (found.gradients == 0).all(-1).double().mean().item(),
        is_part=True,
    ),
    Metric(
        "returns_alike",
        "share of batches with at most one different return",
        "Share of the batches of a sample in which all trajectories but at most one have the same return.",
        of=lambda found: returns_alike(found.returns).double().mean().item(),
        is_part=True,
    ),
    OBJECTIVE,
)
