"""Declare a metric: everything that tables, claims, figures and the report need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scale = Literal["difference", "ratio"]
Statistic = Literal["mean", "geometric_mean", "restricted_mean", "median", "share"]
Need = Literal[
    "threshold", "tables", "limit", "value_network", "imitation", "evaluations", "sampled_batches", "several_sizes"
]


@dataclass(frozen=True, slots=True)
class Metric:
    """A number with one value per seed in a table.

    Attributes
    ----------
    name
        As in the column `metric` of the tables.
    label
        For axes and captions.
    definition
        What the value is, in a sentence. `like_this` names another metric.
    unit
        Unit of the value; empty if it has none, or the environment's own (returns).
    scale
        "difference": claims compare a with b by a - b. "ratio": by a / b, averaged over seeds on the logarithm,
        because the value is positive and spans orders of magnitude.
    statistic
        How tables summarise it over seeds. "share" is for metrics that are 0 or 1.
    failure
        Value that a run without a finite one counts as; None if such a run leaves the statistic undefined.
    never_negative
        Whether the value is at least 0, so that the ratio of two means has a meaning.
    needs
        What an experiment, environment or variant must have for the metric to be measured:
        a `threshold` or `tables` of the environment; a `limit` on the KL divergence, a `value_network`, or `imitation`
        in the variant; `evaluations`, `sampled_batches`, or `several_sizes` in the experiment (then it is measured
        over all sizes at once, and its rows have none).
    """

    name: str
    label: str
    definition: str
    unit: str = ""
    scale: Scale = "difference"
    statistic: Statistic = "mean"
    failure: float | None = None
    never_negative: bool = False
    needs: Need | None = None
