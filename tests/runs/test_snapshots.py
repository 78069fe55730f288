"""Snapshots are found in the folder that has them; damaged files and files with code are refused."""

import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from pg.runs.files import UnreadableFile
from pg.runs.snapshots import read_snapshots, snapshot_path, write_digests, write_snapshot


def test_snapshots_are_found_in_any_of_the_folders(tmp_path: Path) -> None:
    folders = [tmp_path / "seeds-0-1", tmp_path / "seeds-2-3"]
    for seed, folder in zip((0, 2), folders, strict=True):
        for stage, shift in (("late", 0), ("initial", 10), ("middle", 20)):
            policy = {"weight": np.full((2, 2), seed + shift, dtype=np.float32)}
            write_snapshot(policy, folder, stage, seed)
        write_digests(folder)
    for stage, shift in (("late", 0), ("initial", 10), ("middle", 20)):
        found = read_snapshots(folders, stage, [0, 2])
        assert {seed: policy["weight"].max() for seed, policy in found.items()} == {0: shift, 2: shift + 2}
    with pytest.raises(UnreadableFile, match="no snapshot of seed 1 at stage late"):
        read_snapshots(folders, "late", [1])


@pytest.mark.parametrize("cut", [0, 4, 20, -1])
def test_a_damaged_snapshot_is_refused_with_its_size(cut: int, tmp_path: Path) -> None:
    path = snapshot_path(tmp_path, "late", 3)
    write_snapshot({"weight": np.ones((2, 2))}, tmp_path, "late", 3)
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=rf"seed-3\.safetensors \({len(content)} bytes\): is damaged"):
        read_snapshots([tmp_path], "late", [3])


def test_flipped_bits_of_weights_are_refused(tmp_path: Path) -> None:
    path = snapshot_path(tmp_path / "seeds-0-1", "late", 0)
    write_snapshot({"weight": np.ones((2, 2))}, tmp_path / "seeds-0-1", "late", 0)
    write_digests(tmp_path / "seeds-0-1")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(
        UnreadableFile, match=r"seed-0\.safetensors: is damaged: its SHA-256 digest is not in .*seeds-0-1\.sha256"
    ):
        read_snapshots([tmp_path / "seeds-0-1"], "late", [0])


@pytest.mark.parametrize(("stage", "seed"), [("late", 1), ("initial", 0)])
def test_exchanged_snapshots_are_refused_although_their_digests_fit(stage: str, seed: int, tmp_path: Path) -> None:
    folder = tmp_path / "seeds-0-1"
    for one in ("initial", "late"):
        for number in (0, 1):
            write_snapshot({"weight": np.full((2, 2), number)}, folder, one, number)
    first, second = snapshot_path(folder, "late", 0), snapshot_path(folder, stage, seed)
    first.rename(tmp_path / "first")
    second.rename(first)
    (tmp_path / "first").rename(second)
    write_digests(folder)
    message = rf"seed-0\.safetensors: holds the policy of seed {seed} at stage {stage}, not of seed 0 at stage late"
    with pytest.raises(UnreadableFile, match=message):
        read_snapshots([folder], "late", [0])


def test_a_snapshot_that_names_no_policy_is_refused(tmp_path: Path) -> None:
    path = snapshot_path(tmp_path / "seeds-0-1", "late", 0)
    path.parent.mkdir(parents=True)
    safetensors.numpy.save_file({"weight": np.ones((2, 2))}, path)
    write_digests(tmp_path / "seeds-0-1")
    with pytest.raises(UnreadableFile, match=r"seed-0\.safetensors: holds the policy of no named seed, not of seed 0"):
        read_snapshots([tmp_path / "seeds-0-1"], "late", [0])


def test_equal_policies_make_equal_files(tmp_path: Path) -> None:
    policy = {name: np.ones(3) for name in "abcde"}
    for folder in ("one", "other"):
        write_snapshot(policy, tmp_path / folder, "late", 0)
    one, other = (snapshot_path(tmp_path / folder, "late", 0).read_bytes() for folder in ("one", "other"))
    assert one == other


def test_sha256sum_checks_the_digests(tmp_path: Path) -> None:
    folder = tmp_path / "seeds-0-1"
    for seed in (0, 1):
        write_snapshot({"weight": np.ones((2, 2)) * seed}, folder, "late", seed)
    write_digests(folder)
    command = ["sha256sum", "--check", "../seeds-0-1.sha256"]
    checked = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert checked.stdout == "late/seed-0.safetensors: OK\nlate/seed-1.safetensors: OK\n"


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(self.path), os.O_CREAT | os.O_WRONLY)


@pytest.mark.parametrize("save", [lambda one, path: path.write_bytes(pickle.dumps(one)), torch.save])
def test_a_pickle_is_refused_and_does_not_run(save: Callable[[Touch, Path], object], tmp_path: Path) -> None:
    snapshot, touched = snapshot_path(tmp_path, "late", 0), tmp_path / "touched"
    snapshot.parent.mkdir()
    save(Touch(touched), snapshot)
    with pytest.raises(UnreadableFile, match=r"seed-0\.safetensors"):
        read_snapshots([tmp_path], "late", [0])
    assert not touched.exists()
    os.close(pickle.loads(pickle.dumps(Touch(touched))))
    assert touched.exists(), "the pickle would have run"
