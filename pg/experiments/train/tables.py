"""Build the study's tables from the rows and tuning scores of training runs, with pure functions on data frames.

Runs are keyed by cell, as the results folder is. Tables come in the declared order of the cells, then by seed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pg.environments.record import Environment
from pg.experiments.cells import Cell, columns_of, names_of
from pg.experiments.metric import Metric, values
from pg.experiments.metrics import metrics_of
from pg.experiments.selections import OF_A_RUN, SELECTION, groups_of
from pg.experiments.summaries import summarise
from pg.experiments.train import curves
from pg.experiments.train.choice import all_tie, final_scores, selection_of
from pg.experiments.train.metrics import METRICS, Evaluations, Imitation, Run
from pg.learning.columns import cause_of_divergence
from pg.statistics.estimates import mean

if TYPE_CHECKING:
    from pg.experiments.train.record import TrainExperiment

_POINTS = 100  # of a learning curve


def training_tables(
    runs: Mapping[Cell, pd.DataFrame], evaluations: Mapping[Cell, pd.DataFrame], experiment: TrainExperiment
) -> dict[str, pd.DataFrame]:
    """Return the tables of a training experiment by name, from the rows of all seeds and their evaluations by cell."""
    budget, selections = experiment.budget.steps, 1 if experiment.tuning is None else experiment.tuning.selections
    table = train_table(runs, evaluations, budget, experiment.level, experiment.metrics, selections)
    curves = train_curves(runs, budget, selections)
    return {
        "long": table,
        "summary": summarise(table, metrics_of(experiment)),
        "curves": curves,
        "means": mean_curves(curves),
        "diverged": diverged_runs(runs),
    }


def train_table(
    rows: Mapping[Cell, pd.DataFrame],
    evaluations: Mapping[Cell, pd.DataFrame],
    budget: int,
    level: Callable[[str, Environment], float | None],
    metrics: Iterable[Metric[Run]] = METRICS,
    selections: int = 1,
) -> pd.DataFrame:
    """Return the long table of a training experiment.

    Parameters
    ----------
    rows, evaluations
        Rows of all seeds by cell, cells in declared order; and those of their evaluations.
    budget
        Environment steps per seed; runs that do not reach the threshold are censored there.
    level
        Returns the level `threshold` or `failed_below` of an environment.
    metrics
        The metrics of the experiment's kind.
    selections
        The number of selections of each tuned learning rate.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, stage (empty), selection, seed, metric, value. `selection` is
        the one that determined the run's learning rate, empty if there is at most one. For runs that diverged see
        `pg.experiments.train.curves`: such a run has collapsed and failed, and a threshold that it reached before stays
        reached.
    """
    worst, long = _worst_returns(rows), []
    for cell, seed, run in _runs(rows):
        evaluated = evaluations[cell].loc[evaluations[cell]["seed"] == seed, ["steps", "return_mean"]]
        measured = Run(
            *curves.curve_of(run, budget, worst[cell.environment_id]),
            evaluations=Evaluations(*evaluated.to_numpy(dtype=np.float64).T),
            diverged=curves.has_diverged(run),
            budget=budget,
            worst=worst[cell.environment_id],
            threshold=level("threshold", cell.environment),
            failed_below=level("failed_below", cell.environment),
            imitation=_imitation(cell, run),
        )
        names = {**names_of(cell), "stage": "", SELECTION: _selection(cell, seed, selections), "seed": seed}
        long += [{**names, "metric": metric, "value": value} for metric, value in values(metrics, measured).items()]
    table = pd.DataFrame(long, columns=columns_of(rows, "stage", *OF_A_RUN, "metric", "value"))
    return table.astype({SELECTION: "Int64"})


def train_curves(rows: Mapping[Cell, pd.DataFrame], budget: int, selections: int = 1) -> pd.DataFrame:
    """Interpolate every run's learning curve on the same even grid of environment steps, up to the budget.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, selection (as in `train_table`), seed, steps, return,
        diverged_at: the steps after which the
        run diverged, at most the budget; empty if it did not. The return is empty during demonstrations.
    """
    grid, worst, frames = np.arange(1, _POINTS + 1) * budget // _POINTS, _worst_returns(rows), []
    for cell, seed, run in _runs(rows):
        diverged = curves.has_diverged(run)
        returns = curves.interpolate(*curves.curve_of(run, budget, worst[cell.environment_id]), grid)
        if (imitation := _imitation(cell, run)) is not None:
            returns[grid <= imitation.steps] = np.nan
        diverged_at = min(run["steps"].iloc[-1], budget) if diverged else np.nan
        run_names = {**names_of(cell), SELECTION: _selection(cell, seed, selections), "seed": seed}
        columns = {"steps": grid, "return": returns, "diverged_at": diverged_at}
        frames.append(pd.DataFrame({**run_names, **columns}))
    table = pd.concat(frames, ignore_index=True).astype({SELECTION: "Int64"})
    return table[columns_of(rows, *OF_A_RUN, "steps", "return", "diverged_at")]


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Average the curves of `train_curves` over seeds.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, steps, estimate, ci_low, ci_high: the mean return with its
        95 % t interval. Runs of a selection of the learning rate are a group.
    """
    keys = [column for column in curves if column not in (*OF_A_RUN, "return", "diverged_at")]
    rows = []
    for names, runs in curves.groupby(keys, sort=False, dropna=False):
        interval = mean(runs["return"], groups=groups_of(runs))
        rows.append((*names, interval.estimate, interval.low, interval.high))
    table = pd.DataFrame(rows, columns=[*keys, "estimate", "ci_low", "ci_high"])
    return table.astype({key: curves[key].dtype for key in keys})


def diverged_runs(rows: Mapping[Cell, pd.DataFrame]) -> pd.DataFrame:
    """List the runs that diverged.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, seed, iteration and steps (of the last update), cause.
    """
    diverged = [
        {**names_of(cell), "seed": seed, **run.iloc[-1][["iteration", "steps"]].astype(int), "cause": cause}
        for cell, of_cell in rows.items()
        for seed, run in of_cell.groupby("seed")
        if (cause := cause_of_divergence(run.iloc[-1].to_dict())) is not None
    ]
    return pd.DataFrame(diverged, columns=columns_of(rows, "seed", "iteration", "steps", "cause"))


def tuned_table(choices: Iterable[tuple[Cell, Sequence[Mapping[str, Any]]]]) -> pd.DataFrame:
    """Return the scores of tuning as one table, from each tuned cell and its choices, one per selection.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, selection, learning_rate, seed, share, score, mean, chosen,
        at_edge, tied; a row per score. The score is the mean return over that share of the budget, empty if the run
        diverged. `mean` is the rate's mean score over the tuning seeds of all selections, empty if a run diverged. If
        all rates tie, none is flagged as at an edge, because the scores give no direction.
    """
    rows = []
    for cell, selections in choices:
        for selection, choice in enumerate(selections):
            tied = all_tie(final_scores(choice).values())
            for one in choice["scores"]:
                flags = {
                    "chosen": one["learning_rate"] == choice["learning_rate"],
                    "at_edge": choice["at_edge"] and not tied,
                    "tied": tied,
                }
                rows.append({**names_of(cell), SELECTION: selection, **one, **flags})
    scores = ["environment", "variant", SELECTION, "learning_rate", "seed", "share", "score"]
    if not rows:
        return pd.DataFrame(columns=[*scores, "mean", "chosen", "at_edge", "tied"])
    table = pd.DataFrame(rows)
    keys = [column for column in table if column not in (*scores[2:], "chosen", "at_edge", "tied")]
    means = table.groupby([*keys, "learning_rate", "share"], dropna=False)["score"].transform("mean", skipna=False)
    table.insert([*table].index("score") + 1, "mean", means)
    return table


def _selection(cell: Cell, seed: Hashable, selections: int) -> int | None:
    return selection_of(int(str(seed)), selections) if cell.variant.is_tuned and selections > 1 else None


def _runs(rows: Mapping[Cell, pd.DataFrame]) -> Iterator[tuple[Cell, Hashable, pd.DataFrame]]:
    """Yield the rows of every run with its cell and seed."""
    return ((cell, seed, run) for cell, of_cell in rows.items() for seed, run in of_cell.groupby("seed"))


def _imitation(cell: Cell, run: pd.DataFrame) -> Imitation | None:
    if cell.variant.initialise.demonstrator is None:
        return None
    return Imitation(*run[["demonstration_steps", "demonstrator_return"]].iloc[0])


def _worst_returns(rows: Mapping[Cell, pd.DataFrame]) -> dict[str, float]:
    """Return, by environment id, the least mean return of any batch of any run of the experiment."""
    worst: dict[str, float] = {}
    for cell, of_cell in rows.items():
        returns = of_cell["return_mean"].to_numpy(np.float64)
        least = returns[np.isfinite(returns)].min(initial=np.inf)
        worst[cell.environment_id] = min(worst.get(cell.environment_id, np.inf), float(least))
    # NaN if no batch has a finite return.
    return {environment: least if np.isfinite(least) else np.nan for environment, least in worst.items()}
