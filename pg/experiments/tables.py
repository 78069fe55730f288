"""From the rows of the laboratory to the study's tables: pure functions from frames to frames.

Rows are keyed by `environment_id` and stage, as the results folder is. Tables come in the declared order of the cells,
then by stage, seed, batch size and metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pg.experiments.cells import Cell, columns_of, names_of
from pg.experiments.metrics import METRICS, Kind, axes_of
from pg.statistics import estimates as statistics
from pg.statistics.intervals import Array


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
    return pd.concat(frames, ignore_index=True)[columns_of(cells, *axes_of(kind), "stage", "seed", "metric", "value")]


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
        _of_variant(frame, cell).sort_values(["seed", "frame"], kind="stable").assign(**names_of(cell), stage=stage)
        for cell in cells
        for (environment_id, stage), frame in rows.items()
        if environment_id == cell.environment_id
    ]
    columns = columns_of(cells, "stage", "seed", "frame", "step", "time", "part", "x", "z")
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
    return long.assign(**names_of(cell), stage=stage)


def _variance_slopes(frame: pd.DataFrame, axis: str) -> pd.DataFrame:
    slopes = [
        (seed, _log_slope(rows[axis].to_numpy(np.float64), rows["total_variance"].to_numpy(np.float64)))
        for seed, rows in frame[frame[axis] > 0].groupby("seed")
    ]
    return pd.DataFrame(slopes, columns=["seed", "value"]).assign(metric="log_variance_slope")


def _log_slope(axis: Array, variance: Array) -> float:
    if not (variance > 0).all():
        return float("nan")
    return statistics.slope(np.log(axis), np.log(variance)).estimate
