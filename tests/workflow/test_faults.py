"""Damaged files and full disks are reported once, in one line, and finished results are kept."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.checkout import Checkout

RUN = "out/runs/learn/cartpole/total/seeds-0-1.csv"


def test_a_damaged_file_is_named_on_the_terminal_and_in_the_log(done: Checkout) -> None:
    path = done.folder / RUN
    before, content = done.files(), path.read_bytes()
    path.write_bytes(content[:-5])
    said = done.failure("out/tables/learn.csv")
    line = content.count(b"\n")
    message = f"{RUN}, line {line}: is cut off; delete the file and rerun"
    assert message in said
    assert message in (done.folder / "out/logs/tables/learn.log").read_text(encoding="utf-8")
    path.unlink()
    done.complete()
    assert done.files() == before


def test_deleted_tables_are_made_again_without_training(done: Checkout) -> None:
    before = done.files()
    for table in ("gradients.csv", "learn-curves.csv", "learn-diverged.csv"):
        (done.folder / "out/tables" / table).unlink()
    plan = done.planned()
    assert (plan["train_tables"], plan["measurement_tables"]) == (1, 1)
    assert not {"train", "measure_clouds_trajectories"} & plan.keys()
    done.complete()
    assert done.files() == before


@pytest.mark.parametrize(
    ("deleted", "plan"),
    [
        # One file of each of four jobs.
        (
            [
                "runs/learn/cartpole/total/seeds-0-1.csv",
                "evaluations/learn/cartpole/total/seeds-2-3.csv",
                "snapshots/learn/cartpole/averaged/seeds-0-1",
                "snapshots/learn/cartpole/averaged/seeds-2-3.sha256",
            ],
            {"train": 4},
        ),
        (
            ["probes/gradients/cartpole/late/seeds-0-1.csv", "tables/learn-means.csv"],
            {"measure_clouds_trajectories": 1, "train_tables": 1},
        ),
        (["probes/gradients/cartpole/late/seeds-0-1-clouds.csv"], {"measure_clouds_trajectories": 1}),
        (
            ["claims/causality.csv", "figures/learning.txt", "figures/learning.json"],
            {"claim": 1, "figure": 1, "explorable": 1},
        ),
    ],
    ids=["training", "rows and a table", "further rows", "last stages"],
)
def test_every_file_that_is_deleted_is_made_again(done: Checkout, deleted: list[str], plan: dict[str, int]) -> None:
    """Even if all that is made from it is there; no file is made from another one of the same plan."""
    for name in deleted:
        (done.folder / "out" / name).rename(done.folder / Path(name).name)
    assert done.planned().items() >= plan.items()


def test_a_deleted_choice_of_learning_rates_is_made_again(fresh: Checkout, study: dict[str, Any]) -> None:
    study["variants"]["averaged"]["optimizer"] = {"learning_rate": "tuned"}
    learn = study["experiments"]["learn"] | {"tuning": {"grid": [0.01, 0.1], "seeds": 2}, "variants": ["averaged"]}
    study["experiments"], study["figures"], study["claims"] = {"learn": learn}, {}, {}
    fresh.write(study)
    fresh.complete("experiments")
    (fresh.folder / "out/tuned/learn/cartpole/averaged.json").unlink()
    assert fresh.planned("experiments")["tune"] == 1


@pytest.fixture
def small_disk(fresh: Checkout) -> Iterator[Path]:
    """A mounted disk of 64 kB."""
    place = fresh.folder / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], check=False)
    if mounted.returncode != 0:
        pytest.skip("cannot mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
def test_full_and_read_only_disks_are_reported_once(fresh: Checkout, small_disk: Path) -> None:
    command = ("--config", "results=disk/out", "--", "disk/out/tables/learn.csv")
    said = fresh.failure(*command, cores=1)
    assert said.count("cannot be written (No space left on device); fix this and rerun, finished results are kept") == 1
    kept = {path: path.read_bytes() for path in small_disk.rglob("*.csv")}
    assert kept, "some jobs finish before the disk is full"
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert fresh.failure(*command, cores=1).count("cannot be written (Read-only file system)") == 1
    assert {path: path.read_bytes() for path in small_disk.rglob("*.csv")} == kept
