"""From the rows of runs, probes and enumerations to the study's tables: pure functions from frames to frames.

Rows are keyed as the results folder is: by cell (runs), or by `environment_id` and stage (laboratory). Tables come in
the declared order of the cells, then by stage, seed, batch size and metric.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pg.evidence import coverage, curves, shares, statistics
from pg.evidence.intervals import Interval
from pg.evidence.metrics import METRICS, Kind, axes_of
from pg.study.expansion import Cell

Array = NDArray[np.float64]

_SUMMARIES: Mapping[str, Callable[[Array], Interval]] = {
    "mean": statistics.mean,
    "geometric_mean": statistics.geometric_mean,
    "restricted_mean": statistics.restricted_mean,
    "median": statistics.median,
    "share": shares.share,
}


# Training ------------------------------------------------------------------------------------------------------------


def train_table(
    runs: Mapping[Cell, pd.DataFrame],
    budget: int,
    evaluations: Mapping[Cell, pd.DataFrame] | None = None,
    level: float | None = None,
) -> pd.DataFrame:
    """Make the long table of a training experiment.

    Parameters
    ----------
    runs
        Rows of all seeds by cell, cells in declared order.
    budget
        Environment steps per seed: where runs that miss the threshold, or do not pass, are censored.
    evaluations
        Rows of all evaluations of all seeds by cell, where the experiment declares any.
    level
        Return that every episode of an evaluation must reach to pass; by default the environment's threshold.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, stage (empty), seed, metric, value. Metrics of the threshold
        stand only where the environment declares one, those of evaluations only where there are some, and those of
        imitation only where the variant imitates. What a run
        that diverged counts as: see `pg.evidence.curves`; it has collapsed, and a threshold that it reached before
        stays reached.
    """
    common, worst = _common_iterations(runs), _worst_returns(runs)
    judged = evaluations or {}
    rows = [
        {**_names(cell), "stage": "", "seed": seed, "metric": metric, "value": value}
        for cell, rows_of_cell in runs.items()
        for seed, run in _by_seed(rows_of_cell)
        for metric, value in {
            **_run_metrics(run, cell, budget, common[cell.environment_name], worst[cell.environment_id]),
            **(_evaluation_metrics(judged[cell], seed, cell, budget, level) if cell in judged else {}),
        }.items()
    ]
    return pd.DataFrame(rows, columns=_columns(runs, "stage", "seed", "metric", "value"))


def train_curves(runs: Mapping[Cell, pd.DataFrame], budget: int, points: int = 100) -> pd.DataFrame:
    """Bring every run's learning curve onto the same even grid of environment steps, up to the budget.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, seed, steps, return, diverged_at: the steps after which the
        run diverged, at most the budget, and empty where it did not. The return is empty as long as a demonstrator
        acts.
    """
    grid, worst = np.arange(1, points + 1) * budget // points, _worst_returns(runs)
    frames = [
        pd.DataFrame({**_names(cell), "seed": seed, **_curve(run, cell, budget, worst[cell.environment_id], grid)})
        for cell, rows_of_cell in runs.items()
        for seed, run in _by_seed(rows_of_cell)
    ]
    return pd.concat(frames, ignore_index=True)[_columns(runs, "seed", "steps", "return", "diverged_at")]


def diverged_runs(runs: Mapping[Cell, pd.DataFrame]) -> pd.DataFrame:
    """List the runs that diverged.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, seed, iteration and steps (of the last update), cause.
    """
    rows = [
        {**_names(cell), "seed": seed, **run.iloc[-1][["iteration", "steps"]].astype(int), "cause": cause}
        for cell, rows_of_cell in runs.items()
        for seed, run in _by_seed(rows_of_cell)
        if (cause := curves.cause_of_divergence(run)) is not None
    ]
    return pd.DataFrame(rows, columns=_columns(runs, "seed", "iteration", "steps", "cause"))


def _curve(run: pd.DataFrame, cell: Cell, budget: int, worst: float, grid: NDArray[Any]) -> dict[str, Any]:
    returns = curves.interpolate(*_whole_curve(run, budget, worst), grid)
    if _imitates(cell):
        returns[grid <= run["demonstration_steps"].iloc[0]] = np.nan
    diverged_at = min(float(run["steps"].iloc[-1]), budget) if curves.has_diverged(run) else np.nan
    return {"steps": grid, "return": returns, "diverged_at": diverged_at}


def _run_metrics(run: pd.DataFrame, cell: Cell, budget: int, common_iteration: int, worst: float) -> dict[str, float]:
    (steps, returns), diverged = _steps_and_returns(run), curves.has_diverged(run)
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
    evaluations: pd.DataFrame, seed: int, cell: Cell, budget: int, level: float | None
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
    return cell.variant.initialise != "random"


def _common_iterations(runs: Mapping[Cell, pd.DataFrame]) -> dict[str, int]:
    """Per environment, the last iteration that every run of the experiment reaches that did not diverge.

    Runs that diverged count as failures later on, and set the end only where no other run is left.
    """
    lengths: dict[str, list[tuple[bool, int]]] = {}
    for cell, rows in runs.items():
        of_environment = lengths.setdefault(cell.environment_name, [])
        of_environment += [(curves.has_diverged(run), int(run["iteration"].max())) for _, run in _by_seed(rows)]
    return {
        name: min([last for diverged, last in found if not diverged] or [last for _, last in found])
        for name, found in lengths.items()
    }


def _worst_returns(runs: Mapping[Cell, pd.DataFrame]) -> dict[str, float]:
    """Per environment, at each level of its own, the least mean return of any batch of any run of the experiment."""
    worst: dict[str, float] = {}
    for cell, rows in runs.items():
        returns = rows["return_mean"].to_numpy(np.float64)
        least = returns[np.isfinite(returns)].min(initial=np.inf)
        worst[cell.environment_id] = min(worst.get(cell.environment_id, np.inf), float(least))
    # Where no batch has a finite return, nothing is known.
    return {environment: least if np.isfinite(least) else np.nan for environment, least in worst.items()}


def _whole_curve(run: pd.DataFrame, budget: int, worst: float) -> tuple[Array, Array]:
    """Return the run's curve, up to the budget where it diverged."""
    steps, returns = _steps_and_returns(run)
    return curves.continued(steps, returns, budget, worst) if curves.has_diverged(run) else (steps, returns)


def _steps_and_returns(run: pd.DataFrame) -> tuple[Array, Array]:
    return run["steps"].to_numpy(dtype=np.float64), run["return_mean"].to_numpy(dtype=np.float64)


# Laboratory ----------------------------------------------------------------------------------------------------------


def laboratory_table(cells: Sequence[Cell], kind: Kind, rows: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Make the long table of a laboratory experiment.

    Parameters
    ----------
    cells
        The experiment's cells in declared order.
    kind
        The experiment's kind, which says what it measures.
    rows
        Rows of all seeds and variants, by (environment_id, stage), stages in declared order.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, batch (and what else the kind varies), stage, seed, metric,
        value. The slope of log total variance spans the sizes: its batch is empty.
    """
    frames = [
        _laboratory_rows(_of_variant(frame, cell), cell, kind, stage)
        for cell in cells
        for (environment_id, stage), frame in rows.items()
        if environment_id == cell.environment_id
    ]
    return pd.concat(frames, ignore_index=True)[_columns(cells, *axes_of(kind), "stage", "seed", "metric", "value")]


def poses_table(cells: Sequence[Cell], rows: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Lay the poses that a gait experiment has kept below each other.

    Parameters
    ----------
    cells, rows
        As of `laboratory_table`.

    Returns
    -------
    DataFrame
        Columns environment, variant, stage, seed, frame, step, time (seconds), part (of the body), x and z (metres).
    """
    frames = [
        _of_variant(frame, cell).sort_values(["seed", "frame"], kind="stable").assign(**_names(cell), stage=stage)
        for cell in cells
        for (environment_id, stage), frame in rows.items()
        if environment_id == cell.environment_id
    ]
    columns = _columns(cells, "stage", "seed", "frame", "step", "time", "part", "x", "z")
    return pd.concat(frames, ignore_index=True)[columns]


def _of_variant(frame: pd.DataFrame, cell: Cell) -> pd.DataFrame:
    # A variant that is named like a number comes back from CSV as one.
    return frame[frame["variant"].astype(str) == cell.variant_id]


def _laboratory_rows(frame: pd.DataFrame, cell: Cell, kind: Kind, stage: str) -> pd.DataFrame:
    keys = ["seed", *axes_of(kind)]
    frame = frame.sort_values(keys, kind="stable")
    order = {name: rank for rank, name in enumerate(name for name, metric in METRICS.items() if kind in metric.kinds)}
    # Some metrics are measured only where the study asks for them.
    measured = [name for name in order if name in frame.columns]
    long = frame.melt(keys, measured, var_name="metric", ignore_index=False)
    if "log_variance_slope" in order and len(frame[keys[-1]].unique()) > 1:
        long = pd.concat([long, _variance_slopes(frame, keys[-1])])
    long = long.assign(rank=long["metric"].map(order), batch=long["batch"].astype("Int64"))
    long = long.sort_values([*keys, "rank"], kind="stable", na_position="last").drop(columns="rank")
    return long.assign(**_names(cell), stage=stage)


def _variance_slopes(frame: pd.DataFrame, axis: str) -> pd.DataFrame:
    slopes = [
        (seed, _log_slope(rows[axis].to_numpy(np.float64), rows["total_variance"].to_numpy(np.float64)))
        for seed, rows in _by_seed(frame[frame[axis] > 0])
    ]
    return pd.DataFrame(slopes, columns=["seed", "value"]).assign(metric="log_variance_slope")


def _log_slope(axis: Array, variance: Array) -> float:
    if not (variance > 0).all():
        return float("nan")
    return statistics.slope(np.log(axis), np.log(variance)).estimate


# Summary -------------------------------------------------------------------------------------------------------------


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise a long table over seeds, each metric by its own statistic with a 95 % interval.

    Returns
    -------
    DataFrame
        Columns environment, variant, the levels, stage, metric, statistic, n, estimate, ci_low, ci_high, method.
        Interval ends are infinite where n is too small to bound them, and empty where the statistic is undefined. The
        method says how often it covers the truth where that is not what it promises.
    """
    keys = [column for column in table.columns if column not in ("seed", "value")]
    rows = [
        {**dict(zip(keys, group, strict=True)), **_summarise(str(group[-1]), values.to_numpy(np.float64))}
        for group, values in table.groupby(keys, sort=False, dropna=False)["value"]
    ]
    frame = pd.DataFrame(rows, columns=[*keys, "statistic", "n", "estimate", "ci_low", "ci_high", "method"])
    # Building from rows loses the columns' types, nullable integers among them.
    return frame.astype({key: table[key].dtype for key in keys})


def _summarise(name: str, values: Array) -> dict[str, Any]:
    metric = METRICS[name]
    if metric.failure is not None:
        values = np.where(np.isfinite(values), values, metric.failure)
    interval = _SUMMARIES[metric.statistic](values)
    return {
        "statistic": metric.statistic,
        "n": interval.n,
        "estimate": interval.estimate,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "method": coverage.method(metric.statistic, interval),
    }


# Shared --------------------------------------------------------------------------------------------------------------


def level_value(value: Any) -> Any:
    """Give a sweep's value the form that it has in a table: scalars as they are, anything else as JSON text."""
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def _names(cell: Cell) -> dict[str, Any]:
    return {column: level_value(value) for column, value in cell.names.items()}


def _columns(cells: Iterable[Cell], *rest: str) -> list[str]:
    # The cells of an experiment share its sweep.
    return ["environment", "variant", *next(iter(cells)).levels, *rest]


def _by_seed(frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield each seed's rows, in order of seeds."""
    for seed in sorted(frame["seed"].unique()):
        yield int(seed), frame[frame["seed"] == seed]
