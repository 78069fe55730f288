"""Declare a metric: what computes it, and everything that tables, claims, figures and the report need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Scale = Literal["difference", "ratio"]
Statistic = Literal["mean", "geometric_mean", "restricted_mean", "share"]
Need = Literal[
    "threshold",
    "failed_below",
    "tables",
    "limit",
    "value_network",
    "constant_baseline",
    "imitation",
    "sampled_batches",
    "several_sizes",
]
Found = TypeVar("Found")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Metric(Generic[Found]):
    """A number with one value per seed in a table.

    Attributes
    ----------
    name
        As in the column `metric` of the tables.
    label
        For axes and captions.
    definition
        What the value is, in a sentence. `like_this` names another metric.
    of
        Computes the value from the object that holds the results of its kind of experiment. Default: the object's
        attribute of the same name.
    noun
        Names the value in sentences, with its article. Default: "the" and the label.
    unit
        Unit of the value, which the report shows; empty if it has none, or the environment's own (returns). Of a part,
        the whole, as in "of the gradient's length", if the noun does not name it.
    is_part
        Whether the value is a part of something, which sentences write in per cent. A metric with the statistic "share"
        always is.
    scale
        "difference": claims compare a with b by a - b. "ratio": by a / b, averaged over seeds on the logarithm,
        because the value is positive and spans orders of magnitude.
    statistic
        How tables summarise it over seeds. "share" is for metrics that are 0 or 1.
    failure
        Value of a run whose own value is not finite. If it is None, such a run makes the statistic undefined.
    never_negative
        Whether the value is at least 0, so that the ratio of two means has a meaning.
    needs
        What an experiment, environment or variant must have for the metric to be measured:
        a `threshold`, a level `failed_below` or `tables` of the environment; a `limit` on the KL divergence, a
        `value_network`, a `constant_baseline` (or none), or `imitation` in the variant; `sampled_batches` or
        `several_sizes` in the experiment (then it is measured over all sizes at once, and its rows have none). The
        object that metrics are computed from has an
        attribute of this name, which is None or missing if the need is not met.
    """

    name: str
    label: str
    definition: str
    of: Callable[[Found], float] | None = None
    noun: str = ""
    unit: str = ""
    is_part: bool = False
    scale: Scale = "difference"
    statistic: Statistic = "mean"
    failure: float | None = None
    never_negative: bool = False
    needs: Need | None = None


def needed(value: Value | None) -> Value:
    """Return an attribute that a metric needs; it is not None, because otherwise the metric is not computed."""
    assert value is not None
    return value


def values(metrics: Iterable[Metric[Found]], found: Found) -> dict[str, float]:
    """Compute metrics from the results of an experiment, in order, without those whose needs are not met."""
    return {
        metric.name: getattr(found, metric.name) if metric.of is None else metric.of(found)
        for metric in metrics
        if metric.needs is None or getattr(found, metric.needs, None) is not None
    }


def missing(metrics: Iterable[Metric[Any]]) -> dict[str, float]:
    """Return NaN for every metric without needs, for rows of a policy or variant that cannot be measured."""
    return {metric.name: math.nan for metric in metrics if metric.needs is None}
