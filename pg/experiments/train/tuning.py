"""Choose learning rates by the mean area under the learning curve over tuning seeds, in the same way for every variant.

A diverged run has no score, and its rate ranks below every rate without a diverged run. So a rate that diverges on any
tuning seed is chosen only if all rates do.
"""

from __future__ import annotations

import math

import pandas as pd

from pg.experiments.train import curves
from pg.experiments.train.choice import Choice, Score
from pg.experiments.train.scores import mean_score


def scores(runs: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Score tuning runs by the area under their learning curves up to the budget.

    Returns
    -------
    DataFrame
        Columns learning_rate, seed, score; sorted by the first two. The score is NaN where the run diverged.
    """
    rows = [(*which, _score(run, budget)) for which, run in runs.groupby(["learning_rate", "seed"])]
    return pd.DataFrame(rows, columns=["learning_rate", "seed", "score"])


def _score(run: pd.DataFrame, budget: int) -> float:
    if curves.has_diverged(run):
        return math.nan
    return curves.area(*curves.steps_and_returns(run), budget)


def choose(scores: pd.DataFrame) -> Choice:
    """Choose the learning rate with the best mean score; in a tie, the smallest.

    A rate with a score that is not finite ranks below every rate without one.

    Raises
    ------
    ValueError
        If there are no scores.
    """
    if scores.empty:
        raise ValueError("no scores to choose a learning rate from")
    ordered = scores.sort_values(["learning_rate", "seed"], kind="stable")
    every = tuple(
        Score(float(rate), int(seed), float(score) if math.isfinite(score) else None)
        for rate, seed, score in ordered[["learning_rate", "seed", "score"]].itertuples(index=False)
    )
    grid = sorted({one.learning_rate for one in every})
    # In a tie, max returns the first, which is the smallest rate.
    best = max(grid, key=lambda rate: mean_score(one.score for one in every if one.learning_rate == rate))
    return Choice(best, best in (grid[0], grid[-1]), every)
