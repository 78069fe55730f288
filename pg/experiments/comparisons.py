"""Comparisons of two variants on the same policies: the numbers that figures write next to their rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pg.statistics.estimates import geometric_mean, ratio_of_means
from pg.statistics.intervals import Interval


def paired_ratio(own: pd.DataFrame, other: pd.DataFrame) -> Interval | None:
    """Return the geometric mean over policies of own / other, each ratio on one policy; None if there is no ratio.

    Parameters
    ----------
    own, other
        Rows of a long table: columns seed and value.
    """
    mine = _by_seed(own)
    ratios = (mine / _by_seed(other).reindex(mine.index)).dropna()
    return geometric_mean(ratios.to_numpy(np.float64)) if len(ratios) else None


def achieved_share(own: pd.DataFrame, zero: pd.DataFrame, least: pd.DataFrame) -> Interval:
    """Return the share of the achievable reduction of variance that an estimator reaches.

    The reductions 1 - V/V(zero) and 1 - V(least)/V(zero) are averaged over policies before they are divided, because
    their ratio under one policy means little where the achievable reduction is small. The interval is Fieller's.

    Parameters
    ----------
    own, zero, least
        Rows of a long table, columns seed and value: variances of the estimator, of the same returns without a
        baseline, and of these with the best constant.
    """
    mine = _by_seed(own)
    nothing, best = (_by_seed(rows).reindex(mine.index) for rows in (zero, least))
    with np.errstate(all="ignore"):
        return ratio_of_means(1 - mine / nothing, 1 - best / nothing)


def _by_seed(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(rows["value"].to_numpy(np.float64), index=rows["seed"]).sort_index()
