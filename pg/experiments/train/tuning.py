"""Select learning rates by successive halving on tuning seeds, in the same way for every variant.

A score is the mean area under the learning curve over the seeds of the selection, up to a share of the budget.

1. Train with every rate of the grid for a quarter of the budget, and drop the worse half.
2. Train with the others to the end.
3. While the best of these is the smallest or the largest rate tried, train with the next half-decade as well, up to the
   declared limits.

A diverged run has no score, and its rate ranks below every rate without a diverged run. In a tie, the smallest rate is
chosen.

The selection is repeated, each time on tuning seeds of its own. The selections take turns in the seeds of the
experiment, so that the spread of its runs includes the noise of tuning.

Source: Jamieson and Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter optimization",
AISTATS, algorithm 1 (successive halving).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from pg.experiments.train import curves
from pg.experiments.train.choice import Choice, Choices, Score, all_tie, best_rate, mean_score
from pg.learning.checkpoints import Keeper
from pg.learning.columns import cause_of_divergence
from pg.learning.job import FIRST_ROUND, Budget, TuneJob, Tuning
from pg.learning.policies import Parameters
from pg.learning.training import Recorder, Training

Scorer = Callable[[float, int, float], float | None]
"""Returns the score of a learning rate on a tuning seed after a share of the budget; None if the run diverged."""


class ReadableRecorder(Recorder, Protocol):
    """A recorder with the rows of all iterations so far."""

    @property
    def rows(self) -> Sequence[Mapping[str, float | int]]:
        """The rows in the order in which they were recorded."""
        ...


def tune(
    job: TuneJob,
    recorder: ReadableRecorder,
    demonstrators: Mapping[int, Parameters] | None = None,
    keeper: Keeper | None = None,
) -> Choices:
    """Select a learning rate on the tuning seeds of each selection; parameters are as in `pg.learning.training.train`.

    Tuning and training use independent random numbers, so that no run that chooses a rate is also a result.
    """
    training = Training(job, "tune", recorder, demonstrators, keeper)

    def score(rate: float, seed: int, share: float) -> float | None:
        training.advance(seed, rate, share)
        run = [row for row in recorder.rows if (row["learning_rate"], row["seed"]) == (rate, seed)]
        return score_of(run, job.budget.part(share))

    return Choices(tuple(select(job.tuning, seeds, score) for seeds in job.seeds_of_selections))


def score_of(run: Sequence[Mapping[str, Any]], part: Budget) -> float | None:
    """Return the area under the learning curve in a part of the budget, from a run's rows; None if it diverged in it.

    If the job was interrupted, the run may have continued after the part; later rows do not count.
    """
    spent = (count for count, row in enumerate(run, 1) if part.is_spent(row["steps"], row["iteration"]))
    own = run[: next(spent, len(run))]
    if cause_of_divergence(own[-1]) is not None:
        return None
    taken, returns = (np.array([row[column] for row in own], np.float64) for column in ("steps", "return_mean"))
    return curves.area(taken, returns, part.steps)


def select(tuning: Tuning, seeds: Sequence[int], score: Scorer) -> Choice:
    """Select one learning rate."""
    scores: list[Score] = []

    def mean_after(share: float, rate: float) -> float:
        own = [Score(rate, seed, share, score(rate, seed, share)) for seed in seeds]
        scores.extend(own)
        return mean_score(one.score for one in own)

    first = {rate: mean_after(FIRST_ROUND, rate) for rate in sorted(tuning.grid)}
    # In a tie, sorting keeps the smaller rate first, and so does max.
    kept = sorted(first, key=lambda rate: first[rate], reverse=True)[: tuning.finalists]
    final = {rate: mean_after(1.0, rate) for rate in sorted(kept)}
    tried = set(tuning.grid)
    while (beyond := _beyond(best_rate(final), tried)) and tuning.allows(beyond) and _ranks(final):
        tried.add(beyond)
        final[beyond] = mean_after(1.0, beyond)
    best = best_rate(final)
    ordered = sorted(scores, key=lambda one: (one.learning_rate, one.seed, one.share))
    return Choice(best, best in (min(tried), max(tried)), tuple(ordered))


def _ranks(means: Mapping[float, float]) -> bool:
    """Return whether the best rate says where to search: not if all tie, unless all diverged."""
    return not all_tie(means.values()) or not math.isfinite(max(means.values()))


def _beyond(best: float, tried: Collection[float]) -> float | None:
    """Return the next half-decade (1, 3, 10, ...) beyond the best rate; None if the best is at no edge."""
    exponent = math.floor(math.log10(best))
    half_decades = [float(f"{digit}e{power}") for power in range(exponent - 1, exponent + 2) for digit in (1, 3)]
    if best == max(tried):
        return min(rate for rate in half_decades if rate > best)
    if best == min(tried):
        return max(rate for rate in half_decades if rate < best)
    return None
