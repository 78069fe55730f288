"""What a training job hands over while it runs: rows, evaluations and snapshots; and how far it is, to the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pg.experiments.columns import EVALUATION_COLUMNS, RUN_COLUMNS
from pg.runs.snapshots import snapshot_path, write_snapshot

_log = logging.getLogger("pg")

_SECONDS_BETWEEN_REPORTS = 5.0


class Received(NamedTuple):
    """What a training job has made until now."""

    rows: Sequence[Mapping[str, float | int]]
    evaluations: Sequence[Mapping[str, float | int]]
    policies: Mapping[tuple[int, str], Mapping[str, NDArray[np.generic]]]


class RunRecorder:
    """Collects the rows, evaluations and snapshots of a training job and reports its progress to the log.

    Parameters
    ----------
    total_steps
        Environment steps of all seeds together, from which the time left is estimated.
    snapshots
        Folder that receives the snapshots, or None to keep none.
    """

    def __init__(self, total_steps: int, snapshots: str | Path | None = None) -> None:
        self._rows: list[Mapping[str, float | int]] = []
        self._evaluations: list[Mapping[str, float | int]] = []
        self._policies: dict[tuple[int, str], Mapping[str, NDArray[np.generic]]] = {}
        self._snapshots = snapshots
        self._total_steps = total_steps
        self._steps = self._steps_before = 0
        self._started = self._reported = time.monotonic()

    def row(self, row: Mapping[str, float | int]) -> None:
        """Keep a row."""
        self._rows.append(row)
        # `steps` and `episodes` are cumulative per seed; every batch has equally many trajectories.
        trajectories = row["episodes"] / row["iteration"]
        self._steps += round(row["length_mean"] * trajectories)
        if time.monotonic() - self._reported > _SECONDS_BETWEEN_REPORTS:
            self._report(row)

    def evaluation(self, row: Mapping[str, float | int]) -> None:
        """Keep the row of an episode of an evaluation."""
        self._evaluations.append(row)

    def snapshot(self, seed: int, stage: str, policy: Mapping[str, NDArray[np.generic]]) -> None:
        """Write a seed's policy at a stage."""
        if self._snapshots is not None:
            self._policies[seed, stage] = policy
            write_snapshot(policy, snapshot_path(self._snapshots, stage, seed))

    def received(self) -> Received:
        """Return all that has been received until now."""
        return Received(self._rows, self._evaluations, self._policies)

    def receive(self, former: Received) -> None:
        """Take what an interrupted run had received."""
        for row in former.rows:
            self.row(row)
        for row in former.evaluations:
            self.evaluation(row)
        for (seed, stage), policy in former.policies.items():
            self.snapshot(seed, stage, policy)
        self._steps_before = self._steps

    def frame(self) -> pd.DataFrame:
        """Return all rows, ordered by learning rate, seed and iteration."""
        # What only some runs have to tell stands behind what all of them tell.
        more = [column for column in next(iter(self._rows), {}) if column not in RUN_COLUMNS]
        frame = pd.DataFrame(self._rows, columns=[*RUN_COLUMNS, *more])
        return frame.sort_values(["learning_rate", "seed", "iteration"], ignore_index=True)

    def evaluations(self) -> pd.DataFrame:
        """Return the rows of all evaluations, ordered by seed, iteration and episode."""
        frame = pd.DataFrame(self._evaluations, columns=list(EVALUATION_COLUMNS))
        return frame.sort_values(["seed", "iteration", "episode"], ignore_index=True)

    def _report(self, row: Mapping[str, float | int]) -> None:
        self._reported = time.monotonic()
        rate = (self._steps - self._steps_before) / (self._reported - self._started)
        left = max(0.0, self._total_steps - self._steps) / rate
        _log.info(
            "iteration %d  return %.1f  %d of %d steps  %.0f steps/s  about %.0f s left",
            row["iteration"],
            row["return_mean"],
            self._steps,
            self._total_steps,
            rate,
            left,
        )
