"""Learning curves averaged over seeds."""

from __future__ import annotations

import pandas as pd

from pg.statistics.estimates import mean


def mean_curves(curves: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the mean return over seeds with its 95 % t interval, of each curve that column `by` names, at every step.

    Columns are `by`, steps, return, ci_low, ci_high.
    """
    rows = []
    for (name, steps), returns in curves.groupby([by, "steps"], sort=False)["return"]:
        interval = mean(returns)
        rows.append((name, steps, interval.estimate, interval.low, interval.high))
    return pd.DataFrame(rows, columns=[by, "steps", "return", "ci_low", "ci_high"])
