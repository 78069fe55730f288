"""Where an interrupted training job goes on: its state and all that it had recorded, in one file that is written whole.

A checkpoint belongs to one job: to its slice of the study, the code and the versions it runs, its learning rate, the
policies that it imitates. Any other job, or a damaged file, begins anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from pg.runs.recorder import Received, RunRecorder
from pg.runs.records import atomically
from pg.study.jobs import TrainJob, TuneJob

_log = logging.getLogger("pg")
_PACKAGES = ("torch", "numpy", "gymnasium", "mujoco")
_SECONDS_BETWEEN = 30.0
_LARGEST_SHARE = 0.01

Rows = Sequence[Mapping[str, float | int]]
Arrays = dict[str, NDArray[Any]]


class Checkpoint:
    """The file of one job, and a keeper of what its training must remember (`pg.learning.checkpoints.Keeper`).

    When it is written can change nothing in what the job makes: at most once in `seconds`, and so rarely that it takes
    less than a hundredth of the time.

    Parameters
    ----------
    path
        The file; no output of the job, for Snakemake removes the outputs of a job that was interrupted.
    recorder
        Has received what the job has made.
    identity
        Of the job.
    seconds
        Between two checkpoints, at least.
    """

    def __init__(
        self, path: str | Path, recorder: RunRecorder, identity: str, seconds: float = _SECONDS_BETWEEN
    ) -> None:
        self._path = Path(path)
        self._recorder = recorder
        self._identity = identity
        self._seconds = seconds
        self._due = time.monotonic() + seconds

    def kept(self) -> bytes | None:
        """Give the recorder back what it had received, and return the state of training; None if there is none."""
        found = _read(self._path, self._identity)
        if found is None:
            return None
        state, received = found
        self._recorder.receive(received)
        _log.info("goes on after %d rows that were kept", len(received.rows))
        return state

    def iteration(self, state: Callable[[], bytes]) -> None:
        """Write the file if it is time to."""
        started = time.monotonic()
        if started < self._due:
            return
        content = _content(state(), self._recorder.received(), self._identity)
        atomically(self._path, lambda partial: partial.write_bytes(content))
        ended = time.monotonic()
        self._due = ended + max(self._seconds, (ended - started) / _LARGEST_SHARE)

    def remove(self) -> None:
        """Remove the file: the job is done."""
        self._path.unlink(missing_ok=True)


def identity(
    job: TrainJob | TuneJob,
    learning_rate: float | None,
    policies: Mapping[int, Mapping[str, NDArray[np.generic]]],
    code: str,
) -> str:
    """Digest what decides the outcome of a job: another digest means another job.

    Parameters
    ----------
    job
        Its slice of the study.
    learning_rate
        Declared or tuned; None where the job tunes.
    policies
        Parameters of the policies that it imitates, by the seeds that made them.
    code
        Digest of the code that it runs.
    """
    versions = [f"{name} {version(name)}" for name in _PACKAGES]
    digest = hashlib.sha256(json.dumps([job.canonical(), code, learning_rate, versions]).encode())
    for seed, policy in sorted(policies.items()):
        for name, values in sorted(policy.items()):
            digest.update(f"{seed} {name} {values.dtype} {values.shape}".encode() + values.tobytes())
    return digest.hexdigest()


def _content(state: bytes, received: Received, identity: str) -> bytes:
    arrays: Arrays = {"state": np.frombuffer(state, dtype=np.uint8)}
    columns = {}
    for name, rows in (("rows", received.rows), ("evaluations", received.evaluations)):
        arrays[name], columns[name] = _table(rows)
    for (seed, stage), policy in received.policies.items():
        arrays |= {f"policy/{seed}/{stage}/{name}": values for name, values in policy.items()}
    body = safetensors.numpy.save(arrays, {"identity": identity, "columns": json.dumps(columns)})
    return hashlib.sha256(body).digest() + body


def _read(path: Path, identity: str) -> tuple[bytes, Received] | None:
    """Return state and records of the job with this identity; None where there is no such file, or a damaged one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    size = hashlib.sha256().digest_size
    digest, body = content[:size], content[size:]
    if hashlib.sha256(body).digest() != digest:
        _log.warning("%s: is damaged; the job begins anew", path)
        return None
    arrays, header = safetensors.numpy.load(body), _metadata(body)
    if header["identity"] != identity:
        _log.info("%s: belongs to another job; this one begins anew", path)
        return None
    columns = json.loads(header["columns"])
    policies: dict[tuple[int, str], Arrays] = {}
    for key in sorted(key for key in arrays if key.startswith("policy/")):
        _, seed, stage, name = key.split("/", 3)
        policies.setdefault((int(seed), stage), {})[name] = arrays[key]
    rows, evaluations = (_rows(arrays[name], columns[name]) for name in ("rows", "evaluations"))
    return arrays["state"].tobytes(), Received(rows, evaluations, policies)


def _metadata(body: bytes) -> dict[str, str]:
    # The format: the length of a JSON header, the header, the numbers. The library hands it out of files alone.
    length = int.from_bytes(body[:8], "little")
    return json.loads(body[8 : 8 + length])["__metadata__"]


def _table(rows: Rows) -> tuple[NDArray[np.float64], list[list[Any]]]:
    """Lay rows of the same columns out as an array; of each column its name, and whether it holds whole numbers."""
    names = list(next(iter(rows), {}))
    columns = [[name, all(isinstance(row[name], int) for row in rows)] for name in names]
    values = np.array([list(row.values()) for row in rows], dtype=np.float64)
    return values.reshape(len(rows), len(columns)), columns


def _rows(values: NDArray[np.float64], columns: Sequence[Sequence[Any]]) -> list[dict[str, float | int]]:
    return [
        {name: int(value) if whole else value for (name, whole), value in zip(columns, row, strict=True)}
        for row in values.tolist()
    ]
