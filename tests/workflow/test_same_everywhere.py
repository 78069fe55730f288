"""Results depend on the study and the code, not on the machine, the environment or the working directory."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.workflow.checkout import ROOT, Checkout, checkout

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


ENVIRONMENT = {
    "PYTHONHASHSEED": "4711",
    "TZ": "Pacific/Kiritimati",
    **{"LC_ALL": "C", "LANG": "C"},
    # Without these Python would use UTF-8 in the C locale.
    **{"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "3"),
}
if platform.machine() == "x86_64":
    # Machine code without AVX-512, compiled apart from that of this machine.
    ENVIRONMENT |= {"NUMBA_CPU_NAME": "haswell"}
THREADS = (
    "--set-threads",
    "train=2",
    "measure_clouds_trajectories=2",
    "tune=2",
    "train_tables=2",
    "figure=2",
    "claim=2",
)


def test_results_are_the_same_under_other_conditions(finished: Checkout, tmp_path: Path) -> None:
    """Another hash seed, locale, time zone, umask, working directory, order of files, number of cores and threads."""
    # Compile in the repository, where the next run of this test finds the machine code.
    compiling = [sys.executable, "-c", "import pg.learning.training"]
    subprocess.run(compiling, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **ENVIRONMENT}, check=True)
    code, work = checkout(tmp_path / "code"), tmp_path / "work"
    (code.folder / "sitecustomize.py").write_text(SHUFFLED, encoding="utf-8")
    work.mkdir()
    shutil.move(code.folder / "config.yaml", work)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(code.folder / "workflow/Snakefile"),
        "--cores",
        "2",
    ]
    done = subprocess.run(
        [*command, *THREADS],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(code.folder), **ENVIRONMENT},
        umask=0o077,
        capture_output=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert Checkout(work).files() == finished.files()


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
        place.complete(rows, "--set-threads", f"train={threads}")
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
