"""The metrics that tables hold: how each is named, on which scale it is compared, and what summarises it.

The validation of a study reads this registry before any job runs, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pg.study.model.claim import ClaimPart

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
    definition
        What exactly the value is, in sentences; other metrics stand in it by their names, `like_this`.
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
    definition: str
    unit: str
    kinds: tuple[Kind, ...]
    scale: Scale = "difference"
    statistic: Statistic = "mean"
    failure: float | None = None
    never_negative: bool = False


_ALL = (
    Metric(
        "final_return",
        "return over the last tenth of the budget",
        (
            "Mean over the batches that ended in the last tenth of the step budget, the last batch alone where "
            "none did, of each batch's mean return. A run that diverged counts as the least mean return of any "
            "batch of the experiment in that environment."
        ),
        "",
        ("train",),
    ),
    Metric(
        "area",
        "mean return over the budget",
        (
            "Mean over the environment steps of the budget of the mean return of the batch being collected, "
            "which is the area under the learning curve over the budget. The last batch holds where a run ended "
            "earlier; behind a divergence the least mean return of any batch of the experiment in that "
            "environment does."
        ),
        "",
        ("train",),
    ),
    Metric(
        "steps_to_threshold",
        "steps to threshold",
        (
            "Environment steps after which the mean return of the last five batches first reaches the "
            "environment's threshold; the whole budget where that does not happen."
        ),
        "environment steps",
        ("train",),
        statistic="restricted_mean",
        never_negative=True,
    ),
    Metric(
        "censored",
        "share of runs that miss the threshold",
        (
            "1 where the mean return of five successive batches never reaches the environment's threshold "
            "within the budget, else 0."
        ),
        "",
        ("train",),
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "solved",
        "share of runs that reach the threshold",
        (
            "1 where the mean return of five successive batches reaches the environment's threshold within the "
            "budget, else 0."
        ),
        "",
        ("train",),
        statistic="share",
        failure=0.0,
    ),
    Metric(
        "steps_to_pass",
        "steps to two passed evaluations",
        (
            "Environment steps after which two successive evaluations have passed, every episode of each having "
            "reached the level that is asked of it; the whole budget where that does not happen."
        ),
        "environment steps",
        ("train",),
        statistic="median",
    ),
    Metric(
        "passed",
        "share of runs with two passed evaluations",
        (
            "1 where two successive evaluations pass within the budget, every episode of each reaching the "
            "level that is asked of it, else 0."
        ),
        "",
        ("train",),
        statistic="share",
        failure=0.0,
    ),
    Metric(
        "collapsed",
        "share of collapsed runs",
        (
            "1 where a run lost most of what it had learned, else 0: its mean return, tenth by tenth of its "
            "iterations, gained something over the first tenth, and the last tenth has kept less than half of "
            "the largest gain. A run that diverged, or whose return is not finite, has collapsed; one that "
            "never gained has not. With fewer than ten iterations each counts as a tenth."
        ),
        "",
        ("train",),
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "diverged",
        "share of diverged runs",
        (
            "1 where the last update left a loss, gradient, importance weight, return or policy that is not a "
            "number, and training stopped, else 0."
        ),
        "",
        ("train",),
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "return_at_common_iteration",
        "return after equally many iterations",
        (
            "Mean of the mean returns of the five batches up to the last iteration that every run of the "
            "experiment in that environment reaches without having diverged. A run that diverged before it "
            "counts as the least mean return of any batch."
        ),
        "",
        ("train",),
    ),
    Metric(
        "demonstrator_return",
        "return of the demonstrations",
        "Mean return of the trajectories that the policy imitates before it learns.",
        "",
        ("train",),
    ),
    Metric(
        "clone_minus_demonstrator",
        "return before the first update minus the demonstrator's",
        ("Mean return of the first batch, which the policy collects before any update, minus `demonstrator_return`."),
        "",
        ("train",),
    ),
    Metric(
        "final_minus_demonstrator",
        "return at the end minus the demonstrator's",
        "`final_return` minus `demonstrator_return`.",
        "",
        ("train",),
    ),
    Metric(
        "total_variance",
        "total variance of the gradient, tr Cov",
        (
            "Trace of the covariance matrix of the gradient estimate of a batch: over the batches of a sample, "
            "or exact where they are enumerated."
        ),
        "",
        ("probe", "exact", "support", "staleness", "horizon"),
        scale="ratio",
        statistic="geometric_mean",
    ),
    Metric(
        "least_variance",
        "total variance with the best constant",
        (
            "`total_variance` that the estimator would have with the constant baseline of least variance under "
            "the policy itself."
        ),
        "",
        ("probe", "exact"),
        scale="ratio",
        statistic="geometric_mean",
    ),
    # Its numerator is estimated without bias and may come out negative: no logarithm.
    Metric(
        "snr",
        "signal-to-noise ratio",
        (
            "‖∇J‖² over `total_variance`. ‖∇J‖² is estimated without bias where it is not exact, and may come "
            "out negative."
        ),
        "",
        ("probe",),
    ),
    Metric(
        "cosine",
        "cosine to the true gradient",
        ("Mean cosine of the angle between the gradient estimate of a batch and ∇J; 0 for an estimate that is zero."),
        "",
        ("probe", "staleness"),
    ),
    Metric(
        "pairwise_cosine",
        "cosine between two gradients",
        (
            "Mean cosine of the angle between the gradient estimates of two different batches, over all pairs "
            "of the first ten."
        ),
        "",
        ("probe",),
    ),
    Metric(
        "relative_bias",
        "bias over the gradient's norm",
        (
            "‖E[ĝ] − ∇J‖ / ‖∇J‖. Exact where batches or trajectories are enumerated. In probes, and where "
            "staleness is sampled, E[ĝ] is the mean over the trajectories of a sample: the value holds the "
            "noise of that mean and of a sampled ∇J, and `relative_bias_noise` is what sampling alone would "
            "show."
        ),
        "",
        ("probe", "exact", "support", "staleness"),
    ),
    Metric(
        "relative_bias_noise",
        "bias over the gradient's norm, from noise alone",
        (
            "What `relative_bias` would come to by sampling alone if the estimator had no bias: the root of the "
            "variance of the mean estimate plus that of ∇J's, over ‖∇J‖. 0 where the bias is exact."
        ),
        "",
        ("probe", "staleness"),
    ),
    Metric(
        "shrinkage",
        "gain or loss along the true gradient",
        (
            "⟨E[ĝ], ∇J⟩ / ‖∇J‖² − 1: the part of the bias along ∇J, negative where the estimate is too short. "
            "In probes E[ĝ] is the mean over a sample, and `shrinkage_se` its error."
        ),
        "",
        ("probe", "exact"),
    ),
    Metric(
        "shrinkage_se",
        "standard error of the shrinkage",
        "Standard error of `shrinkage` from sampling, of the estimates and of ∇J.",
        "",
        ("probe",),
    ),
    Metric(
        "reference_flagged",
        "share of noisy references",
        (
            "1 where the sample that ∇J is taken from leaves ‖∇J‖² below 30 times the variance of its mean, so "
            "that cosines come out too low, else 0."
        ),
        "",
        ("probe",),
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "explained_variance",
        "share of variance that the value network explains",
        (
            "Share of the variance of rewards-to-go, over the steps of the sample, that the value network's "
            "values explain."
        ),
        "",
        ("probe",),
    ),
    Metric(
        "log_variance_slope",
        "slope of log variance",
        (
            "Slope of the least-squares line of the logarithm of `total_variance` on that of the batch size; in "
            "experiments on support on that of the probability left."
        ),
        "",
        ("probe", "support"),
    ),
    Metric(
        "empty",
        "share of batches without a gradient",
        "Share of the batches of a sample whose gradient estimate is exactly zero.",
        "",
        ("probe",),
    ),
    Metric(
        "returns_alike",
        "share of batches with equal returns but for at most one",
        "Share of the batches of a sample in which all trajectories but at most one have the same return.",
        "",
        ("probe",),
    ),
    Metric(
        "differences_bias",
        "distance to central differences over the gradient's norm",
        (
            "‖E[ĝ] − d‖ / ‖∇J‖, exact by enumeration, with d the gradient of the expected return by central "
            "differences in place of that by autodiff."
        ),
        "",
        ("exact",),
    ),
    Metric(
        "sampled_variance",
        "total variance in a sample",
        (
            "Trace of the covariance matrix of the gradient estimates of sampled batches, beside the exact "
            "`total_variance`."
        ),
        "",
        ("exact",),
        scale="ratio",
        statistic="geometric_mean",
    ),
    Metric(
        "variance_ratio",
        "sampled over exact total variance",
        "`sampled_variance` over `total_variance`.",
        "",
        ("exact",),
        scale="ratio",
        statistic="geometric_mean",
    ),
    Metric(
        "gradient_norm",
        "norm of the true gradient",
        "‖∇J‖ by the environment's tables.",
        "",
        ("exact",),
        never_negative=True,
    ),
    Metric(
        "objective",
        "expected return J",
        "J, the expected undiscounted return of the policy, by the environment's tables.",
        "",
        ("exact",),
    ),
    Metric(
        "explicit_difference",
        "relative difference to the explicit sum",
        (
            "‖∇J̃ − g‖ / ‖g‖ between the gradient of the surrogate that training follows and the explicit sum g "
            "over trajectories and steps."
        ),
        "",
        ("identity",),
    ),
    Metric(
        "backward_passes",
        "backward passes of the explicit sum",
        ("How many backward passes the explicit sum over trajectories and steps takes, where the surrogate takes one."),
        "",
        ("identity",),
        never_negative=True,
    ),
    Metric(
        "imitation_difference",
        "relative difference to weighted imitation",
        (
            "The same as `explicit_difference`, with g the gradient of imitation weighted as the estimator "
            "weights; of Gaussian policies on the parameters of the mean alone."
        ),
        "",
        ("identity",),
    ),
    Metric(
        "cloning_difference",
        "relative difference to behaviour cloning at weights 1",
        (
            "The same as `imitation_difference` with every weight 1 on both sides, which makes g that of "
            "behaviour cloning."
        ),
        "",
        ("identity",),
    ),
    Metric(
        "median_error",
        "median error over the gradient's norm",
        "Median over sampled batches of ‖ĝ − ∇J‖ / ‖∇J‖.",
        "",
        ("support",),
        scale="ratio",
        statistic="geometric_mean",
    ),
    Metric(
        "kl",
        "mean KL divergence of the policy from the one that collected the data",
        (
            "E[KL(π_θ'‖π_θ)] over states of the policy π_θ that collected the data, π_θ' being the one after "
            "some gradient steps: over a sample, or exact on tables."
        ),
        "",
        ("staleness",),
        never_negative=True,
    ),
    Metric(
        "effective_share",
        "effective sample size over N",
        (
            "(Σ w)² / (N Σ w²) of the importance weights w of a batch of N, averaged over batches, and over "
            "steps where weights stand per step; 1 where all are equal."
        ),
        "",
        ("staleness", "horizon"),
        never_negative=True,
    ),
    Metric(
        "largest_weight",
        "largest importance weight",
        "The largest importance weight of all batches.",
        "",
        ("staleness", "horizon"),
        never_negative=True,
    ),
    Metric(
        "median_weight",
        "median importance weight",
        "The median of all importance weights, per step or per trajectory as the variant has them.",
        "",
        ("horizon",),
        never_negative=True,
    ),
    Metric(
        "log_weight_variance",
        "variance of the log weight",
        (
            "Variance of the logarithm of the importance weight, before any is cut or normalised: of the "
            "product over the whole trajectory where weights are products, else of the ratio of each step."
        ),
        "",
        ("horizon",),
        never_negative=True,
    ),
    Metric(
        "log_weight_q05",
        "5 % quantile of the log weight",
        ("The value that 5 % of the logarithms lie below, of the weights that `log_weight_variance` is taken of."),
        "",
        ("horizon",),
    ),
    Metric(
        "log_weight_q25",
        "25 % quantile of the log weight",
        ("The value that 25 % of the logarithms lie below, of the weights that `log_weight_variance` is taken of."),
        "",
        ("horizon",),
    ),
    Metric(
        "log_weight_q50",
        "median of the log weight",
        ("The value that half of the logarithms lie below, of the weights that `log_weight_variance` is taken of."),
        "",
        ("horizon",),
    ),
    Metric(
        "log_weight_q75",
        "75 % quantile of the log weight",
        ("The value that 75 % of the logarithms lie below, of the weights that `log_weight_variance` is taken of."),
        "",
        ("horizon",),
    ),
    Metric(
        "log_weight_q95",
        "95 % quantile of the log weight",
        ("The value that 95 % of the logarithms lie below, of the weights that `log_weight_variance` is taken of."),
        "",
        ("horizon",),
    ),
    Metric(
        "state_part",
        "bias from the states' distribution over the gradient's norm",
        (
            "Norm over ‖∇J(θ')‖ of that part of the bias of per-step ratios which the states of π_θ, in place "
            "of those of π_θ', make; exact, on tables."
        ),
        "",
        ("staleness",),
    ),
    Metric(
        "return_part",
        "bias from the returns over the gradient's norm",
        (
            "Norm over ‖∇J(θ')‖ of that part of the bias of per-step ratios which the rewards-to-go of π_θ, in "
            "place of those of π_θ', make; exact, on tables."
        ),
        "",
        ("staleness",),
    ),
    Metric(
        "state_variation",
        "total variation between the states' distributions",
        (
            "Mean over time steps of half the sum over states of |d_θ(s) − d_θ'(s)|, with what has ended in a "
            "state of its own: 0 where both policies visit alike, 1 where they never meet; exact, on tables."
        ),
        "",
        ("staleness",),
    ),
    Metric(
        "rank_correlation",
        "rank correlation of likelihood change with return",
        (
            "Spearman's correlation, over trajectories that an update has not seen, of the change in log p(τ) "
            "that it makes with the return; averaged over updates."
        ),
        "",
        ("update",),
    ),
    Metric(
        "rising_below_average",
        "share of below-average trajectories made likelier",
        (
            "Share, of the trajectories that earned less than their batch's mean return, of those that the "
            "update on the batch makes likelier; over all updates."
        ),
        "",
        ("update",),
    ),
    Metric(
        "rising_above_average",
        "share of above-average trajectories made likelier",
        (
            "Share, of the trajectories that earned more than their batch's mean return, of those that the "
            "update on the batch makes likelier; over all updates."
        ),
        "",
        ("update",),
    ),
    Metric(
        "kl_on_batch",
        "mean KL divergence of an update on its batch",
        (
            "KL divergence between the policies before and after one update, in the direction of the variant's "
            "limit (new from old where it has none), over the states of the batch that it learned from; "
            "averaged over updates."
        ),
        "",
        ("update",),
    ),
    Metric(
        "kl_on_fresh",
        "mean KL divergence of an update on fresh trajectories",
        ("The same as `kl_on_batch` over the states of trajectories of the same policy that the update has not seen."),
        "",
        ("update",),
    ),
    # An update that is wholly undone has a divergence of 0: no logarithm.
    Metric(
        "kl_over_limit",
        "KL divergence over its limit, on the update's batch",
        "`kl_on_batch` over the limit δ of the variant.",
        "",
        ("update",),
    ),
    Metric(
        "fresh_kl_over_limit",
        "KL divergence over its limit, on fresh trajectories",
        "`kl_on_fresh` over the limit δ of the variant.",
        "",
        ("update",),
    ),
    Metric(
        "fell_forward",
        "share of episodes that end fallen forward",
        ("Share of a policy's episodes that terminate with the torso lower than it began, and further forward."),
        "",
        ("gait",),
    ),
    Metric(
        "fell_backward",
        "share of episodes that end fallen backward",
        "Share of a policy's episodes that terminate with the torso lower than it began, and further back.",
        "",
        ("gait",),
    ),
    Metric(
        "not_fallen",
        "share of episodes that end without a fall",
        "Share of a policy's episodes that neither fall forward nor backward.",
        "",
        ("gait",),
    ),
    Metric(
        "displacement",
        "way forward of the torso",
        ("Metres that the torso has come forward by the end of an episode; averaged over a policy's episodes."),
        "m",
        ("gait",),
    ),
    Metric(
        "length",
        "length of an episode",
        "Steps of an episode, averaged over a policy's episodes.",
        "environment steps",
        ("gait",),
    ),
    Metric(
        "alternating_steps",
        "changes of the stance foot per episode",
        (
            "How often, in an episode, the foot that stands on the floor alone is another one than that which "
            "last did; averaged over a policy's episodes."
        ),
        "",
        ("gait",),
    ),
    Metric(
        "episode_return",
        "return of an episode",
        "Return of an episode, averaged over a policy's episodes.",
        "",
        ("gait",),
    ),
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


def null_value(part: ClaimPart) -> float:
    """Return the value that a part of a claim tests its effect against: where nothing is to be found."""
    if part.reference is not None:
        return part.reference
    return 1.0 if part.ratio_of_means or METRICS[part.metric].scale == "ratio" else 0.0
