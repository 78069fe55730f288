"""Build the study's tables from the rows of training runs, with pure functions on data frames.

Runs are keyed by cell, as the results folder is. Tables come in the declared order of the cells, then by seed.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pg.experiments.cells import Cell, columns_of, names_of
from pg.experiments.train import curves
from pg.statistics.intervals import Array


def train_table(
    runs: Mapping[Cell, pd.DataFrame],
    budget: int,
    evaluations: Mapping[Cell, pd.DataFrame] | None = None,
    level: float | None = None,
) -> pd.DataFrame:
    """Return the long table of a training experiment.

    Parameters
    ----------
    runs
        Rows of all seeds by cell, cells in declared order.
    budget
        Environment steps per seed; runs that miss the threshold, or do not pass, are censored there.
    evaluations
        Rows of all evaluations of all seeds by cell, where the experiment declares any.
    level
        Return that every episode of an evaluation must reach to pass; by default the environment's threshold.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, stage (empty), seed, metric, value. Metrics of the threshold
        have rows only if the environment declares one, those of evaluations only if there are some, and those of
        imitation only if the variant imitates. For runs that diverged see `pg.experiments.train.curves`: such a run
        has collapsed, and a threshold that it reached before stays reached.
    """
    common, worst = _common_iterations(runs), _worst_returns(runs)
    judged = evaluations or {}
    rows = [
        {**names_of(cell), "stage": "", "seed": seed, "metric": metric, "value": value}
        for cell, rows_of_cell in runs.items()
        for seed, run in rows_of_cell.groupby("seed")
        for metric, value in {
            **_run_metrics(run, cell, budget, common[cell.environment_name], worst[cell.environment_id]),
            **(_evaluation_metrics(judged[cell], seed, cell, budget, level) if cell in judged else {}),
        }.items()
    ]
    return pd.DataFrame(rows, columns=columns_of(runs, "stage", "seed", "metric", "value"))


def train_curves(runs: Mapping[Cell, pd.DataFrame], budget: int, points: int = 100) -> pd.DataFrame:
    """Interpolate every run's learning curve on the same even grid of environment steps, up to the budget.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, seed, steps, return, diverged_at: the steps after which the
        run diverged, at most the budget, and empty where it did not. The return is empty as long as a demonstrator
        acts.
    """
    grid, worst = np.arange(1, points + 1) * budget // points, _worst_returns(runs)
    frames = [
        pd.DataFrame({**names_of(cell), "seed": seed, **_curve(run, cell, budget, worst[cell.environment_id], grid)})
        for cell, rows_of_cell in runs.items()
        for seed, run in rows_of_cell.groupby("seed")
    ]
    return pd.concat(frames, ignore_index=True)[columns_of(runs, "seed", "steps", "return", "diverged_at")]


def diverged_runs(runs: Mapping[Cell, pd.DataFrame]) -> pd.DataFrame:
    """List the runs that diverged.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, seed, iteration and steps (of the last update), cause.
    """
    rows = [
        {**names_of(cell), "seed": seed, **run.iloc[-1][["iteration", "steps"]].astype(int), "cause": cause}
        for cell, rows_of_cell in runs.items()
        for seed, run in rows_of_cell.groupby("seed")
        if (cause := curves.cause_of_divergence(run)) is not None
    ]
    return pd.DataFrame(rows, columns=columns_of(runs, "seed", "iteration", "steps", "cause"))


def _curve(run: pd.DataFrame, cell: Cell, budget: int, worst: float, grid: NDArray[Any]) -> dict[str, Any]:
    returns = curves.interpolate(*_whole_curve(run, budget, worst), grid)
    if _imitates(cell):
        returns[grid <= run["demonstration_steps"].iloc[0]] = np.nan
    diverged_at = min(float(run["steps"].iloc[-1]), budget) if curves.has_diverged(run) else np.nan
    return {"steps": grid, "return": returns, "diverged_at": diverged_at}


def _run_metrics(run: pd.DataFrame, cell: Cell, budget: int, common_iteration: int, worst: float) -> dict[str, float]:
    (steps, returns), diverged = curves.steps_and_returns(run), curves.has_diverged(run)
    values = {
        "final_return": worst if diverged else curves.final_return(steps, returns, budget),
        "area": curves.area(*_whole_curve(run, budget, worst), budget),
    }
    if cell.environment.threshold is not None:
        reached = curves.steps_to_threshold(steps, returns, budget, cell.environment.threshold)
        values["steps_to_threshold"] = float(budget) if reached is None else reached
        values["censored"] = float(reached is None)
        values["solved"] = float(reached is not None)
    values["collapsed"] = float(diverged or curves.collapsed(returns))
    values["diverged"] = float(diverged)
    lost = diverged and (len(returns) < common_iteration or not np.isfinite(returns[:common_iteration]).all())
    values["return_at_common_iteration"] = worst if lost else curves.return_at_iteration(returns, common_iteration)
    if _imitates(cell):
        demonstrator = float(run["demonstrator_return"].iloc[0])
        values["demonstrator_return"] = demonstrator
        # The first batch is collected before any update: it is the clone's own.
        values["clone_minus_demonstrator"] = returns[0] - demonstrator
        values["final_minus_demonstrator"] = values["final_return"] - demonstrator
    return values


def _evaluation_metrics(
    evaluations: pd.DataFrame, seed: Hashable, cell: Cell, budget: int, level: float | None
) -> dict[str, float]:
    required = cell.environment.threshold if level is None else level
    assert required is not None, "validation lets no evaluation pass without a level"
    own = evaluations[evaluations["seed"] == seed]
    passed = (own["return"] >= required).groupby(own["steps"]).all()
    reached = curves.steps_to_pass(passed.index.to_numpy(dtype=np.float64), passed.to_numpy(), budget)
    return {
        "steps_to_pass": float(budget) if reached is None else reached,
        "passed": float(reached is not None),
    }


def _imitates(cell: Cell) -> bool:
    return cell.variant.initialise.demonstrator is not None


def _common_iterations(runs: Mapping[Cell, pd.DataFrame]) -> dict[str, int]:
    """Return, by environment id, the last iteration that every run without divergence reaches.

    Runs that diverged count as failures later on, and set the end only where no other run is left.
    """
    lengths: dict[str, list[tuple[bool, int]]] = {}
    for cell, rows in runs.items():
        of_environment = lengths.setdefault(cell.environment_name, [])
        of_environment += [(curves.has_diverged(run), int(run["iteration"].max())) for _, run in rows.groupby("seed")]
    return {
        name: min([last for diverged, last in found if not diverged] or [last for _, last in found])
        for name, found in lengths.items()
    }


def _worst_returns(runs: Mapping[Cell, pd.DataFrame]) -> dict[str, float]:
    """Return, by environment id, the least mean return of any batch of any run of the experiment."""
    worst: dict[str, float] = {}
    for cell, rows in runs.items():
        returns = rows["return_mean"].to_numpy(np.float64)
        least = returns[np.isfinite(returns)].min(initial=np.inf)
        worst[cell.environment_id] = min(worst.get(cell.environment_id, np.inf), float(least))
    # NaN if no batch has a finite return.
    return {environment: least if np.isfinite(least) else np.nan for environment, least in worst.items()}


def _whole_curve(run: pd.DataFrame, budget: int, worst: float) -> tuple[Array, Array]:
    """Return the run's curve, continued to the budget if it diverged."""
    steps, returns = curves.steps_and_returns(run)
    return curves.continued(steps, returns, budget, worst) if curves.has_diverged(run) else (steps, returns)
