"""Build the study's tables from the rows and tuning scores of training runs, with pure functions on data frames.

Runs are keyed by cell, as the results folder is. Tables come in the declared order of the cells, then by seed.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from pg.experiments.cells import Cell, columns_of, names_of
from pg.experiments.metric import Metric, values
from pg.experiments.train import curves
from pg.experiments.train.metrics import METRICS, Evaluations, Imitation, Run
from pg.experiments.train.scores import all_tie, mean_score
from pg.learning.columns import cause_of_divergence
from pg.statistics.estimates import mean

_POINTS = 100  # of a learning curve


def train_table(
    rows: Mapping[Cell, pd.DataFrame],
    budget: int,
    evaluations: Mapping[Cell, pd.DataFrame] | None = None,
    level: float | None = None,
    metrics: Iterable[Metric[Run]] = METRICS,
) -> pd.DataFrame:
    """Return the long table of a training experiment.

    Parameters
    ----------
    rows, evaluations
        Rows of all seeds by cell, cells in declared order; and those of evaluations, if the experiment declares any.
    budget
        Environment steps per seed; runs that do not reach the threshold, or do not pass, are censored there.
    level
        Return that every episode of an evaluation must reach to pass; by default the environment's threshold.
    metrics
        The metrics of the experiment's kind.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, stage (empty), seed, metric, value. For runs that diverged see
        `pg.experiments.train.curves`: such a run has collapsed, and a threshold that it reached before stays reached.
    """
    long = [
        {**names_of(cell), "stage": "", "seed": seed, "metric": metric, "value": value}
        for cell, seed, run in _runs(rows, budget, evaluations or {}, level)
        for metric, value in values(metrics, run).items()
    ]
    return pd.DataFrame(long, columns=columns_of(rows, "stage", "seed", "metric", "value"))


def train_curves(rows: Mapping[Cell, pd.DataFrame], budget: int) -> pd.DataFrame:
    """Interpolate every run's learning curve on the same even grid of environment steps, up to the budget.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, seed, steps, return, diverged_at: the steps after which the
        run diverged, at most the budget; empty if it did not. The return is empty during demonstrations.
    """
    grid, frames = np.arange(1, _POINTS + 1) * budget // _POINTS, []
    for cell, seed, run in _runs(rows, budget):
        returns = curves.interpolate(*run.curve, grid)
        if run.imitation is not None:
            returns[grid <= run.imitation.steps] = np.nan
        diverged_at = min(run.steps[-1], budget) if run.diverged else np.nan
        columns = {"seed": seed, "steps": grid, "return": returns, "diverged_at": diverged_at}
        frames.append(pd.DataFrame({**names_of(cell), **columns}))
    return pd.concat(frames, ignore_index=True)[columns_of(rows, "seed", "steps", "return", "diverged_at")]


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Average the curves of `train_curves` over seeds.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, steps, estimate, ci_low, ci_high: the mean return with its
        95 % t interval.
    """
    keys = [column for column in curves if column not in ("seed", "return", "diverged_at")]
    rows = []
    for names, returns in curves.groupby(keys, sort=False, dropna=False)["return"]:
        interval = mean(returns)
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


def tuned_table(choices: Iterable[tuple[Cell, Mapping[str, Any]]]) -> pd.DataFrame:
    """Return the scores of tuning as one table, from each tuned cell and its `Choice` as JSON.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, learning_rate, seed, score, mean, chosen, at_edge, tied; a row
        per score. `mean` is the rate's mean score, by which tuning chooses; it is empty if a run of the rate diverged.
        If all rates tie, none is flagged as at an edge, because the scores give no direction.
    """
    rows = []
    for cell, choice in choices:
        scores, tied = choice["scores"], all_tie(choice["scores"])
        for one in scores:
            average = mean_score(other["score"] for other in scores if other["learning_rate"] == one["learning_rate"])
            flags = {
                "mean": average if math.isfinite(average) else math.nan,
                "chosen": one["learning_rate"] == choice["learning_rate"],
                "at_edge": choice["at_edge"] and not tied,
                "tied": tied,
            }
            rows.append({**names_of(cell), **one, **flags})
    fixed = ["environment", "variant", "learning_rate", "seed", "score", "mean", "chosen", "at_edge", "tied"]
    return pd.DataFrame(rows, columns=None if rows else fixed)


def _runs(
    rows: Mapping[Cell, pd.DataFrame],
    budget: int,
    evaluations: Mapping[Cell, pd.DataFrame] = MappingProxyType({}),
    level: float | None = None,
) -> Iterator[tuple[Cell, Hashable, Run]]:
    """Yield every run with its cell and seed."""
    common, worst = _common_iterations(rows), _worst_returns(rows)
    for cell, of_cell in rows.items():
        for seed, run in of_cell.groupby("seed"):
            imitation = None
            if cell.variant.initialise.demonstrator is not None:
                imitation = Imitation(*run[["demonstration_steps", "demonstrator_return"]].iloc[0])
            yield (
                cell,
                seed,
                Run(
                    *curves.steps_and_returns(run),
                    diverged=curves.has_diverged(run),
                    budget=budget,
                    worst=worst[cell.environment_id],
                    common=common[cell.environment_name],
                    threshold=cell.environment.threshold,
                    evaluations=_evaluations_of(evaluations[cell], seed, cell, level) if cell in evaluations else None,
                    imitation=imitation,
                ),
            )


def _evaluations_of(evaluations: pd.DataFrame, seed: Hashable, cell: Cell, level: float | None) -> Evaluations:
    required = cell.environment.threshold if level is None else level
    assert required is not None, "validation refuses evaluations without a level"
    own = evaluations[evaluations["seed"] == seed]
    passed = (own["return"] >= required).groupby(own["steps"]).all()
    return Evaluations(passed.index.to_numpy(dtype=np.float64), passed.to_numpy())


def _common_iterations(rows: Mapping[Cell, pd.DataFrame]) -> dict[str, int]:
    """Return, by environment name, the last iteration that all runs reach.

    Diverged runs are ignored, unless all runs of the environment diverged.
    """
    lengths: dict[str, list[tuple[bool, int]]] = {}
    for cell, of_cell in rows.items():
        of_environment = lengths.setdefault(cell.environment_name, [])
        of_environment += [
            (curves.has_diverged(run), int(run["iteration"].max())) for _, run in of_cell.groupby("seed")
        ]
    return {
        name: min([last for diverged, last in found if not diverged] or [last for _, last in found])
        for name, found in lengths.items()
    }


def _worst_returns(rows: Mapping[Cell, pd.DataFrame]) -> dict[str, float]:
    """Return, by environment id, the least mean return of any batch of any run of the experiment."""
    worst: dict[str, float] = {}
    for cell, of_cell in rows.items():
        returns = of_cell["return_mean"].to_numpy(np.float64)
        least = returns[np.isfinite(returns)].min(initial=np.inf)
        worst[cell.environment_id] = min(worst.get(cell.environment_id, np.inf), float(least))
    # NaN if no batch has a finite return.
    return {environment: least if np.isfinite(least) else np.nan for environment, least in worst.items()}
