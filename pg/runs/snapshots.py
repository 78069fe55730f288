"""Snapshots of policies: a file of numbers per seed and stage, in the folder of the block that trained the seed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from pg.runs.records import atomically
from pg.runs.tabular_files import UnreadableRecord
from pg.study.jobs import Demonstrators

SNAPSHOT_REMEDY = "remove the folder of its seeds, and the same command trains them again"

_log = logging.getLogger("pg")


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
