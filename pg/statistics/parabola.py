"""Fit a parabola to positive numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pg.statistics.intervals import Array

COEFFICIENTS = 3


def parabola(levels: Array, values: Array, at: Array) -> NDArray[np.float64]:
    """Fit a + b x + c x^2 by least squares of relative errors and evaluate it.

    Parameters
    ----------
    levels, values
        The points (K); values of 0 have no relative error and are left out.
    at
        Where to evaluate the fit (P).

    Returns
    -------
    Array
        The fit (P): NaN if it is not positive, and everywhere if fewer than three points are left.
    """
    positive = values > 0
    if positive.sum() < COEFFICIENTS:
        return np.full_like(at, np.nan)
    coefficients = np.polyfit(levels[positive], values[positive], COEFFICIENTS - 1, w=1 / values[positive])
    found = np.asarray(np.polyval(coefficients, at), dtype=np.float64)
    return np.where(found > 0, found, np.nan)
