"""Collect what a training job records: rows, evaluations and snapshots; and log its progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pg.learning.columns import EVALUATION_COLUMNS, RUN_COLUMNS
from pg.runs.snapshots import Parameters, write_snapshot

Row = Mapping[str, float | int]

_log = logging.getLogger("pg")
_SECONDS_BETWEEN_REPORTS = 5.0


class RunRecorder:
    """Collects the rows, evaluations and snapshots of a training job.

    Parameters
    ----------
    total_steps
        Environment steps of all seeds; used to estimate the remaining time.
    snapshots
        Folder of the snapshots; None to discard them.
    """

    def __init__(self, total_steps: int, snapshots: str | Path | None = None) -> None:
        self.rows: list[Row] = []
        self.evaluation_rows: list[Row] = []
        self.policies: dict[tuple[int, str], Parameters] = {}
        self._snapshots = snapshots
        self._total_steps = total_steps
        self._steps = self._restored_steps = 0
        self._started = self._reported = time.monotonic()

    def row(self, row: Row) -> None:
        """Store the row of an iteration, and log the progress every five seconds."""
        self.rows.append(row)
        # `episodes` counts from the first iteration, and all batches have the same number of trajectories.
        self._steps += round(row["length_mean"] * row["episodes"] / row["iteration"])
        now = time.monotonic()
        if now - self._reported > _SECONDS_BETWEEN_REPORTS:
            self._reported = now
            rate = (self._steps - self._restored_steps) / (now - self._started)
            remaining = self._total_steps - self._steps
            _log.info(
                "iteration %d  return %.1f  %d of %d steps  %.0f steps/s  %s",
                row["iteration"],
                row["return_mean"],
                self._steps,
                self._total_steps,
                rate,
                f"about {remaining / rate:.0f} s left" if remaining > 0 else "rates beyond the grid are not counted",
            )

    def evaluation(self, row: Row) -> None:
        """Store the row of an evaluation."""
        self.evaluation_rows.append(row)

    def snapshot(self, seed: int, stage: str, policy: Parameters) -> None:
        """Write a seed's policy at a stage."""
        if self._snapshots is not None:
            self.policies[seed, stage] = policy
            write_snapshot(policy, self._snapshots, stage, seed)

    def restore(
        self, rows: Sequence[Row], evaluations: Sequence[Row], policies: Mapping[tuple[int, str], Parameters]
    ) -> None:
        """Add what an interrupted run of the job recorded; policies by seed and stage."""
        for row in rows:
            self.row(row)
        self.evaluation_rows += evaluations
        for (seed, stage), policy in policies.items():
            self.snapshot(seed, stage, policy)
        self._restored_steps = self._steps

    def frame(self) -> pd.DataFrame:
        """Return all rows, sorted by learning rate, seed and iteration; columns that only some runs have come last."""
        more = [column for column in next(iter(self.rows), {}) if column not in RUN_COLUMNS]
        frame = pd.DataFrame(self.rows, columns=[*RUN_COLUMNS, *more])
        return frame.sort_values(["learning_rate", "seed", "iteration"], ignore_index=True)

    def evaluations(self) -> pd.DataFrame:
        """Return the rows of all evaluations, sorted by seed and iteration."""
        frame = pd.DataFrame(self.evaluation_rows, columns=list(EVALUATION_COLUMNS))
        return frame.sort_values(["seed", "iteration"], ignore_index=True)
