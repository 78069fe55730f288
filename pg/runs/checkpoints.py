"""Checkpoints: the state and the records of a training job, from which an interrupted job continues.

A checkpoint belongs to one job: its slice of the study, code, versions of libraries, learning rate and imitated
policies. If the checkpoint is damaged or belongs to another job, the job ignores it and starts from the beginning.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from pg.runs.files import write_atomically
from pg.runs.recorder import RunRecorder
from pg.runs.snapshots import Parameters

_log = logging.getLogger("pg")
_PACKAGES = ("torch", "numpy", "gymnasium", "mujoco")
_SECONDS_BETWEEN = 30.0
_LARGEST_SHARE = 0.01
_DIGEST_SIZE = hashlib.sha256().digest_size


class Checkpoint:
    """The checkpoint file of one job, as `pg.learning.checkpoints.Keeper`.

    It is written at most every 30 seconds, and writing takes less than a hundredth of the job's time. The job's results
    do not depend on when it is written.

    Parameters
    ----------
    path
        The file. It must not be an output of the job: Snakemake deletes the outputs of interrupted jobs.
    recorder
        Holds what the job has recorded.
    identity
        Identity of the job, see `identity`.
    """

    def __init__(self, path: str | Path, recorder: RunRecorder, identity: str) -> None:
        self._path = Path(path)
        self._recorder = recorder
        self._identity = identity
        self._due = time.monotonic() + _SECONDS_BETWEEN

    def kept(self) -> bytes | None:
        """Restore the records, and return the state of training; None without a checkpoint of this job."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        digest, body = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        if hashlib.sha256(body).digest() != digest:
            _log.warning("%s: is damaged; the job starts from the beginning", self._path)
            return None
        arrays = safetensors.numpy.load(body)
        texts = {name: arrays.pop(name).tobytes() for name in ("identity", "state", "rows", "evaluations")}
        if texts["identity"].decode() != self._identity:
            _log.info("%s: belongs to another job; this job starts from the beginning", self._path)
            return None
        rows, policies = json.loads(texts["rows"]), dict[tuple[int, str], dict[str, NDArray[Any]]]()
        for key, values in sorted(arrays.items()):
            seed, stage, name = key.split("/", 2)
            policies.setdefault((int(seed), stage), {})[name] = values
        self._recorder.restore(rows, json.loads(texts["evaluations"]), policies)
        _log.info("continues after %d stored rows", len(rows))
        return texts["state"]

    def iteration(self, state: Callable[[], bytes]) -> None:
        """Write the file if it is due."""
        started = time.monotonic()
        if started < self._due:
            return
        # One safetensors archive, in which texts are arrays of bytes.
        texts = {
            "identity": self._identity.encode(),
            "state": state(),
            "rows": json.dumps(self._recorder.rows).encode(),
            "evaluations": json.dumps(self._recorder.evaluation_rows).encode(),
        }
        arrays: dict[str, NDArray[Any]] = {name: np.frombuffer(text, dtype=np.uint8) for name, text in texts.items()}
        for (seed, stage), policy in self._recorder.policies.items():
            arrays |= {f"{seed}/{stage}/{name}": values for name, values in policy.items()}
        body = safetensors.numpy.save(arrays)
        content = hashlib.sha256(body).digest() + body
        write_atomically(self._path, lambda file: file.write_bytes(content))
        ended = time.monotonic()
        self._due = ended + max(_SECONDS_BETWEEN, (ended - started) / _LARGEST_SHARE)

    def remove(self) -> None:
        """Delete the file once the job is done."""
        self._path.unlink(missing_ok=True)


def identity(
    job: str, learning_rates: Mapping[int, float] | None, policies: Mapping[int, Parameters], code: str
) -> str:
    """Return a digest of everything that determines the outcome of a job.

    Parameters
    ----------
    job
        Its slice of the study, as canonical JSON.
    learning_rates
        By seed, declared or tuned; None if the job tunes.
    policies
        Parameters of the policies that it imitates, by seed.
    code
        Digest of the code that it runs.
    """
    versions = [f"{name} {version(name)}" for name in _PACKAGES]
    digest = hashlib.sha256(json.dumps([job, code, learning_rates, versions]).encode())
    for seed, policy in sorted(policies.items()):
        digest.update(f"{seed} ".encode() + safetensors.numpy.save(dict(policy)))
    return digest.hexdigest()
