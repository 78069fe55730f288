"""Snapshots: the parameters of a policy, in one file per seed and stage of a training job.

The format is safetensors, which stores numbers and no code.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from pg.runs.files import UnreadableFile, write_atomically

Parameters = Mapping[str, NDArray[np.generic]]

REMEDY = "delete its folder and rerun to train its seeds again"

_log = logging.getLogger("pg")


def snapshot_path(folder: str | Path, stage: str, seed: int) -> Path:
    """Return the path of a seed's snapshot at a stage in the folder of a training job."""
    return Path(folder) / stage / f"seed-{seed}.safetensors"


def write_snapshot(policy: Parameters, path: Path) -> None:
    """Write the parameters of a policy."""
    content = safetensors.numpy.save(dict(policy))
    write_atomically(path, lambda file: file.write_bytes(content))


def read_snapshots(
    folders: Iterable[str | Path], stage: str, seeds: Iterable[int]
) -> dict[int, dict[str, NDArray[np.generic]]]:
    """Read the policies of some seeds at a stage, each from the folder that has it.

    Raises
    ------
    UnreadableFile
        If no folder has a seed's policy, or its file is damaged.
    """
    searched = [Path(folder) for folder in folders]
    names = ", ".join(map(str, searched))
    _log.info("policies at stage %s from %s", stage, names)
    policies = {}
    for seed in seeds:
        path = next((path for folder in searched if (path := snapshot_path(folder, stage, seed)).exists()), None)
        if path is None:
            raise UnreadableFile(f"no snapshot of seed {seed} at stage {stage} in {names}; {REMEDY}")
        try:
            policies[seed] = safetensors.numpy.load_file(path)
        except OSError as error:
            raise UnreadableFile(f"{path}: cannot be read ({error.strerror or error})") from error
        except safetensors.SafetensorError as error:
            raise UnreadableFile(f"{path} ({path.stat().st_size} bytes): is damaged: {error}; {REMEDY}") from error
    return policies
