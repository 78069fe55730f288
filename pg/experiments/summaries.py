"""Summarise a long table over seeds, each metric by its statistic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pg.experiments.metric import Metric
from pg.experiments.metrics import METRICS
from pg.statistics import coverage, shares
from pg.statistics import estimates as statistics
from pg.statistics.intervals import Array, Interval

_SUMMARIES: Mapping[str, Callable[[Array], Interval]] = {
    "mean": statistics.mean,
    "geometric_mean": statistics.geometric_mean,
    "restricted_mean": statistics.mean,
    "median": statistics.median,
    "share": shares.share,
}


def summarise(table: pd.DataFrame, metrics: Mapping[str, Metric] = METRICS) -> pd.DataFrame:
    """Summarise a long table over seeds, each metric by its own statistic with a 95 % interval.

    Returns
    -------
    DataFrame
        Columns environment, variant, the levels, stage, metric, statistic, n, estimate, ci_low, ci_high, method.
        Interval ends are infinite if n is too small to bound them, and empty if the statistic is undefined. The method
        includes the measured coverage of the interval if that is too far from 95 %.
    """
    keys = [column for column in table.columns if column not in ("selection", "seed", "value")]
    rows = [
        {**dict(zip(keys, group, strict=True)), **_statistic_of(metrics[str(group[-1])], values.to_numpy(np.float64))}
        for group, values in table.groupby(keys, sort=False, dropna=False)["value"]
    ]
    frame = pd.DataFrame(rows, columns=[*keys, "statistic", "n", "estimate", "ci_low", "ci_high", "method"])
    # Building from rows loses the columns' types, nullable integers among them.
    return frame.astype({key: table[key].dtype for key in keys})


def _statistic_of(metric: Metric, values: Array) -> dict[str, Any]:
    if metric.failure is not None:
        values = np.where(np.isfinite(values), values, metric.failure)
    return coverage.columns_of(metric.statistic, _SUMMARIES[metric.statistic](values))
