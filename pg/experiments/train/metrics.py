"""The metrics of training runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pg.experiments.metric import Metric, needed
from pg.experiments.train.curves import area
from pg.statistics.intervals import Array

_TENTHS = 10


class Imitation(NamedTuple):
    """The demonstrations that a run began with: their environment steps, and their mean return."""

    steps: int
    demonstrator_return: float


class Evaluations(NamedTuple):
    """Environment steps (E,) before each of E evaluations, increasing, and the mean returns of their episodes."""

    steps: Array
    returns: Array


@dataclass(frozen=True)
class Run:
    """A training run, and the quantities that its metrics compare it with.

    Attributes
    ----------
    steps, returns
        (I,), environment steps after each of I batches, and the batches' mean returns, continued to the budget if the
        run diverged.
    evaluations
        Apart from the batches; the first is before the first update, the last after the last one.
    diverged
        Whether the last update produced numbers that are not finite (see `curves`).
    budget
        Environment steps of every run.
    worst
        The least mean return of any batch of any run of the experiment in that environment.
    threshold, failed_below, imitation
        None if the environment declares none, or the variant does not imitate.
    """

    steps: Array
    returns: Array
    evaluations: Evaluations
    diverged: bool
    budget: int
    worst: float
    threshold: float | None = None
    failed_below: float | None = None
    imitation: Imitation | None = None

    @cached_property
    def final_return(self) -> float:
        """The return at the end of the budget."""
        return self.worst if self.diverged else final_return(self.evaluations, self.budget)

    @cached_property
    def solved_after(self) -> float | None:
        """Steps to the threshold; None if it is not reached within the budget."""
        return steps_to(needed(self.threshold), self.evaluations, self.budget)


def final_return(evaluations: Evaluations, budget: float) -> float:
    """Average the evaluations in the last tenth of the budget; the last evaluation alone if there are none."""
    late = evaluations.returns[evaluations.steps > 0.9 * budget]
    return float(late.mean() if late.size else evaluations.returns[-1])


def steps_to(level: float, evaluations: Evaluations, budget: float) -> float | None:
    """Return the steps before the first evaluation that reaches a level; None if none within the budget does."""
    reached = evaluations.steps[(evaluations.returns >= level) & (evaluations.steps <= budget)]
    return float(reached[0]) if reached.size else None


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


METRICS: tuple[Metric[Run], ...] = (
    Metric(
        "final_return",
        "return at the end of the budget",
        "Mean return of the evaluations in the last tenth of the step budget, or of the last evaluation if there are "
        "none. Evaluations are episodes apart from the batches. The value of a diverged run is the least mean return "
        "of any batch of the experiment in that environment.",
        noun="the return of evaluations at the end of the budget",
    ),
    Metric(
        "initial_return",
        "return before the first update",
        "Mean return of the evaluation before the first update.",
        of=lambda run: float(run.evaluations.returns[0]),
    ),
    Metric(
        "area",
        "mean return over the budget",
        "Area under the learning curve, divided by the budget. At each environment step the curve is the mean return "
        "of the batch that is being collected. If a run ended early, its last batch counts up to the budget; after a "
        "divergence, the least mean return of any batch of the experiment in that environment counts.",
        of=lambda run: area(run.steps, run.returns, run.budget),
    ),
    Metric(
        "steps_to_threshold",
        "steps to threshold",
        "Environment steps before the first evaluation whose mean return reaches the threshold; the whole budget if "
        "none does. Steps of imitated demonstrations count, those that trained the demonstrator do not.",
        of=lambda run: float(run.budget) if run.solved_after is None else run.solved_after,
        unit="environment steps",
        statistic="restricted_mean",
        never_negative=True,
        needs="threshold",
        noun="the time to the threshold",
    ),
    Metric(
        "censored",
        "share of runs that miss the threshold",
        "1 if no evaluation within the budget reaches the threshold, else 0.",
        of=lambda run: float(run.solved_after is None),
        statistic="share",
        failure=1.0,
        needs="threshold",
    ),
    Metric(
        "solved",
        "share of runs that reach the threshold",
        "1 if an evaluation within the budget reaches the threshold, else 0.",
        of=lambda run: float(run.solved_after is not None),
        statistic="share",
        failure=0.0,
        needs="threshold",
    ),
    Metric(
        "failed",
        "share of failed runs",
        "1 if `final_return` is below the environment's level of failure, or the run diverged, else 0: also for a run "
        "that never learned.",
        of=lambda run: float(run.diverged or run.final_return < needed(run.failed_below)),
        statistic="share",
        failure=1.0,
        needs="failed_below",
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
        noun="the clone’s return minus the demonstrator’s",
    ),
    Metric(
        "final_minus_demonstrator",
        "return at the end minus the demonstrator's",
        "`final_return` minus `demonstrator_return`.",
        of=lambda run: run.final_return - needed(run.imitation).demonstrator_return,
        needs="imitation",
        noun="the return at the end minus the demonstrator’s",
    ),
)
