"""Snapshots: the parameters of a policy, in one file per seed and stage of a training job.

The format is safetensors, which stores numbers and no code. The metadata of a file names its seed and stage, which
reveals exchanged files. A file next to the folder has the digests of its snapshots: they reveal damaged ones, and
Snakemake, which has no checksums of folders, compares this file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from pg.runs.files import UnreadableFile, read_text, write_atomically, write_text

Parameters = Mapping[str, NDArray[np.generic]]

REMEDY = "delete its folder and rerun to train its seeds again"

_log = logging.getLogger("pg")
_NAMED = "policy"  # key of the metadata


def snapshot_path(folder: str | Path, stage: str, seed: int) -> Path:
    """Return the path of a seed's snapshot at a stage in the folder of a training job."""
    return Path(folder) / stage / f"seed-{seed}.safetensors"


def write_snapshot(policy: Parameters, folder: str | Path, stage: str, seed: int) -> None:
    """Write the parameters of a seed's policy at a stage into the folder of a training job."""
    # One key only: safetensors writes several in random order.
    content = safetensors.numpy.save(dict(policy), metadata={_NAMED: _name(stage, seed)})
    write_atomically(snapshot_path(folder, stage, seed), lambda file: file.write_bytes(content))


def write_digests(folder: str | Path) -> None:
    """Write the SHA-256 digest of each snapshot in the folder of a training job; `sha256sum -c` reads the file."""
    folder = Path(folder)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.safetensors")}
    lines = [f"{sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    write_text("".join(lines), _digests_path(folder))


def read_snapshots(
    folders: Iterable[str | Path], stage: str, seeds: Iterable[int]
) -> dict[int, dict[str, NDArray[np.generic]]]:
    """Read the policies of some seeds at a stage, each from the folder that has it.

    Raises
    ------
    UnreadableFile
        If no folder has a seed's policy, or its file is damaged, is not the one that the job wrote, or holds another
        policy.
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
            content = path.read_bytes()
            policies[seed] = safetensors.numpy.load(content)
            with safetensors.safe_open(path, framework="numpy") as file:
                named = (file.metadata() or {}).get(_NAMED)
        except OSError as error:
            raise UnreadableFile(f"{path}: cannot be read ({error.strerror or error})") from error
        except safetensors.SafetensorError as error:
            raise UnreadableFile(f"{path} ({path.stat().st_size} bytes): is damaged: {error}; {REMEDY}") from error
        digests = _digests_path(path.parents[1])
        if sha256(content).hexdigest() not in read_text(digests):
            raise UnreadableFile(f"{path}: is damaged: its SHA-256 digest is not in {digests}; {REMEDY}")
        if named != (expected := _name(stage, seed)):
            raise UnreadableFile(f"{path}: holds the policy of {named or 'no named seed'}, not of {expected}; {REMEDY}")
    return policies


def _name(stage: str, seed: int) -> str:
    return f"seed {seed} at stage {stage}"


def _digests_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.sha256")
