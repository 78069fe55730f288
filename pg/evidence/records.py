"""What jobs write and read: CSV rows, policy snapshots, chosen learning rates; each written whole or not at all."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

import numpy as np
import pandas as pd
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from pg.evidence.occupation import PARTIAL, check_run
from pg.evidence.tabular_files import REMEDY, UnreadableRecord, check_runs, read_table
from pg.evidence.tuning import Choice
from pg.study.jobs import Demonstrators
from pg.study.model.experiments import Budget
from pg.study.wording import plain

RUN_COLUMNS = (
    "seed",
    "iteration",
    "steps",
    "episodes",
    "return_mean",
    "return_min",
    "return_max",
    "length_mean",
    "surrogate",
    "gradient_norm",
    "entropy",
    "kl_new_old",
    "kl_old_new",
    "gradient_steps",
    "effective_share",
    "largest_weight",
    "penalty",
    "learning_rate",
    "demonstration_steps",
    "demonstrator_return",
    "imitation_training_loss",
    "imitation_loss",
    "explained_variance",
)
EVALUATION_COLUMNS = ("seed", "iteration", "steps", "episode", "return")
LABORATORY_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "probe": (
        "seed",
        "variant",
        "batch",
        "total_variance",
        "snr",
        "cosine",
        "pairwise_cosine",
        "relative_bias",
        "relative_bias_noise",
        "shrinkage",
        "shrinkage_se",
        "squared_gradient",
        "empty",
        "reference_snr",
        "reference_trajectories",
        "reference_flagged",
        "returns_alike",
        "least_variance",
    ),
    "exact": (
        "seed",
        "variant",
        "batch",
        "batches_enumerated",
        "objective",
        "gradient_norm",
        "relative_bias",
        "differences_bias",
        "total_variance",
        "shrinkage",
        "least_variance",
    ),
    "identity": (
        "seed",
        "variant",
        "batch",
        "explicit_difference",
        "backward_passes",
        "imitation_difference",
        "cloning_difference",
    ),
    "update": (
        "seed",
        "variant",
        "batch",
        "rank_correlation",
        "rising_below_average",
        "rising_above_average",
        "kl_on_batch",
        "kl_on_fresh",
    ),
    "support": ("seed", "variant", "batch", "left", "total_variance", "relative_bias", "median_error"),
    "staleness": (
        "seed",
        "variant",
        "batch",
        "steps",
        "kl",
        "total_variance",
        "relative_bias",
        "relative_bias_noise",
        "cosine",
        "effective_share",
        "largest_weight",
    ),
    "horizon": (
        "seed",
        "variant",
        "batch",
        "horizon",
        "total_variance",
        "effective_share",
        "largest_weight",
        "median_weight",
        "log_weight_variance",
        "log_weight_q05",
        "log_weight_q25",
        "log_weight_q50",
        "log_weight_q75",
        "log_weight_q95",
    ),
    "gait": (
        "seed",
        "variant",
        "batch",
        "fell_forward",
        "fell_backward",
        "not_fallen",
        "displacement",
        "length",
        "alternating_steps",
        "episode_return",
    ),
}
POSE_COLUMNS = ("seed", "variant", "frame", "step", "time", "part", "x", "z")

_CHOICE = TypeAdapter(Choice)

Key = TypeVar("Key", bound=Hashable)

SNAPSHOT_REMEDY = "remove the folder of its seeds, and the same command trains them again"

_log = logging.getLogger("pg")
_SECONDS_BETWEEN_REPORTS = 5.0


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a neighbour of the file, then put it in the file's place in one step.

    Raises
    ------
    Superseded
        If this job's run was killed and a later one has taken over: then the file stays as it is.
    """
    # Not even a folder: the run that has taken over may be about to remove it.
    check_run()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Jobs of a run that was killed may still write, and on a cluster two machines count processes alike.
    partial = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}-{path.name}")
    try:
        write(partial)
        check_run()
        partial.replace(path)
    except OSError as error:
        # A run that takes over clears away what it finds unfinished.
        check_run()
        error.filename = error.filename or str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_csv(frame: pd.DataFrame, place: str | Path | TextIO) -> None:
    """Write a frame as CSV, atomically if to a file; numbers so that they are read back as the same numbers."""
    if isinstance(place, str | Path):
        atomically(Path(place), lambda partial: _put_csv(frame, partial))
    else:
        _put_csv(frame, place)


def _put_csv(frame: pd.DataFrame, place: Path | TextIO) -> None:
    frame.to_csv(place, index=False, lineterminator="\n")


def read_csv(path: str | Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV back.

    Raises
    ------
    UnreadableRecord
        If the file is cut off or edited so that it cannot be right, or lacks one of the columns.
    """
    return read_table(path, columns)


def read_grouped(paths: Sequence[str | Path], keys: Sequence[Key], columns: Sequence[str]) -> dict[Key, pd.DataFrame]:
    """Read equally many files for each key, the paths in the order of the keys, and join those of a key.

    Raises
    ------
    UnreadableRecord
        If a file is not readable.
    """
    return _grouped(paths, keys, lambda path: read_csv(path, columns))


def read_runs(paths: Sequence[str | Path], keys: Sequence[Key], budget: Budget) -> dict[Key, pd.DataFrame]:
    """Read the rows of training runs for each key, as `read_grouped` does, and make sure that no run is cut short.

    Raises
    ------
    UnreadableRecord
        If a file is not readable, or lacks a part of a run.
    """
    return _grouped(paths, keys, lambda path: check_runs(path, read_csv(path, RUN_COLUMNS), budget))


def _grouped(
    paths: Sequence[str | Path], keys: Sequence[Key], read: Callable[[str | Path], pd.DataFrame]
) -> dict[Key, pd.DataFrame]:
    per_key = len(paths) // len(keys)
    groups = [paths[start : start + per_key] for start in range(0, len(paths), per_key)]
    return {
        key: pd.concat([read(path) for path in group], ignore_index=True)
        for key, group in zip(keys, groups, strict=True)
    }


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write JSON, atomically."""
    text = json.dumps(content, indent=2) + "\n"
    atomically(Path(path), lambda partial: partial.write_text(text, encoding="utf-8"))


def read_json(path: str | Path) -> dict[str, Any]:
    """Read JSON back.

    Raises
    ------
    UnreadableRecord
        If it is not a JSON object.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UnreadableRecord(f"{path}, line {error.lineno}: is not JSON: {error.msg}; {REMEDY}") from error
    except UnicodeDecodeError as error:
        raise UnreadableRecord(f"{path}: byte {error.start} is not text; {REMEDY}") from error
    except OSError as error:
        raise UnreadableRecord(f"{path}: cannot be read ({error.strerror})") from error
    if not isinstance(content, dict):
        raise UnreadableRecord(f"{path}: holds {type(content).__name__}, not an object")
    return content


def read_choice(path: str | Path) -> dict[str, Any]:
    """Read how a learning rate was chosen.

    Raises
    ------
    UnreadableRecord
        If it is not a JSON object, or does not say what a choice says.
    """
    content = read_json(path)
    try:
        _CHOICE.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableRecord(f"{path}: {place}: {plain(first['msg'])}; {REMEDY}") from error
    return content


def write_text(text: str, path: str | Path) -> None:
    """Write text, atomically."""
    atomically(Path(path), lambda partial: partial.write_text(text, encoding="utf-8"))


def snapshot_path(folder: str | Path, stage: str, seed: int) -> Path:
    """Return where a block's folder keeps the policy of a seed at a stage."""
    return Path(folder) / stage / f"seed-{seed}.safetensors"


def write_snapshot(policy: Mapping[str, NDArray[np.generic]], path: Path) -> None:
    """Write a policy's parameters in the safetensors format, which holds numbers and no code."""
    content = safetensors.numpy.save(dict(policy))
    atomically(path, lambda partial: partial.write_bytes(content))


def read_snapshot(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read a policy's parameters back.

    Raises
    ------
    UnreadableRecord
        If the file is missing or damaged.
    """
    try:
        return safetensors.numpy.load_file(path)
    except OSError as error:
        raise UnreadableRecord(f"{path}: cannot be read ({error.strerror or error})") from error
    except safetensors.SafetensorError as error:
        size = path.stat().st_size
        raise UnreadableRecord(f"{path} ({size} bytes): is damaged: {error}; {SNAPSHOT_REMEDY}") from error


def read_snapshots(
    folders: Iterable[str | Path], stage: str, seeds: Iterable[int]
) -> dict[int, dict[str, NDArray[np.generic]]]:
    """Read the policies of some seeds at a stage, each from whichever block's folder holds it.

    Raises
    ------
    UnreadableRecord
        If a seed's policy is in none of the folders, or damaged.
    """
    places = list(folders)
    _log.info("policies at stage %s of %s", stage, ", ".join(map(str, places)))
    found: dict[int, dict[str, NDArray[np.generic]]] = {}
    for seed in seeds:
        paths = [snapshot_path(folder, stage, seed) for folder in places]
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            raise UnreadableRecord(f"no snapshot of seed {seed} at stage {stage} in {', '.join(map(str, places))}")
        found[seed] = read_snapshot(path)
    return found


def read_demonstrators(
    folders: Iterable[str | Path], demonstrators: Demonstrators | None
) -> dict[int, dict[str, NDArray[np.generic]]]:
    """Read the policies that a training job imitates, by the seeds that made them; none where it imitates none.

    Raises
    ------
    UnreadableRecord
        If a policy is in none of the folders, or damaged.
    """
    return {} if demonstrators is None else read_snapshots(folders, demonstrators.stage, demonstrators.seeds)


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
        # `steps` is cumulative per seed: what this batch added is its trajectories times their mean length.
        previous = row["episodes"] / row["iteration"]
        self._steps += round(row["length_mean"] * previous)
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
