"""Whenever a run is killed or stopped, the same command completes it with the bytes of an uninterrupted run."""

import contextlib
import copy
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.checkout import STUDY, Checkout, Run, checkout

ROWS = "out/runs/learn/cartpole/total/seeds-0-1.csv"
LOG = "out/logs/runs/learn/cartpole/total/seeds-0-1.log"
CHECKPOINT = "out/checkpoints/runs/learn/cartpole/total/seeds-0-1"
RUN = "out/.run.json"
SECONDS = 900.0

Files = dict[str, bytes]


def study() -> dict[str, Any]:
    """Return a study of a few seconds on two cores, mostly in jobs with checkpoints."""
    options = copy.deepcopy(STUDY)
    options["variants"]["averaged"]["optimizer"] = {"learning_rate": "tuned"}
    options["experiments"]["learn"] |= {
        "seeds": {"count": 2, "per_job": 2},
        "budget": {"steps": 20_000, "max_iterations": 400},
        "tuning": {"grid": [0.01, 0.1], "within": [0.01, 0.1], "seeds": 1, "selections": 1},
        "evaluate": {"every_steps": 5000, "episodes": 2},
    }
    options["experiments"]["exact"] = {
        "kind": "exact",
        "environments": ["chain"],
        "variants": ["total", "to_go"],
        "sweep": {"variant.batch": [2]},
        "seeds": {"count": 2},
    }
    del options["experiments"]["gradients"], options["figures"]["variance"]
    options["claims"]["causality"] |= {"figure": "learning"}
    part = options["claims"]["causality"]["parts"]["probed"]
    part |= {"experiment": "exact", "a": {"variant": "to_go"}, "b": {"variant": "total"}}
    return options


# After a checkpoint, a job stops itself if the test has made the file `hold`.
HOLD = """
        if Path("hold").exists():
            import os, signal
            Path("hold").unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
"""

# Log every file that is put in place, with the run that did it, and a time just before.
LOGGED_RENAME = """import time
        when = time.time_ns()
        unfinished.replace(path)
        with Path("writes.txt").open("a") as writes:
            writes.write(f"{os.environ.get(RUN_VARIABLE, '').partition(':')[0]} {when} {path}\\n")
"""


def interruptible(folder: Path) -> Checkout:
    """Return a checkout with jobs that write checkpoints as often as possible."""
    place = checkout(folder)
    place.write(study())
    for old, new in (
        ("_SECONDS_BETWEEN = 30.0", "_SECONDS_BETWEEN = 0.1"),
        ("_LARGEST_SHARE = 0.01", "_LARGEST_SHARE = 0.5"),
        ("file.write_bytes(content))\n", f"file.write_bytes(content)){HOLD}"),
    ):
        edit(place, "pg/runs/checkpoints.py", old, new)
    return place


def edit(place: Checkout, name: str, old: str, new: str) -> None:
    module = place.folder / name
    text = module.read_text(encoding="utf-8")
    assert text.count(old) == 1
    module.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which a run has ended without interruption."""
    place = interruptible(tmp_path_factory.mktemp("uninterrupted"))
    place.complete(limit=1800)
    stages = {"runs", "evaluations", "tuned", "exact", "tables", "claims.csv", "figures"}
    assert {Path(name).parts[0] for name in place.files()} >= stages
    return place


@pytest.fixture
def expected(uninterrupted: Checkout) -> Files:
    return uninterrupted.files()


@pytest.fixture
def place(tmp_path: Path) -> Checkout:
    return interruptible(tmp_path)


@pytest.fixture
def held(place: Checkout) -> Iterator[Run]:
    """A run with a training job that is stopped after its first checkpoint."""
    (place.folder / "hold").touch()
    run = place.start(ROWS, cores=1)
    wait_until(lambda: stopped(run))
    assert (place.folder / CHECKPOINT).exists()
    assert not (place.folder / ROWS).exists()
    yield run
    with contextlib.suppress(ProcessLookupError):
        send(signal.SIGKILL, run)
    run.join()


def send(number: int, run: Run) -> None:
    """Send a signal to all processes of a run."""
    assert run.pid is not None
    os.killpg(run.pid, number)


def members(run: Run) -> dict[int, str]:
    """Return the states of the living processes of a run, by process id."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    lines = (line.split() for line in listed.splitlines())
    return {int(pid): state for pid, group, state in lines if int(group) == run.pid and not state.startswith("Z")}


def stopped(run: Run) -> list[int]:
    return [pid for pid, state in members(run).items() if state.startswith("T")]


def exit_status(run: Run) -> int | None:
    run.join(SECONDS)
    return run.exitcode


def resume(run: Run) -> None:
    (job,) = stopped(run)
    os.kill(job, signal.SIGCONT)


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.05)


def kill(run: Run, everyone: bool) -> None:
    if everyone:
        send(signal.SIGKILL, run)
    else:
        run.kill()
    run.join()


def progress(place: Checkout) -> int:
    """Return how many files there are in the results, logs included."""
    return sum(len(files) for _, _, files in os.walk(place.folder / "out"))


def log_has(place: Checkout, words: str) -> bool:
    log = place.folder / LOG
    # A job replaces the log of an earlier one.
    with contextlib.suppress(FileNotFoundError):
        return words in log.read_text(encoding="utf-8")
    return False


def assert_nothing_left(place: Checkout, *targets: str) -> None:
    """No unfinished file, no folder of checkpoints, no job to run."""
    out = place.folder / "out"
    assert [path for path in out.rglob("*") if ".partial-" in path.name or path.name == "checkpoints"] == []
    assert place.planned(*targets) == {}


@pytest.mark.parametrize(
    ("kills", "seed"), [(3, 0), *(pytest.param(4, seed, marks=pytest.mark.slow) for seed in range(1, 6))]
)
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(
    kills: int, seed: int, place: Checkout, uninterrupted: Checkout, expected: Files
) -> None:
    """All of its processes, Snakemake alone, or another one: the fork server, a job or its fork.

    A moment is within two seconds after a number of files, so that a slow machine does not let most runs end first.
    A run that ends before it is killed, or in spite of it, is repeated from the beginning.
    """
    chance, runs, killed = random.Random(seed), list[Run](), 0
    while killed < kills:
        moment = chance.uniform(progress(place) - 1, progress(uninterrupted))
        run = place.start()
        runs.append(run)
        wait_until(lambda run=run, moment=moment: run.exitcode is not None or progress(place) > moment)
        run.join(chance.uniform(0, 2))
        others = sorted(members(run).keys() - {run.pid})
        if run.exitcode is None and others:
            killed += 1
            victim = chance.choice(["all", "Snakemake", *2 * ["another"]])
            if victim == "another":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(others), signal.SIGKILL)
                run.join(SECONDS)
            else:
                kill(run, everyone=victim == "all")
        else:
            assert exit_status(run) == 0
        if run.exitcode == 0:
            assert place.files() == expected
            shutil.rmtree(place.folder / "out")
    place.complete(limit=1800)
    wait_until(lambda: not any(map(members, runs)))
    assert place.files() == expected
    assert_nothing_left(place)


def test_killed_training_continues_from_its_checkpoint(place: Checkout, held: Run, expected: Files) -> None:
    kill(held, everyone=True)
    place.complete(ROWS, cores=1)
    assert log_has(place, "continues after")
    assert place.files().items() <= expected.items()
    assert not (place.folder / "out/checkpoints").exists()


def test_a_job_of_a_killed_run_writes_nothing_after_the_next_run(place: Checkout, held: Run, expected: Files) -> None:
    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (place.folder / "out").rglob("*") if path.is_file()}

    kill(held, everyone=False)
    place.complete(ROWS, cores=1)
    before = times()
    resume(held)
    wait_until(lambda: not members(held))
    output = place.output.read_text(encoding="utf-8")
    assert "a later run has started" in output
    assert "Traceback" not in output
    assert times() == before
    assert place.files().items() <= expected.items()


@pytest.mark.parametrize("pause", [False, True], ids=["at once", "paused until another job makes the same file"])
def test_jobs_of_a_killed_run_write_nothing_during_the_next_run(pause: bool, place: Checkout, expected: Files) -> None:
    edit(place, "pg/runs/files.py", "unfinished.replace(path)\n", LOGGED_RENAME)
    killed = place.start("experiments")
    wait_until((place.folder / CHECKPOINT).exists)
    kill(killed, everyone=False)
    killed_run = json.loads((place.folder / RUN).read_text(encoding="utf-8"))["run"]
    assert members(killed)
    if pause:
        send(signal.SIGSTOP, killed)
    run = place.start("experiments")
    if pause:
        wait_until(lambda: log_has(place, "continues after"))
        send(signal.SIGCONT, killed)
    assert exit_status(run) == 0, place.output.read_text(encoding="utf-8")
    wait_until(lambda: not members(killed))
    output = place.output.read_text(encoding="utf-8")
    # Unless it is paused, the job may end before the next run starts; then it has nothing to say.
    assert not pause or "a later run has started" in output
    assert "Traceback" not in output
    writes = [line.split(" ", 2) for line in (place.folder / "writes.txt").read_text(encoding="utf-8").splitlines()]
    next_started = max(int(when) for _, when, path in writes if path == RUN)
    assert max(int(when) for by, when, _ in writes if by == killed_run) < next_started
    assert {by for by, _, path in writes if path == ROWS} - {killed_run} == {by for by, _, _ in writes} - {
        killed_run,
        "",
    }
    assert place.files().items() <= expected.items()
    assert_nothing_left(place, "experiments")


def test_a_second_run_is_refused_and_the_first_one_ends(place: Checkout, held: Run, expected: Files) -> None:
    assert f"another run is writing into out (process {held.pid} on " in place.failure(ROWS, cores=1)
    resume(held)
    assert exit_status(held) == 0, place.output.read_text(encoding="utf-8")
    assert place.files().items() <= expected.items()


def test_results_are_not_deleted_during_a_run(place: Checkout, held: Run, expected: Files) -> None:
    assert "another run is writing into out" in place.failure("--delete-all-output", cores=1)
    resume(held)
    assert exit_status(held) == 0, place.output.read_text(encoding="utf-8")
    assert place.files().items() <= expected.items()
    assert (place.folder / ROWS).exists()
    place.complete("--delete-all-output", cores=1)
    assert set(place.files()) == {"study.json"}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([signal.SIGHUP], id="SIGHUP"),
        pytest.param([signal.SIGQUIT], id="SIGQUIT", marks=pytest.mark.slow),
        pytest.param([signal.SIGINT] * 3, id="three Ctrl-C", marks=pytest.mark.slow),
        pytest.param([signal.SIGTERM, signal.SIGINT], id="SIGTERM and Ctrl-C", marks=pytest.mark.slow),
        pytest.param([signal.SIGSTOP, signal.SIGCONT], id="SIGSTOP", marks=pytest.mark.slow),
    ],
)
def test_after_any_signals_the_same_command_ends_with_the_same_bytes(
    sent: list[signal.Signals], place: Checkout, expected: Files
) -> None:
    run = place.start()
    wait_until((place.folder / CHECKPOINT).exists)
    for number in sent:
        with contextlib.suppress(ProcessLookupError):
            send(number, run)
        time.sleep(3 if number == signal.SIGSTOP else 0.2)
    run.join(SECONDS)
    wait_until(lambda: not members(run))
    assert (run.exitcode == 0) == (signal.SIGCONT in sent), place.output.read_text(encoding="utf-8")
    place.complete()
    assert place.files() == expected
    assert_nothing_left(place)


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM to all", "SIGTERM"])
def test_a_stopped_run_leaves_no_unfinished_file(way: str, place: Checkout, held: Run) -> None:
    """After SIGTERM, Snakemake waits for running jobs; otherwise they stop and keep their checkpoints."""
    (job,) = stopped(held)
    match way:
        case "Ctrl-C":
            send(signal.SIGINT, held)
        case "SIGTERM":
            held.terminate()
        case _:
            send(signal.SIGTERM, held)
    with contextlib.suppress(ProcessLookupError):
        os.kill(job, signal.SIGCONT)
    held.join(SECONDS)
    wait_until(lambda: not members(held))
    output = place.output.read_text(encoding="utf-8")
    assert "Traceback" not in output, output
    assert not any(".partial-" in path.name for path in (place.folder / "out").rglob("*"))
    finished = way == "SIGTERM"
    assert (place.folder / CHECKPOINT).exists() != finished
    assert (place.folder / ROWS).exists() == finished
    assert place.planned(ROWS) == ({} if finished else {"train": 1})
