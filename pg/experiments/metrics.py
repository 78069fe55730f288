"""The metrics that tables hold: how each is named, on which scale it is compared, and what summarises it.

The validation of a study reads this registry before any job runs, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["train", "probe", "exact", "identity", "update", "support", "staleness", "horizon", "gait"]
Scale = Literal["difference", "ratio"]
Statistic = Literal["mean", "geometric_mean", "restricted_mean", "median", "share"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a table holds once per seed.

    Attributes
    ----------
    name
        As in the column `metric` of the tables.
    label
        For axes and captions.
    unit
        Unit of the value; empty where it has none, or where it is the environment's own (returns).
    kinds
        Kinds of experiment that measure it.
    scale
        "difference": a is compared with b by a - b. "ratio": by a / b, averaged over seeds on the logarithm, because
        the value is positive and spans orders of magnitude.
    statistic
        What summarises it over seeds. "share" marks the metrics that are 0 or 1.
    failure
        Value that a run without a finite one counts as; None where such a run leaves the statistic undefined.
    never_negative
        Whether no value is below 0, so that one mean over another has a meaning.
    """

    name: str
    label: str
    unit: str
    kinds: tuple[Kind, ...]
    scale: Scale = "difference"
    statistic: Statistic = "mean"
    failure: float | None = None
    never_negative: bool = False


_ALL = (
    Metric("final_return", "return over the last tenth of the budget", "", ("train",)),
    Metric("area", "mean return over the budget", "", ("train",)),
    Metric(
        "steps_to_threshold",
        "steps to threshold",
        "environment steps",
        ("train",),
        statistic="restricted_mean",
        never_negative=True,
    ),
    Metric("censored", "share of runs that miss the threshold", "", ("train",), statistic="share", failure=1.0),
    Metric("solved", "share of runs that reach the threshold", "", ("train",), statistic="share", failure=0.0),
    Metric("steps_to_pass", "steps to two passed evaluations", "environment steps", ("train",), statistic="median"),
    Metric("passed", "share of runs with two passed evaluations", "", ("train",), statistic="share", failure=0.0),
    Metric("collapsed", "share of collapsed runs", "", ("train",), statistic="share", failure=1.0),
    Metric("diverged", "share of diverged runs", "", ("train",), statistic="share", failure=1.0),
    Metric("return_at_common_iteration", "return after equally many iterations", "", ("train",)),
    Metric("demonstrator_return", "return of the demonstrations", "", ("train",)),
    Metric("clone_minus_demonstrator", "return before the first update minus the demonstrator's", "", ("train",)),
    Metric("final_minus_demonstrator", "return at the end minus the demonstrator's", "", ("train",)),
    Metric(
        "total_variance",
        "total variance of the gradient, tr Cov",
        "",
        ("probe", "exact", "support", "staleness", "horizon"),
        scale="ratio",
        statistic="geometric_mean",
    ),
    Metric(
        "least_variance",
        "total variance with the best constant",
        "",
        ("probe", "exact"),
        scale="ratio",
        statistic="geometric_mean",
    ),
    # Its numerator is estimated without bias and may come out negative: no logarithm.
    Metric("snr", "signal-to-noise ratio", "", ("probe",)),
    Metric("cosine", "cosine to the true gradient", "", ("probe", "staleness")),
    Metric("pairwise_cosine", "cosine between two gradients", "", ("probe",)),
    Metric("relative_bias", "bias over the gradient's norm", "", ("probe", "exact", "support", "staleness")),
    Metric("relative_bias_noise", "bias over the gradient's norm, from noise alone", "", ("probe", "staleness")),
    Metric("shrinkage", "gain or loss along the true gradient", "", ("probe", "exact")),
    Metric("shrinkage_se", "standard error of the shrinkage", "", ("probe",)),
    Metric("reference_flagged", "share of noisy references", "", ("probe",), statistic="share", failure=1.0),
    Metric("explained_variance", "share of variance that the value network explains", "", ("probe",)),
    Metric("log_variance_slope", "slope of log variance", "", ("probe", "support")),
    Metric("empty", "share of batches without a gradient", "", ("probe",)),
    Metric("returns_alike", "share of batches with equal returns but for at most one", "", ("probe",)),
    Metric("differences_bias", "distance to central differences over the gradient's norm", "", ("exact",)),
    Metric("sampled_variance", "total variance in a sample", "", ("exact",), scale="ratio", statistic="geometric_mean"),
    Metric(
        "variance_ratio",
        "sampled over exact total variance",
        "",
        ("exact",),
        scale="ratio",
        statistic="geometric_mean",
    ),
    Metric("gradient_norm", "norm of the true gradient", "", ("exact",), never_negative=True),
    Metric("objective", "expected return J", "", ("exact",)),
    Metric("explicit_difference", "relative difference to the explicit sum", "", ("identity",)),
    Metric("backward_passes", "backward passes of the explicit sum", "", ("identity",), never_negative=True),
    Metric("imitation_difference", "relative difference to weighted imitation", "", ("identity",)),
    Metric("cloning_difference", "relative difference to behaviour cloning at weights 1", "", ("identity",)),
    Metric(
        "median_error",
        "median error over the gradient's norm",
        "",
        ("support",),
        scale="ratio",
        statistic="geometric_mean",
    ),
    Metric(
        "kl",
        "mean KL divergence of the policy from the one that collected the data",
        "",
        ("staleness",),
        never_negative=True,
    ),
    Metric("effective_share", "effective sample size over N", "", ("staleness", "horizon"), never_negative=True),
    Metric("largest_weight", "largest importance weight", "", ("staleness", "horizon"), never_negative=True),
    Metric("median_weight", "median importance weight", "", ("horizon",), never_negative=True),
    Metric("log_weight_variance", "variance of the log weight", "", ("horizon",), never_negative=True),
    Metric("log_weight_q05", "5 % quantile of the log weight", "", ("horizon",)),
    Metric("log_weight_q25", "25 % quantile of the log weight", "", ("horizon",)),
    Metric("log_weight_q50", "median of the log weight", "", ("horizon",)),
    Metric("log_weight_q75", "75 % quantile of the log weight", "", ("horizon",)),
    Metric("log_weight_q95", "95 % quantile of the log weight", "", ("horizon",)),
    Metric("state_part", "bias from the states' distribution over the gradient's norm", "", ("staleness",)),
    Metric("return_part", "bias from the returns over the gradient's norm", "", ("staleness",)),
    Metric("state_variation", "total variation between the states' distributions", "", ("staleness",)),
    Metric("rank_correlation", "rank correlation of likelihood change with return", "", ("update",)),
    Metric("rising_below_average", "share of below-average trajectories made likelier", "", ("update",)),
    Metric("rising_above_average", "share of above-average trajectories made likelier", "", ("update",)),
    Metric("kl_on_batch", "mean KL divergence of an update on its batch", "", ("update",)),
    Metric("kl_on_fresh", "mean KL divergence of an update on fresh trajectories", "", ("update",)),
    # An update that is wholly undone has a divergence of 0: no logarithm.
    Metric("kl_over_limit", "KL divergence over its limit, on the update's batch", "", ("update",)),
    Metric("fresh_kl_over_limit", "KL divergence over its limit, on fresh trajectories", "", ("update",)),
    Metric("fell_forward", "share of episodes that end fallen forward", "", ("gait",)),
    Metric("fell_backward", "share of episodes that end fallen backward", "", ("gait",)),
    Metric("not_fallen", "share of episodes that end without a fall", "", ("gait",)),
    Metric("displacement", "way forward of the torso", "m", ("gait",)),
    Metric("length", "length of an episode", "environment steps", ("gait",)),
    Metric("alternating_steps", "changes of the stance foot per episode", "", ("gait",)),
    Metric("episode_return", "return of an episode", "", ("gait",)),
)

OF_IMITATION = ("demonstrator_return", "clone_minus_demonstrator", "final_minus_demonstrator")
"""Measured only where a variant imitates a demonstrator before it learns."""

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})

NEEDING_A_THRESHOLD = frozenset({"steps_to_threshold", "solved", "censored"})
"""Metrics that are measured only where the environment declares a threshold."""

OF_EVALUATIONS = ("steps_to_pass", "passed")
"""Metrics that stand only where a training experiment evaluates."""

OF_SAMPLED_BATCHES = ("sampled_variance", "variance_ratio")
"""Measured only where an exact experiment samples batches as well."""

OF_TABLES = ("state_part", "return_part", "state_variation")
"""Measured only where the environment has tables."""

OF_LIMITS = ("kl_over_limit", "fresh_kl_over_limit")
"""Measured only of variants with a limit."""

OF_CRITICS = ("explained_variance",)
"""Measured only of variants with a value network."""

OF_ALL_SIZES = ("log_variance_slope",)
"""Measured over all sizes of `axes_of` at once: their rows have none of their own."""

AXES: Mapping[Kind, str] = MappingProxyType({"support": "left", "staleness": "steps", "horizon": "horizon"})
"""What a kind varies within a variant, where it is not the batch size: a column of its rows and tables."""


def axes_of(kind: Kind) -> tuple[str, ...]:
    """Name what tells a variant's rows of one seed and stage apart; variance has its slope along the last of them."""
    return ("batch", AXES[kind]) if kind in AXES else ("batch",)
