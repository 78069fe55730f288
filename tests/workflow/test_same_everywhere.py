"""Results depend on the study and on the code, and on nothing of the place where they are made."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.checkout import Checkout, checkout

# Python imports this before anything else: every listing of a folder comes in an order of its own.
SHUFFLED = """
import os
from contextlib import contextmanager

listed, scanned = os.listdir, os.scandir


def listdir(path="."):
    return sorted(listed(path), key=lambda name: name[::-1], reverse=True)


class Scan:
    def __init__(self, entries):
        self.entries = iter(entries)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.entries)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.entries = iter(())


def scandir(path="."):
    with scanned(path) as entries:
        return Scan(sorted(entries, key=lambda entry: entry.name[::-1], reverse=True))


os.listdir, os.scandir = listdir, scandir
"""


@dataclass(frozen=True)
class Place:
    """What is another there."""

    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    umask: int = -1
    elsewhere: bool = False
    shuffled: bool = False


HASHES = {"PYTHONHASHSEED": "4711"}
# Without its own ways out, Python would read and write ASCII here.
LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
ZONE = {"TZ": "Pacific/Kiritimati"}
THREADS = {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}
MORE_THREADS = ("--set-threads", "train=2", "measure=2", "tune=2", "train_tables=2", "figure=2", "claim=2")

PLACES = {
    "hash seed": Place(HASHES),
    "locale": Place(LOCALE),
    "time zone": Place(ZONE),
    "threads": Place(THREADS, MORE_THREADS),
    "working directory": Place(elsewhere=True),
    "umask": Place(umask=0o077),
    "order of files": Place(shuffled=True),
}
EVERYWHERE = Place({**HASHES, **LOCALE, **ZONE, **THREADS}, MORE_THREADS, umask=0o077, elsewhere=True, shuffled=True)


def made_in(place: Place, folder: Path) -> dict[str, bytes]:
    code = checkout(folder / "code")
    if place.shuffled:
        (code.folder / "sitecustomize.py").write_text(SHUFFLED, encoding="utf-8")
    work = folder / "work" if place.elsewhere else code.folder
    if place.elsewhere:
        work.mkdir()
        shutil.move(code.folder / "config.yaml", work)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(code.folder / "Snakefile"), "--cores", "2"]
    done = subprocess.run(
        [*command, *place.arguments],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(code.folder), **place.environment},
        umask=place.umask,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return Checkout(work).files()


def test_results_are_the_same_where_everything_else_is_another(finished: Checkout, tmp_path: Path) -> None:
    assert made_in(EVERYWHERE, tmp_path) == finished.files()


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_results_are_the_same_with_another(place: Place, finished: Checkout, tmp_path: Path) -> None:
    assert made_in(place, tmp_path) == finished.files()


def test_sums_that_several_threads_would_share_are_the_same_on_two(tmp_path: Path, study: dict[str, Any]) -> None:
    study["environments"]["cartpole"]["horizon"] = 200
    study["variants"]["total"] |= {"batch": 64, "policy": {"hidden": [64, 64]}}
    study["experiments"]["learn"] |= {
        "seeds": {"count": 2, "per_job": 2},
        "budget": {"steps": 10_000, "max_iterations": 3},
    }
    rows = "out/runs/learn/cartpole/total/seeds-0-1.csv"
    made: list[bytes] = []
    for threads in (1, 2):
        place = checkout(tmp_path / str(threads))
        place.write(study)
        done = place.run(rows, "--set-threads", f"train={threads}", cores=2)
        assert done.returncode == 0, done.stderr
        made.append((place.folder / rows).read_bytes())
    assert made[0] == made[1]


def test_the_listing_of_a_folder_is_shuffled_where_a_test_says_so(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHUFFLED, encoding="utf-8")
    for name in ("ab", "ba", "c"):
        (tmp_path / f"{name}.txt").touch()
    listing = "import os, pathlib; print(os.listdir(), [path.name for path in pathlib.Path().rglob('*.*')])"
    done = subprocess.run(
        [sys.executable, "-c", listing],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    order = ["sitecustomize.py", "c.txt", "ab.txt", "ba.txt"]
    assert done.stdout == f"{order} {order}\n"
