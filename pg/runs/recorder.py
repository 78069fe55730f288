"""Collect what a training job records: rows, evaluations and snapshots; and log its progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pg.learning.columns import EVALUATION_COLUMNS, RUN_COLUMNS
from pg.runs.snapshots import Parameters, snapshot_path, write_snapshot

_log = logging.getLogger("pg")

_SECONDS_BETWEEN_REPORTS = 5.0


class Received(NamedTuple):
    """The records of a training job so far; policies by seed and stage."""

    rows: Sequence[Mapping[str, float | int]]
    evaluations: Sequence[Mapping[str, float | int]]
    policies: Mapping[tuple[int, str], Parameters]


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
        self._rows: list[Mapping[str, float | int]] = []
        self._evaluations: list[Mapping[str, float | int]] = []
        self._policies: dict[tuple[int, str], Parameters] = {}
        self._snapshots = snapshots
        self._total_steps = total_steps
        self._steps = self._restored_steps = 0
        self._started = self._reported = time.monotonic()

    def row(self, row: Mapping[str, float | int]) -> None:
        """Store the row of an iteration, and log the progress every five seconds."""
        self._rows.append(row)
        # `episodes` counts from the first iteration, and all batches have the same number of trajectories.
        self._steps += round(row["length_mean"] * row["episodes"] / row["iteration"])
        if time.monotonic() - self._reported > _SECONDS_BETWEEN_REPORTS:
            self._report(row)

    def evaluation(self, row: Mapping[str, float | int]) -> None:
        """Store the row of an evaluation episode."""
        self._evaluations.append(row)

    def snapshot(self, seed: int, stage: str, policy: Parameters) -> None:
        """Write a seed's policy at a stage."""
        if self._snapshots is not None:
            self._policies[seed, stage] = policy
            write_snapshot(policy, snapshot_path(self._snapshots, stage, seed))

    def received(self) -> Received:
        """Return everything recorded so far."""
        return Received(self._rows, self._evaluations, self._policies)

    def receive(self, former: Received) -> None:
        """Add what an interrupted run of the job recorded."""
        for row in former.rows:
            self.row(row)
        for row in former.evaluations:
            self.evaluation(row)
        for (seed, stage), policy in former.policies.items():
            self.snapshot(seed, stage, policy)
        self._restored_steps = self._steps

    def frame(self) -> pd.DataFrame:
        """Return all rows, sorted by learning rate, seed and iteration; columns that only some runs have come last."""
        more = [column for column in next(iter(self._rows), {}) if column not in RUN_COLUMNS]
        frame = pd.DataFrame(self._rows, columns=[*RUN_COLUMNS, *more])
        return frame.sort_values(["learning_rate", "seed", "iteration"], ignore_index=True)

    def evaluations(self) -> pd.DataFrame:
        """Return the rows of all evaluations, sorted by seed, iteration and episode."""
        frame = pd.DataFrame(self._evaluations, columns=list(EVALUATION_COLUMNS))
        return frame.sort_values(["seed", "iteration", "episode"], ignore_index=True)

    def _report(self, row: Mapping[str, float | int]) -> None:
        self._reported = time.monotonic()
        rate = (self._steps - self._restored_steps) / (self._reported - self._started)
        _log.info(
            "iteration %d  return %.1f  %d of %d steps  %.0f steps/s  about %.0f s left",
            row["iteration"],
            row["return_mean"],
            self._steps,
            self._total_steps,
            rate,
            max(0.0, self._total_steps - self._steps) / rate,
        )
