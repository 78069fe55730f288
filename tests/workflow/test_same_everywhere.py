"""Results depend on the study and the code, not on the machine, the environment or the working directory."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.checkout import Checkout, checkout

# As `sitecustomize.py` this is imported first by every Python process: folders are listed in an unusual order.
SHUFFLED = """
import os
from contextlib import closing

listed, scanned = os.listdir, os.scandir


def listdir(path="."):
    return sorted(listed(path), key=lambda name: name[::-1], reverse=True)


class Scan(closing):
    def __iter__(self):
        return self.thing

    def __next__(self):
        return next(self.thing)

    def close(self):
        self.thing.close()


def scandir(path="."):
    with scanned(path) as entries:
        shuffled = sorted(entries, key=lambda entry: entry.name[::-1], reverse=True)
    return Scan(entry for entry in shuffled)


os.listdir, os.scandir = listdir, scandir
"""


@dataclass(frozen=True)
class Conditions:
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    umask: int = -1
    elsewhere: bool = False
    shuffled: bool = False


HASHES = {"PYTHONHASHSEED": "4711"}
# Without these exceptions Python would use UTF-8 in the C locale.
LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
ZONE = {"TZ": "Pacific/Kiritimati"}
THREADS = {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}
MORE_THREADS = ("--set-threads", "train=2", "measure=2", "tune=2", "train_tables=2", "figure=2", "claim=2")

ONE_BY_ONE = {
    "hash seed": Conditions(HASHES),
    "locale": Conditions(LOCALE),
    "time zone": Conditions(ZONE),
    "threads": Conditions(THREADS, MORE_THREADS),
    "working directory": Conditions(elsewhere=True),
    "umask": Conditions(umask=0o077),
    "order of files": Conditions(shuffled=True),
}
ALL = Conditions({**HASHES, **LOCALE, **ZONE, **THREADS}, MORE_THREADS, umask=0o077, elsewhere=True, shuffled=True)


def files_made(conditions: Conditions, folder: Path) -> dict[str, bytes]:
    code = checkout(folder / "code")
    if conditions.shuffled:
        (code.folder / "sitecustomize.py").write_text(SHUFFLED, encoding="utf-8")
    work = folder / "work" if conditions.elsewhere else code.folder
    if conditions.elsewhere:
        work.mkdir()
        shutil.move(code.folder / "config.yaml", work)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(code.folder / "Snakefile"), "--cores", "2"]
    done = subprocess.run(
        [*command, *conditions.arguments],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(code.folder), **conditions.environment},
        umask=conditions.umask,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return Checkout(work).files()


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(ALL, id="all"),
        *(pytest.param(one, id=name, marks=pytest.mark.slow) for name, one in ONE_BY_ONE.items()),
    ],
)
def test_results_are_the_same_under_other_conditions(
    conditions: Conditions, finished: Checkout, tmp_path: Path
) -> None:
    assert files_made(conditions, tmp_path) == finished.files()


def test_large_sums_are_the_same_with_one_thread_and_two(tmp_path: Path, study: dict[str, Any]) -> None:
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
        done = place.run(rows, "--set-threads", f"train={threads}")
        assert done.returncode == 0, done.stderr
        made.append((place.folder / rows).read_bytes())
    assert made[0] == made[1]


def test_the_shuffled_listing_of_folders_works(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHUFFLED, encoding="utf-8")
    for name in ("ab", "ba", "c"):
        (tmp_path / f"{name}.txt").touch()
    listing = "import os, pathlib; print(os.listdir(), [path.name for path in pathlib.Path().rglob('*.*')])"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", listing]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    order = ["sitecustomize.py", "c.txt", "ab.txt", "ba.txt"]
    assert done.stdout == f"{order} {order}\n"
