"""Read the rows of training runs, or refuse damaged files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pg.experiments.train.curves import has_diverged
from pg.learning.columns import RUN_COLUMNS
from pg.learning.job import Budget
from pg.runs.files import REMEDY, UnreadableFile
from pg.runs.tables import Key, read_csv, read_grouped


def read_runs(paths: Sequence[str | Path], keys: Sequence[Key], budget: Budget) -> dict[Key, pd.DataFrame]:
    """Read the rows of complete training runs, the same number of files for each key, in the order of the keys.

    Raises
    ------
    UnreadableFile
        If a file is damaged, a run lacks an iteration, or a run ends before its budget without having diverged.
    """
    return read_grouped(paths, keys, partial(_read_complete, budget=budget))


def _read_complete(path: str | Path, budget: Budget) -> pd.DataFrame:
    rows = read_csv(path, RUN_COLUMNS)
    for seed, run in rows.groupby("seed"):
        iterations, expected = run["iteration"].to_numpy(), np.arange(1, len(run) + 1)
        if (iterations != expected).any():
            missing = expected[iterations != expected][0]
            raise UnreadableFile(f"{path}: seed {seed} lacks iteration {missing}, or has it out of order; {REMEDY}")
        steps = int(run["steps"].iloc[-1])
        complete = steps >= budget.steps or (budget.max_iterations is not None and len(run) >= budget.max_iterations)
        if not complete and not has_diverged(run):
            raise UnreadableFile(
                f"{path}: seed {seed} ends at iteration {len(run)} after {steps:,} of {budget.steps:,} steps; {REMEDY}"
            )
    return rows
