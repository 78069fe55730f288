"""Summaries of a single learning curve: mean returns of successive batches against environment steps.

In all functions, `steps` (I,) counts environment steps after each of I batches; `returns` (I,) are the batches' mean
returns; `budget` is the number of environment steps of every run.

A run has diverged if its last update produced numbers that are not finite. Its training stops there, and its earlier
batches are kept. From then on its return counts as `worst`, the least mean return of any batch of any run that it is
compared with. So a diverged run stays in every statistic, and never makes it undefined or better.

Source: Lachin (1999), "Worst-rank score analysis with informatively missing observations in clinical trials",
Control. Clin. Trials 20, 408-422.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pg.learning.columns import cause_of_divergence
from pg.statistics.intervals import Array

if TYPE_CHECKING:
    # Plans import this module, and pandas takes long to import.
    import pandas as pd


def has_diverged(run: pd.DataFrame) -> bool:
    """Return whether a run diverged in its last update, from the run's rows in order of iterations."""
    return cause_of_divergence(run.iloc[-1].to_dict()) is not None


def steps_and_returns(run: pd.DataFrame) -> tuple[Array, Array]:
    """Return the learning curve of a run, from the run's rows in order of iterations."""
    return run["steps"].to_numpy(np.float64), run["return_mean"].to_numpy(np.float64)


def curve_of(run: pd.DataFrame, budget: float, worst: float) -> tuple[Array, Array]:
    """Return the learning curve of a run, continued to the budget if the run diverged."""
    steps, returns = steps_and_returns(run)
    return continued(steps, returns, budget, worst) if has_diverged(run) else (steps, returns)


def continued(steps: Array, returns: Array, budget: float, worst: float) -> tuple[Array, Array]:
    """Continue the curve of a diverged run up to the budget, with the return `worst`.

    Returns
    -------
    steps, returns
        (I + 1,), the run's own batches and the rest of the budget. A batch whose return is not finite counts as the
        worst.
    """
    known = np.where(np.isfinite(returns), returns, worst)
    return np.append(steps, max(budget, steps[-1])), np.append(known, worst)


def area(steps: Array, returns: Array, budget: float) -> float:
    """Average the learning curve over the step budget (area under the curve divided by the budget).

    A batch's mean return is the curve's value over the steps in which the batch was collected. The last batch is cut at
    the budget, or extended to it if the run ended earlier.
    """
    ends = np.minimum(steps, budget)
    ends[-1] = budget
    return float(np.diff(ends, prepend=0.0) @ returns / budget)


def interpolate(steps: Array, returns: Array, grid: NDArray[Any]) -> Array:
    """Step-interpolate a learning curve: at each grid point, the mean return of the batch then being collected.

    After the end of a run, its last value is used.
    """
    return returns[np.minimum(np.searchsorted(steps, grid, side="left"), len(returns) - 1)]
