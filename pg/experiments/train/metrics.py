"""The metrics of training runs."""

from __future__ import annotations

from pg.experiments.metric import Metric

METRICS = (
    Metric(
        "final_return",
        "return over the last tenth of the budget",
        "Mean over the batches that ended in the last tenth of the step budget, the last batch alone if there are "
        "none, of each batch's mean return. A run that diverged counts as the least mean return of any batch of the "
        "experiment in that environment.",
    ),
    Metric(
        "area",
        "mean return over the budget",
        "Mean over the environment steps of the budget of the mean return of the batch being collected, which is the "
        "area under the learning curve over the budget. If a run ended earlier, its last batch counts up to the "
        "budget; after a divergence, the least mean return of any batch of the experiment in that environment does.",
    ),
    Metric(
        "steps_to_threshold",
        "steps to threshold",
        "Environment steps after which the mean return of the last five batches first reaches the environment's "
        "threshold; the whole budget if it never does.",
        unit="environment steps",
        statistic="restricted_mean",
        never_negative=True,
        needs="threshold",
    ),
    Metric(
        "censored",
        "share of runs that miss the threshold",
        "1 where the mean return of five successive batches never reaches the environment's threshold within the "
        "budget, else 0.",
        statistic="share",
        failure=1.0,
        needs="threshold",
    ),
    Metric(
        "solved",
        "share of runs that reach the threshold",
        "1 where the mean return of five successive batches reaches the environment's threshold within the budget, "
        "else 0.",
        statistic="share",
        failure=0.0,
        needs="threshold",
    ),
    Metric(
        "steps_to_pass",
        "steps to two passed evaluations",
        "Environment steps after which two successive evaluations have passed, every episode of each having reached "
        "the required level; the whole budget if that never happens.",
        unit="environment steps",
        statistic="median",
        needs="evaluations",
    ),
    Metric(
        "passed",
        "share of runs with two passed evaluations",
        "1 where two successive evaluations pass within the budget, every episode of each reaching the required "
        "level, else 0.",
        statistic="share",
        failure=0.0,
        needs="evaluations",
    ),
    Metric(
        "collapsed",
        "share of collapsed runs",
        "1 where a run lost most of what it had learned, else 0: its mean return, tenth by tenth of its iterations, "
        "gained something over the first tenth, and the last tenth has kept less than half of the largest gain. A run "
        "that diverged, or whose return is not finite, has collapsed; one that never gained has not. With fewer than "
        "ten iterations each counts as a tenth.",
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "diverged",
        "share of diverged runs",
        "1 where the last update left a loss, gradient, importance weight, return or policy that is not a number, and "
        "training stopped, else 0.",
        statistic="share",
        failure=1.0,
    ),
    Metric(
        "return_at_common_iteration",
        "return after equally many iterations",
        "Mean of the mean returns of the five batches up to the last iteration that every run of the experiment in "
        "that environment reaches without having diverged. A run that diverged before it counts as the least mean "
        "return of any batch.",
    ),
    Metric(
        "demonstrator_return",
        "return of the demonstrations",
        "Mean return of the trajectories that the policy imitates before it learns.",
        needs="imitation",
    ),
    Metric(
        "clone_minus_demonstrator",
        "return before the first update minus the demonstrator's",
        "Mean return of the first batch, which the policy collects before any update, minus `demonstrator_return`.",
        needs="imitation",
    ),
    Metric(
        "final_minus_demonstrator",
        "return at the end minus the demonstrator's",
        "`final_return` minus `demonstrator_return`.",
        needs="imitation",
    ),
)
