"""Compare variants on the same policies, from rows of a long table: ratios and shares that figures print."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pg.statistics.estimates import geometric_mean, ratio_of_means
from pg.statistics.intervals import Interval


def paired_ratio(own: pd.DataFrame, other: pd.DataFrame) -> Interval | None:
    """Return the geometric mean of own / other over policies; None if no policy has both values."""
    own_values = _by_seed(own)
    ratios = (own_values / _by_seed(other).reindex(own_values.index)).dropna()
    return geometric_mean(ratios.to_numpy(np.float64)) if len(ratios) else None


def achieved_share(own: pd.DataFrame, zero: pd.DataFrame, least: pd.DataFrame) -> Interval:
    """Return the share of the achievable reduction of variance that an estimator reaches.

    The reductions 1 - V/V(zero) and 1 - V(least)/V(zero) are averaged over policies before they are divided, because
    the ratio of a single policy is noisy if its achievable reduction is small. The interval is Fieller's. The rows hold
    the variances of the estimator, of the one without a baseline, and of the one with the best constant baseline, all
    with the same returns.
    """
    own_values = _by_seed(own)
    without_baseline, with_best = (_by_seed(rows).reindex(own_values.index) for rows in (zero, least))
    with np.errstate(all="ignore"):
        return ratio_of_means(1 - own_values / without_baseline, 1 - with_best / without_baseline)


def _by_seed(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(rows["value"].to_numpy(np.float64), index=rows["seed"]).sort_index()
