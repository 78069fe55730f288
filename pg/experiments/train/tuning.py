"""How a learning rate is chosen: by the mean area under the curve over tuning seeds, the same way for every variant.

A run that diverged has no score, whatever it had reached, and a mean over it ranks below every other: a rate that loses
a policy on any tuning seed is chosen only where all rates do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pg.experiments.cells import Cell, names_of
from pg.experiments.train import curves
from pg.experiments.train.choice import Choice, Score
from pg.experiments.train.scores import all_tie, mean_score


def scores(runs: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Score tuning runs by the area under their learning curves.

    Parameters
    ----------
    runs
        Rows as of a training run, with a column learning_rate that holds the rate of the grid.
    budget
        Environment steps per run.

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
    """Choose the learning rate with the best mean score; of equals, the smaller.

    A rate with a score that is not finite ranks below every rate without one.

    Parameters
    ----------
    scores
        Columns learning_rate, seed, score.

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
    # max takes the first of equals, and rates ascend.
    best = max(grid, key=lambda rate: mean_score(one.score for one in every if one.learning_rate == rate))
    return Choice(best, best in (grid[0], grid[-1]), every)


def tuned_table(choices: Iterable[tuple[Cell, Mapping[str, Any]]]) -> pd.DataFrame:
    """Return the scores of tuning as one table.

    Parameters
    ----------
    choices
        Each tuned cell with its record: `learning_rate`, `at_edge` and `scores`, a list of `learning_rate`, `seed`,
        `score`.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, learning_rate, seed, score, chosen, at_edge, tied; a row per
        score. If all rates tie, none is flagged as at an edge, because the scores give no direction.
    """
    rows = [
        {
            **names_of(cell),
            **score,
            "chosen": score["learning_rate"] == choice["learning_rate"],
            "at_edge": choice["at_edge"] and not tied,
            "tied": tied,
        }
        for cell, choice, tied in ((cell, choice, all_tie(choice["scores"])) for cell, choice in choices)
        for score in choice["scores"]
    ]
    fixed = ["environment", "variant", "learning_rate", "seed", "score", "chosen", "at_edge", "tied"]
    return pd.DataFrame(rows, columns=None if rows else fixed)
