"""The metrics of training runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pg.experiments.metric import Metric, needed
from pg.experiments.train.curves import area, continued
from pg.statistics.intervals import Array

_RECENT = 5  # batches that are averaged to compare with the threshold
_TENTHS = 10


class Imitation(NamedTuple):
    """The demonstrations that a run began with: their environment steps, and their mean return."""

    steps: int
    demonstrator_return: float


class Evaluations(NamedTuple):
    """Steps (E,) before each of E evaluations, increasing, and whether every episode reached the required level."""

    steps: Array
    passed: NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """A training run, and the quantities that its metrics compare it with.

    Attributes
    ----------
    steps, returns
        (I,), environment steps after each of I batches, and the batches' mean returns.
    diverged
        Whether the last update produced numbers that are not finite (see `curves`).
    budget
        Environment steps of every run.
    worst
        The least mean return of any batch of any run of the experiment in that environment.
    common
        The last iteration that is reached by all runs of the experiment in that environment that do not diverge.
    threshold, evaluations, imitation
        None if the environment or the experiment declares none, or the variant does not imitate.
    """

    steps: Array
    returns: Array
    diverged: bool
    budget: int
    worst: float
    common: int
    threshold: float | None = None
    evaluations: Evaluations | None = None
    imitation: Imitation | None = None

    @cached_property
    def curve(self) -> tuple[Array, Array]:
        """Steps and returns, continued to the budget if the run diverged."""
        if not self.diverged:
            return self.steps, self.returns
        return continued(self.steps, self.returns, self.budget, self.worst)

    @cached_property
    def final_return(self) -> float:
        """The return over the last tenth of the budget."""
        return self.worst if self.diverged else final_return(self.steps, self.returns, self.budget)

    @cached_property
    def solved_after(self) -> float | None:
        """Steps to the threshold; None if it is not reached within the budget."""
        return steps_to_threshold(self.steps, self.returns, self.budget, needed(self.threshold))

    @cached_property
    def passed_after(self) -> float | None:
        """Steps to the second of two successive passed evaluations; None if there are none within the budget."""
        return steps_to_pass(*needed(self.evaluations), self.budget)


def final_return(steps: Array, returns: Array, budget: float) -> float:
    """Average the batches that ended in the last tenth of the budget; the last batch alone if there are none."""
    late = returns[steps > 0.9 * budget]
    return float(late.mean() if late.size else returns[-1])


def steps_to_threshold(steps: Array, returns: Array, budget: float, threshold: float) -> float | None:
    """Return the steps after which the mean return of the last five batches first reaches the threshold.

    None if that does not happen within the budget, or the run has fewer than five batches.
    """
    if len(returns) < _RECENT:
        return None
    recent = np.lib.stride_tricks.sliding_window_view(returns, _RECENT).mean(axis=-1)
    reached = steps[_RECENT - 1 :][(recent >= threshold) & (steps[_RECENT - 1 :] <= budget)]
    return float(reached[0]) if reached.size else None


def steps_to_pass(steps: Array, passed: NDArray[np.bool_], budget: float) -> float | None:
    """Return the steps after which two successive evaluations have passed.

    These are the steps at the second of the two; None if that does not happen within the budget.
    """
    twice = steps[1:][passed[1:] & passed[:-1] & (steps[1:] <= budget)]
    return float(twice[0]) if twice.size else None


def collapsed(returns: Array) -> bool:
    """Return whether a run lost most of its gain in return.

    The iterations are divided into tenths. The gain of a tenth is its mean return minus that of the first tenth. A run
    has collapsed if the gain of its last tenth is less than half of the largest gain, or if a return is not finite. A
    run without any gain has not collapsed. With fewer than ten iterations each counts as a tenth.
    """
    if not np.isfinite(returns).all():
        return True
    tenths = [part.mean() for part in np.array_split(returns, min(_TENTHS, len(returns)))]
    best_gain = max(tenths) - tenths[0]
    return bool(best_gain > 0 and tenths[-1] - tenths[0] < best_gain / 2)


def return_at_common_iteration(run: Run) -> float:
    """Average the five batches up to the common iteration; all of them if there are fewer."""
    if run.diverged and (len(run.returns) < run.common or not np.isfinite(run.returns[: run.common]).all()):
        return run.worst
    return float(run.returns[max(0, run.common - _RECENT) : run.common].mean())


METRICS: tuple[Metric[Run], ...] = (
    Metric(
        "final_return",
        "return over the last tenth of the budget",
        "Mean return of the batches that ended in the last tenth of the step budget, or of the last batch if there are "
        "none. The value of a diverged run is the least mean return of any batch of the experiment in that "
        "environment.",
    ),
    Metric(
        "area",
        "mean return over the budget",
        "Area under the learning curve, divided by the budget. At each environment step the curve is the mean return "
        "of the batch that is being collected. If a run ended early, its last batch counts up to the budget; after a "
        "divergence, the least mean return of any batch of the experiment in that environment counts.",
        of=lambda run: area(*run.curve, run.budget),
    ),
    Metric(
        "steps_to_threshold",
        "steps to threshold",
        "Environment steps after which the mean return of the last five batches first reaches the environment's "
        "threshold; the whole budget if it never does.",
        of=lambda run: float(run.budget) if run.solved_after is None else run.solved_after,
        unit="environment steps",
        statistic="restricted_mean",
        never_negative=True,
        needs="threshold",
    ),
    Metric(
        "censored",
        "share of runs that miss the threshold",
        "1 if the mean return of five successive batches never reaches the environment's threshold within the "
        "budget, else 0.",
        of=lambda run: float(run.solved_after is None),
        statistic="share",
        failure=1.0,
        needs="threshold",
    ),
    Metric(
        "solved",
        "share of runs that reach the threshold",
        "1 if the mean return of five successive batches reaches the environment's threshold within the budget, "
        "else 0.",
        of=lambda run: float(run.solved_after is not None),
        statistic="share",
        failure=0.0,
        needs="threshold",
    ),
    Metric(
        "collapsed",
        "share of collapsed runs",
        "1 if a run lost most of what it had learned, else 0. The iterations are divided into tenths; the gain of a "
        "tenth is its mean return minus that of the first. A run has collapsed if the gain of its last tenth is less "
        "than half of the largest gain, or if it diverged or a return is not finite. A run without any gain has not "
        "collapsed. With fewer than ten iterations each counts as a tenth.",
        of=lambda run: float(run.diverged or collapsed(run.returns)),
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "diverged",
        "share of diverged runs",
        "1 if the last update produced a loss, gradient, importance weight, return or policy that is not finite, so "
        "that training stopped, else 0.",
        of=lambda run: float(run.diverged),
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "return_at_common_iteration",
        "return after equally many iterations",
        "Mean return of five batches, up to the last iteration that is reached by all runs of the experiment in that "
        "environment that do not diverge. The value of a run that diverged before it is the least mean return of any "
        "batch.",
        of=return_at_common_iteration,
    ),
    Metric(
        "demonstrator_return",
        "return of the demonstrations",
        "Mean return of the trajectories that the policy imitates before it learns.",
        of=lambda run: needed(run.imitation).demonstrator_return,
        needs="imitation",
    ),
    Metric(
        "clone_minus_demonstrator",
        "return before the first update minus the demonstrator's",
        "Mean return of the first batch, which the policy collects before any update, minus `demonstrator_return`.",
        of=lambda run: run.returns[0] - needed(run.imitation).demonstrator_return,
        needs="imitation",
    ),
    Metric(
        "final_minus_demonstrator",
        "return at the end minus the demonstrator's",
        "`final_return` minus `demonstrator_return`.",
        of=lambda run: run.final_return - needed(run.imitation).demonstrator_return,
        needs="imitation",
    ),
    Metric(
        "steps_to_pass",
        "steps to two passed evaluations",
        "Environment steps until two successive evaluations have passed; the whole budget if that never happens. An "
        "evaluation passes if each of its episodes reaches the required level.",
        of=lambda run: float(run.budget) if run.passed_after is None else run.passed_after,
        unit="environment steps",
        statistic="median",
        needs="evaluations",
    ),
    Metric(
        "passed",
        "share of runs with two passed evaluations",
        "1 if two successive evaluations pass within the budget, else 0. An evaluation passes if each of its episodes "
        "reaches the required level.",
        of=lambda run: float(run.passed_after is not None),
        statistic="share",
        failure=0.0,
        needs="evaluations",
    ),
)
