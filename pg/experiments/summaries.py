"""Summarise a long table over seeds, each metric by its statistic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pg.experiments.metric import Metric
from pg.experiments.metrics import METRICS
from pg.experiments.selections import OF_A_RUN, groups_of
from pg.statistics import coverage, shares
from pg.statistics import estimates as statistics
from pg.statistics.intervals import Interval

_SUMMARIES: Mapping[str, Callable[..., Interval]] = {
    "mean": statistics.mean,
    "geometric_mean": statistics.geometric_mean,
    "restricted_mean": statistics.mean,
    "share": shares.share,
}


def summarise(table: pd.DataFrame, metrics: Mapping[str, Metric] = METRICS) -> pd.DataFrame:
    """Summarise a long table over seeds, each metric by its own statistic with a 95 % interval.

    Runs of a selection of the learning rate are a group (`pg.experiments.selections`).

    Returns
    -------
    DataFrame
        Columns environment, variant, the levels, stage, metric, and `pg.statistics.coverage.COLUMNS`.
        Interval ends are infinite if n is too small to bound them, and empty if the statistic is undefined. The method
        includes the measured coverage of the interval if that is too far from 95 %.
    """
    keys = [column for column in table.columns if column not in (*OF_A_RUN, "value")]
    rows = [
        {**dict(zip(keys, names, strict=True)), **_statistic_of(metrics[str(names[-1])], runs)}
        for names, runs in table.groupby(keys, sort=False, dropna=False)
    ]
    frame = pd.DataFrame(rows, columns=[*keys, *coverage.COLUMNS])
    # Building from rows loses the columns' types, nullable integers among them.
    return frame.astype({key: table[key].dtype for key in keys})


def _statistic_of(metric: Metric, runs: pd.DataFrame) -> dict[str, Any]:
    values = runs["value"].to_numpy(np.float64)
    if metric.failure is not None:
        values = np.where(np.isfinite(values), values, metric.failure)
    return coverage.columns_of(metric.statistic, _SUMMARIES[metric.statistic](values, groups=groups_of(runs)))
