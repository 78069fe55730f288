"""A small study, and a copy of the code to run it in."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

STUDY: dict[str, Any] = {
    "name": "A test study",
    "results": "out",
    "environments": {
        "cartpole": {"id": "CartPole-v1", "horizon": 20, "threshold": 18},
        "chain": {"id": "pg/Chain-v0", "kwargs": {"length": 2}, "horizon": 3},
    },
    "variants": {
        "total": {
            "returns": "total",
            "batch": 4,
            "policy": {"hidden": [8]},
            "optimizer": {"learning_rate": 0.01},
        },
        "to_go": {"extends": "total", "returns": "to_go"},
        "averaged": {"extends": "to_go", "baseline": "average_reward"},
    },
    "experiments": {
        "learn": {
            "kind": "train",
            "environments": ["cartpole"],
            "variants": ["total", "averaged"],
            "seeds": {"count": 4, "per_job": 2},
            "budget": {"steps": 300, "max_iterations": 10},
        },
        "gradients": {
            "kind": "probe",
            "environments": ["cartpole"],
            "variants": ["total", "to_go"],
            "seeds": {"count": 2, "per_job": 2},
            "source": {"experiment": "learn", "variant": "averaged", "stages": ["late"]},
            "sample": {"trajectories": 32, "batches": [4, 16], "reference": 32, "reference_limit": 32},
        },
    },
    "figures": {
        "variance": {"kind": "variance", "experiment": "gradients", "section": "Using causality"},
        "learning": {"kind": "learning_curves", "experiment": "learn", "section": "Introducing baselines"},
    },
    "claims": {
        "causality": {
            "statement": "Reward-to-go lowers the variance.",
            "section": "Using causality",
            "primary": "probed",
            "figure": "variance",
            "parts": {
                "probed": {
                    "experiment": "gradients",
                    "metric": "total_variance",
                    "a": {"variant": "to_go", "batch": 16},
                    "b": {"variant": "total", "batch": 16},
                    "relation": "less",
                }
            },
        }
    },
}


@dataclass(frozen=True)
class Checkout:
    """A copy of the code in which a test may run and edit anything."""

    folder: Path

    def write(self, study: dict[str, Any]) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")

    def run(
        self, *arguments: str, cores: int = 2, limit: int = 900, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake with further environment variables.

        Without any, it runs in a fork of a process that has imported it, which halves the time of a plan.
        """
        command, environment = self._command(cores, arguments, variables)
        if variables:
            return subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=limit
            )
        _, _, _, *given = command
        with TemporaryDirectory() as printed:
            process = _FORKS.Process(target=_snakemake, args=(self.folder, given, environment, Path(printed)))
            process.start()
            process.join(limit)
            if process.exitcode is None:
                process.kill()
                raise subprocess.TimeoutExpired(command, limit)
            said = [Path(printed, name).read_text(encoding="utf-8") for name in _STREAMS]
        return subprocess.CompletedProcess(command, process.exitcode, *said)

    def complete(self, *arguments: str, **options: Any) -> str:
        """Run Snakemake, check that it succeeds, and return what it prints."""
        done = self.run(*arguments, **options)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        return said

    def failure(self, *arguments: str, **options: Any) -> str:
        """Run Snakemake, check that it fails without a traceback, and return what it prints."""
        failed = self.run(*arguments, **options)
        said = failed.stdout + failed.stderr
        assert failed.returncode != 0
        assert "Traceback" not in said
        return said

    def start(self, *arguments: str, cores: int = 2) -> subprocess.Popen[bytes]:
        """Start Snakemake in a new process group; its output is appended to the file `output`."""
        command, environment = self._command(cores, arguments, {})
        with self.output.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # Processes started in the background by a shell ignore SIGINT, those of nohup SIGHUP, and so do their
                # children.
                preexec_fn=_heed_signals,
            )

    def _command(
        self, cores: int, arguments: Sequence[str], variables: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), **variables}
        return [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments], environment

    @property
    def output(self) -> Path:
        """The output of runs that `start` has started, and of their jobs."""
        return self.folder / "output.txt"

    def planned(self, *arguments: str, **variables: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry run plans."""
        lines = self.complete("-n", *arguments, **variables).splitlines()
        if "Job stats:" not in lines:
            return {}
        table = lines[lines.index("Job stats:") + 3 :]
        counts = dict(line.split() for line in table[: table.index(next(line for line in table if "total" in line))])
        return {rule: int(count) for rule, count in counts.items() if rule != "all"}

    def files(self) -> dict[str, bytes]:
        """Return the files that must be equal, byte for byte, in every run of the study."""
        out = self.folder / "out"
        paths = {path.relative_to(out): path for path in sorted(out.rglob("*")) if path.is_file()}
        # The report has seconds of this run.
        others = ("logs", "benchmarks", "checkpoints", "report.html", ".lock", ".run.json")
        return {str(name): path.read_bytes() for name, path in paths.items() if name.parts[0] not in others}


def _heed_signals() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


_STREAMS = ("stdout", "stderr")
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["snakemake.cli", "pandas", "pydantic"])


def _snakemake(folder: Path, arguments: Sequence[str], environment: Mapping[str, str], printed: Path) -> None:
    """Run Snakemake in a fork, as `python -m snakemake` does in a new process; `pg` is not imported yet."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, str(folder))
    for number, name in enumerate(_STREAMS, start=1):
        os.dup2(os.open(printed / name, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["snakemake", *arguments]
    try:
        import_module("snakemake.cli").main(list(arguments))
    finally:
        # Forks end without what a process does at its exit.
        atexit._run_exitfuncs()


def checkout(folder: Path) -> Checkout:
    # Machine code that exists is copied too; compiling it takes seconds.
    import_module("pg.learning.training")
    for name in ("pg", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copy(ROOT / "Snakefile", folder)
    shutil.copy(ROOT / "profiles", folder, follow_symlinks=False)
    place = Checkout(folder)
    place.write(STUDY)
    return place
