"""Runs that share a selection of the learning rate, in the tables of experiments.

The learning rate of a tuned cell is selected B times, on disjoint tuning seeds. Training seed s uses the rate of
selection s mod B, so the runs of the cell are B groups, and depend on each other within one. So do measurements of the
policies that they trained, after the first update. Long tables and learning curves have the number of the selection in
a column; it is empty if a cell is not tuned, or if B = 1: results are then those of one selected rate.
"""

from __future__ import annotations

import pandas as pd

from pg.statistics.intervals import Array

SELECTION = "selection"
"""The column's name."""

OF_A_RUN = (SELECTION, "seed")
"""Columns that distinguish the runs of a cell."""


def groups_of(rows: pd.DataFrame) -> Array | None:
    """Return the selection of each row of a cell (n,); None if the cell has none."""
    if SELECTION not in rows or rows[SELECTION].isna().all():
        return None
    return rows[SELECTION].to_numpy(dtype="float64")
