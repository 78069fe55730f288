"""The metrics of all kinds of experiment, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pg.experiments.kind import Experiment
from pg.experiments.metric import Metric
from pg.experiments.registry import KINDS

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for kind in KINDS.values() for metric in kind.metrics}
)
"""The metrics of the built-in kinds."""


def metrics_of(*experiments: Experiment) -> dict[str, Metric]:
    """Return the metrics of experiments, in the order of their declarations."""
    return {metric.name: metric for experiment in experiments for metric in experiment.metrics}


def kinds_measuring(metric: str) -> tuple[str, ...]:
    """Name the built-in kinds that measure a metric."""
    return tuple(name for name, kind in KINDS.items() if any(one.name == metric for one in kind.metrics))
