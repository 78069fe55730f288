"""A small study, and a copy of the code to run it in."""

import atexit
import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess as Run
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
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
        """Run Snakemake in a fork (`start`); with further environment variables in a new process, as users do."""
        words = ["--cores", str(cores), *arguments]
        if variables:
            command = [sys.executable, "-m", "snakemake", *words]
            environment = self._environment | variables
            return subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=limit
            )
        with TemporaryDirectory() as printed:
            streams = [Path(printed, name) for name in ("stdout", "stderr")]
            process = _FORKS.Process(target=_snakemake, args=(self.folder, words, self._environment, *streams))
            process.start()
            process.join(limit)
            if process.exitcode is None:
                process.kill()
                raise subprocess.TimeoutExpired(words, limit)
            said = [stream.read_text(encoding="utf-8") for stream in streams]
        return subprocess.CompletedProcess(words, process.exitcode, *said)

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

    def start(self, *arguments: str, cores: int = 2) -> Run:
        """Start Snakemake in a new process group; its output is appended to the file `output`.

        It and its server of jobs run in forks of a process that has imported their libraries, which takes half of the
        time of a study.
        """
        words = ["--cores", str(cores), *arguments]
        given = (self.folder, words, self._environment, self.output, self.output, True)
        process = _FORKS.Process(target=_snakemake, args=given)
        process.start()
        return process

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.folder)}

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


_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["snakemake.cli", "pydantic", "pandas", "scipy.stats", "seaborn", "altair", "jinja2", "torch._dynamo", "numba"]
)


class _ForkedServer:
    """The server of jobs in a fork of this process, where `pg.fork_server.start` would start a new one."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], **_: Any) -> None:
        reading, self.writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writing)
            sys.stdin = os.fdopen(reading)
            os.environ.update(env)
            import_module("pg.core.threads").use_one_thread()
            import_module("pg.fork_server")._serve(*command[3:])
            os._exit(0)
        os.close(reading)


def _snakemake(
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdout: Path,
    stderr: Path,
    leads_a_group: bool = False,
) -> None:
    """Run Snakemake in a fork, as `python -m snakemake` does in a new process; `pg` is not imported yet."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, str(folder))
    for number, path in enumerate((stdout, stderr), start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.argv = ["snakemake", *arguments]
    if leads_a_group:
        os.setsid()
        # Processes that a shell starts in the background ignore SIGINT and SIGQUIT, those of nohup SIGHUP, and so do
        # their children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
    gc.freeze()
    vars(import_module("pg.fork_server"))["subprocess"] = SimpleNamespace(Popen=_ForkedServer, PIPE=subprocess.PIPE)
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
