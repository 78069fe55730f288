"""Metrics of gradient estimates that several kinds of experiment measure.

A metric without a function is an attribute of the results of a kind, because kinds compute it differently: an
expectation, for example, is a sum over enumerated batches in one kind and a mean over sampled batches in another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pg.experiments.metric import Metric, needed
from pg.parts.corrections.weights import effective_share
from pg.statistics.intervals import Array


@dataclass(frozen=True, slots=True)
class AllSizes:
    """The rows of one seed and variant at all sizes of an experiment.

    Attributes
    ----------
    several_sizes
        The sizes that are above 0.
    columns
        The values of the other metrics at these sizes, by name.
    """

    several_sizes: Array
    columns: Mapping[str, Array]


def ratio(numerator: float, denominator: float) -> float:
    """Divide; return NaN unless the denominator is positive."""
    return numerator / denominator if denominator > 0 else math.nan


def log_variance_slope(rows: AllSizes) -> float:
    """Fit a line to the logarithm of the variance; NaN if a variance is not positive."""
    # Imported here: plans import this module, and SciPy takes long to import.
    from pg.statistics.estimates import slope

    variance = rows.columns["total_variance"]
    return slope(np.log(rows.several_sizes), np.log(variance)) if (variance > 0).all() else math.nan


def _largest_weight(found: Any) -> float:
    return found.weights.max().item()


TOTAL_VARIANCE = Metric(
    "total_variance",
    "total variance of the gradient, tr Cov",
    "Trace of the covariance matrix of the gradient estimate of a batch: over the batches of a sample, or exact "
    "where they are enumerated.",
    scale="ratio",
    statistic="geometric_mean",
    noun="the variance of the gradient estimate",
)
LEAST_VARIANCE = Metric(
    "least_variance",
    "total variance with the best constant",
    "`total_variance` of the estimator with the constant baseline that makes it least for the measured policy.",
    scale="ratio",
    statistic="geometric_mean",
    noun="the best unbiased constant",
)
OBJECTIVE: Metric[Any] = Metric(
    "objective",
    "expected return J",
    "Expected undiscounted return J of the policy, computed from the environment's tables.",
    of=lambda found: needed(found.tables),
    needs="tables",
)
COSINE = Metric(
    "cosine",
    "cosine to the true gradient",
    "Mean cosine of the angle between the gradient estimate of a batch and ∇J; 0 for an estimate that is zero.",
    noun="the cosine between the estimate of a batch and the true gradient",
)
RELATIVE_BIAS = Metric(
    "relative_bias",
    "bias over the gradient's norm",
    "‖E[ĝ] − ∇J‖ / ‖∇J‖. Exact where batches or trajectories are enumerated. In probes, and where staleness is "
    "sampled, E[ĝ] is the mean over the trajectories of a sample: the value includes the noise of that mean and of "
    "a sampled ∇J; `relative_bias_noise` is its value from noise alone.",
    noun="the bias of the gradient estimate",
    unit="of the gradient’s length",
    is_part=True,
)
RELATIVE_BIAS_NOISE = Metric(
    "relative_bias_noise",
    "bias over the gradient's norm, from noise alone",
    "`relative_bias` of an unbiased estimator, from sampling noise alone: the square root of the sum of the "
    "variances of the mean estimate and of ∇J's estimate, over ‖∇J‖. 0 if the bias is exact.",
)
SHRINKAGE = Metric(
    "shrinkage",
    "gain or loss along the true gradient",
    "⟨E[ĝ], ∇J⟩ / ‖∇J‖² − 1: the part of the bias along ∇J, negative if the estimate is too short. In probes "
    "E[ĝ] is the mean over a sample; `shrinkage_se` is the standard error.",
    noun="the gain or loss along the true gradient",
    unit="of its length",
    is_part=True,
)
LOG_VARIANCE_SLOPE: Metric[Any] = Metric(
    "log_variance_slope",
    "slope of log variance",
    "Slope of the least-squares line of log `total_variance` against the logarithm of the batch size, or, in support "
    "experiments, of the probability left to the withheld action.",
    of=log_variance_slope,
    needs="several_sizes",
    noun="the slope of log variance",
)
EFFECTIVE_SHARE: Metric[Any] = Metric(
    "effective_share",
    "effective sample size over N",
    "(Σ w)² / (N Σ w²) of the importance weights w of a batch of N, averaged over batches, and over steps where "
    "weights are per step; 1 if all are equal.",
    of=lambda found: effective_share(found.weights, found.live).mean().item(),
    never_negative=True,
    noun="the effective sample size",
    unit="of the sample",
    is_part=True,
)
LARGEST_WEIGHT: Metric[Any] = Metric(
    "largest_weight",
    "largest importance weight",
    "The largest importance weight of all batches.",
    of=_largest_weight,
    never_negative=True,
)
