"""A snapshot is numbers: one that holds code is refused, and the code does not run."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pg.runs.snapshots import read_snapshot, read_snapshots, snapshot_path
from pg.runs.tabular_files import UnreadableRecord


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(self.path), os.O_CREAT | os.O_WRONLY)


def pickled(snapshot: Path, harm: Path) -> None:
    snapshot.write_bytes(pickle.dumps(Touch(harm)))


def saved_by_torch(snapshot: Path, harm: Path) -> None:
    torch.save(Touch(harm), snapshot)


def saved_by_numpy(snapshot: Path, harm: Path) -> None:
    with snapshot.open("wb") as stream:
        np.save(stream, np.array([Touch(harm)], dtype=object), allow_pickle=True)


def zipped(snapshot: Path, harm: Path) -> None:
    with zipfile.ZipFile(snapshot, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Touch(harm)))


@pytest.mark.parametrize("write", [pickled, saved_by_torch, saved_by_numpy, zipped])
def test_a_pickle_in_the_place_of_a_snapshot_is_refused_unread(
    write: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    snapshot, harm = snapshot_path(tmp_path, "late", 0), tmp_path / "harm"
    snapshot.parent.mkdir()
    write(snapshot, harm)
    with pytest.raises(UnreadableRecord, match=r"seed-0\.safetensors"):
        read_snapshot(snapshot)
    with pytest.raises(UnreadableRecord, match=r"seed-0\.safetensors"):
        read_snapshots([tmp_path], "late", [0])
    assert not harm.exists()


def test_the_pickle_would_have_run(tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    os.close(pickle.loads(pickle.dumps(Touch(harm))))
    assert harm.exists()
