"""Build the tables of experiments that measure, with pure functions on data frames.

The input is keyed by (`environment_id`, stage), like the files in the results folder. Tables are sorted by cell in
declared order, then by stage, seed, batch size and metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from pg.experiments.cells import Cell, columns_of, names_of
from pg.experiments.gradient_metrics import AllSizes
from pg.experiments.kind import Measurement
from pg.experiments.metric import values
from pg.experiments.selections import OF_A_RUN, SELECTION
from pg.experiments.train.choice import selection_of


def measurement_table(
    cells: Sequence[Cell],
    kind: type[Measurement],
    rows: Mapping[tuple[str, str], pd.DataFrame],
    selections: Mapping[str, int] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return the long table of an experiment that measures, from the rows of all seeds and variants.

    `selections` are the numbers of selections of the learning rate that trained the policies, by stage. Default: 1.

    Returns
    -------
    DataFrame
        Columns environment, variant, the sweep's paths, batch (and the kind's axis), stage, selection, seed, metric,
        value. `selection` is that of the run that trained the policy, empty if there is at most one. The batch of
        `log_variance_slope` is empty, because it is fitted over all batch sizes.
    """
    frames = []
    for cell, stage, frame in _by_cell(cells, rows):
        long = _in_long_form(frame, kind).assign(**names_of(cell), stage=stage)
        count = selections.get(stage, 1)
        which = [selection_of(seed, count) if count > 1 else None for seed in long["seed"].astype(int)]
        frames.append(long.assign(**{SELECTION: pd.array(which, dtype="Int64")}))
    return pd.concat(frames, ignore_index=True)[columns_of(cells, *kind.keys(), "stage", *OF_A_RUN, "metric", "value")]


def further_table(
    cells: Sequence[Cell], columns: Sequence[str], rows: Mapping[tuple[str, str], pd.DataFrame]
) -> pd.DataFrame:
    """Concatenate the rows of an additional table of a kind: environment, variant, levels, stage, seed, `columns`."""
    frames = [
        frame.sort_values("seed", kind="stable").assign(**names_of(cell), stage=stage)
        for cell, stage, frame in _by_cell(cells, rows)
    ]
    return pd.concat(frames, ignore_index=True)[columns_of(cells, "stage", "seed", *columns)]


def _by_cell(
    cells: Sequence[Cell], rows: Mapping[tuple[str, str], pd.DataFrame]
) -> Iterator[tuple[Cell, str, pd.DataFrame]]:
    """Yield the rows of each cell at each stage."""
    for cell in cells:
        for (environment_id, stage), frame in rows.items():
            if environment_id == cell.environment_id:
                # pandas reads variant names that look like numbers as numbers.
                yield cell, stage, frame[frame["variant"].astype(str) == cell.variant_id]


def _in_long_form(frame: pd.DataFrame, kind: type[Measurement]) -> pd.DataFrame:
    keys = ["seed", *kind.keys()]
    frame = frame.sort_values(keys, kind="stable")
    order = {metric.name: rank for rank, metric in enumerate(kind.metrics)}
    # A metric's column is missing if what the metric needs is missing.
    long = frame.melt(keys, [name for name in order if name in frame.columns], var_name="metric", ignore_index=False)
    sizes = keys[-1]
    fitted = [metric for metric in kind.metrics if metric.needs == "several_sizes"]
    if fitted and len(frame[sizes].unique()) > 1:
        positive = frame[frame[sizes] > 0].groupby("seed")
        rows = [
            {"seed": seed, "metric": metric, "value": value}
            for seed, own in positive
            for metric, value in values(fitted, _all_sizes(own, sizes)).items()
        ]
        long = pd.concat([long, pd.DataFrame(rows, columns=["seed", "metric", "value"])])
    long = long.assign(rank=long["metric"].map(order), batch=long["batch"].astype("Int64"))
    return long.sort_values([*keys, "rank"], kind="stable", na_position="last").drop(columns="rank")


def _all_sizes(rows: pd.DataFrame, sizes: str) -> AllSizes:
    columns = {str(name): rows[name].to_numpy(np.float64) for name in rows.select_dtypes("number")}
    return AllSizes(columns[sizes], columns)
