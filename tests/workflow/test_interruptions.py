"""A run may be killed at any moment: the same command ends it, with the bytes of a run that nobody has killed."""

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
from tests.workflow.checkout import STUDY, Checkout, checkout

TRAINED = "out/runs/learn/cartpole/total/seeds-0-1.csv"
LOG = "out/logs/runs/learn/cartpole/total/seeds-0-1.log"
CHECKPOINT = "out/checkpoints/runs/learn/cartpole/total/seeds-0-1"
RUN = "out/.run.json"
PATIENCE = 900.0


def study() -> dict[str, Any]:
    """About ten seconds on two cores, most of them in jobs that write checkpoints."""
    options = copy.deepcopy(STUDY)
    options["variants"]["averaged"]["optimizer"] = {"learning_rate": "tuned"}
    options["experiments"]["learn"] |= {
        "seeds": {"count": 2, "per_job": 2},
        "budget": {"steps": 20_000, "max_iterations": 400},
        "tuning": {"grid": [0.01, 0.1], "seeds": 2},
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


HOLD = """
        if Path("hold").exists():
            import os, signal
            Path("hold").unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
"""


PUT = """
        import os, time
        with Path("put.txt").open("a") as puts:
            puts.write(f"{os.environ.get('PG_RUN', '').partition(':')[0]} {time.time_ns()} {path}\\n")
"""


def interruptible(folder: Path) -> Checkout:
    """A checkout whose jobs write checkpoints as often as they can, and stand still behind one if they are asked to."""
    place = checkout(folder)
    place.write(study())
    for former, eager in (
        ("_SECONDS_BETWEEN = 30.0", "_SECONDS_BETWEEN = 0.1"),
        ("_LARGEST_SHARE = 0.01", "_LARGEST_SHARE = 0.5"),
        ("file.write_bytes(content))\n", f"file.write_bytes(content)){HOLD}"),
    ):
        edit(place, "pg/runs/checkpoints.py", former, eager)
    return place


def edit(place: Checkout, name: str, former: str, new: str) -> None:
    module = place.folder / name
    text = module.read_text(encoding="utf-8")
    assert text.count(former) == 1
    module.write_text(text.replace(former, new), encoding="utf-8")


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """What a run makes that nobody interrupts, and the seconds it takes."""
    place = interruptible(tmp_path_factory.mktemp("unharmed"))
    started = time.monotonic()
    done = place.run(limit=1800)
    assert done.returncode == 0, done.stderr
    files = place.files()
    assert {Path(name).parts[0] for name in files} >= {"runs", "tuned", "exact", "tables", "claims.csv", "figures"}
    return files, time.monotonic() - started


@pytest.fixture
def place(tmp_path: Path) -> Checkout:
    return interruptible(tmp_path)


def members(group: int) -> dict[int, str]:
    """Return the states of a process group's members that are alive."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    lines = (line.split() for line in listed.splitlines())
    return {int(pid): stat for pid, own, stat in lines if int(own) == group and not stat.startswith("Z")}


def standing(group: int) -> list[int]:
    return [pid for pid, stat in members(group).items() if stat.startswith("T")]


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.05)


def kill(run: "subprocess.Popen[bytes]", everyone: bool) -> None:
    if everyone:
        os.killpg(run.pid, signal.SIGKILL)
    else:
        run.kill()
    run.wait()


def logged(place: Checkout, words: str) -> bool:
    log = place.folder / LOG
    try:
        return words in log.read_text(encoding="utf-8")
    except FileNotFoundError:  # the next job is about to begin it
        return False


def left_over(place: Checkout) -> list[str]:
    out = place.folder / "out"
    return [str(path) for path in out.rglob("*") if ".partial-" in path.name or path.name == "checkpoints"]


def kill_often(place: Checkout, kills: int, seed: int, unharmed: tuple[dict[str, bytes], float]) -> None:
    """Kill a run at random moments and give its command again, until it ends; begin anew while there are kills left."""
    expected, seconds = unharmed
    chance, started, killed = random.Random(seed), list[int](), 0
    while killed < kills:
        run = place.start()
        started.append(run.pid)
        try:
            run.wait(timeout=chance.uniform(0.1, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            kill(run, everyone=chance.random() < 0.5)
            killed += 1
            continue
        assert run.returncode == 0
        assert place.files() == expected
        shutil.rmtree(place.folder / "out")
    done = place.run(limit=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until(lambda: not any(members(group) for group in started))
    assert place.files() == expected, f"killed {killed} times, seed {seed}"
    assert left_over(place) == []
    assert place.planned() == {}


def test_killed_three_times_a_run_still_ends_with_the_same_bytes(
    place: Checkout, unharmed: tuple[dict[str, bytes], float]
) -> None:
    kill_often(place, 3, seed=0, unharmed=unharmed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_killed_four_times_at_other_moments_likewise(
    seed: int, place: Checkout, unharmed: tuple[dict[str, bytes], float]
) -> None:
    kill_often(place, 4, seed, unharmed)


@pytest.fixture
def training(place: Checkout) -> Iterator["subprocess.Popen[bytes]"]:
    """A run whose training job stands still behind its first checkpoint."""
    (place.folder / "hold").touch()
    run = place.start(TRAINED, cores=1)
    wait_until(lambda: standing(run.pid))
    assert (place.folder / CHECKPOINT).exists()
    assert not (place.folder / TRAINED).exists()
    yield run
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def go_on(run: "subprocess.Popen[bytes]") -> None:
    (job,) = standing(run.pid)
    os.kill(job, signal.SIGCONT)


def test_training_that_was_killed_goes_on_from_its_checkpoint(
    place: Checkout, training: "subprocess.Popen[bytes]", unharmed: tuple[dict[str, bytes], float]
) -> None:
    os.killpg(training.pid, signal.SIGKILL)
    done = place.run(TRAINED, cores=1)
    assert done.returncode == 0, done.stderr
    assert "continues after" in (place.folder / LOG).read_text(encoding="utf-8")
    made = place.files()
    assert made == {name: unharmed[0][name] for name in made}
    assert left_over(place) == []


def test_a_job_whose_run_was_killed_leaves_the_place_to_the_run_that_takes_over(
    place: Checkout, training: "subprocess.Popen[bytes]", unharmed: tuple[dict[str, bytes], float]
) -> None:
    training.kill()
    training.wait()
    done = place.run(TRAINED, cores=1)
    assert done.returncode == 0, done.stderr
    before = {path: path.stat().st_mtime_ns for path in (place.folder / "out").rglob("*") if path.is_file()}
    go_on(training)
    wait_until(lambda: not members(training.pid))
    said = place.said.read_text(encoding="utf-8")
    assert "another has started" in said
    assert "Traceback" not in said
    after = {path: path.stat().st_mtime_ns for path in (place.folder / "out").rglob("*") if path.is_file()}
    assert after == before, "nothing is written any more"
    made = place.files()
    assert made == {name: unharmed[0][name] for name in made}


@pytest.mark.parametrize("asleep", [False, True], ids=["at once", "asleep until another works at the same file"])
def test_jobs_that_outlive_their_run_put_nothing_in_place_once_the_next_has_begun(
    asleep: bool, place: Checkout, unharmed: tuple[dict[str, bytes], float]
) -> None:
    edit(place, "pg/runs/files.py", "unfinished.replace(path)\n", f"unfinished.replace(path){PUT}")
    killed = place.start()
    wait_until((place.folder / CHECKPOINT).exists)
    kill(killed, everyone=False)
    number = json.loads((place.folder / RUN).read_text(encoding="utf-8"))["run"]
    orphans = members(killed.pid)
    assert orphans
    if asleep:
        os.killpg(killed.pid, signal.SIGSTOP)
    run = place.start()
    if asleep:
        wait_until(lambda: logged(place, "continues after"))
        os.killpg(killed.pid, signal.SIGCONT)
    assert run.wait(timeout=PATIENCE) == 0, place.said.read_text(encoding="utf-8")
    wait_until(lambda: not members(killed.pid))
    said = place.said.read_text(encoding="utf-8")
    assert "another has started" in said
    assert "Traceback" not in said
    taken_over = (place.folder / RUN).stat().st_mtime_ns
    lines = [line.split(" ", 2) for line in (place.folder / "put.txt").read_text(encoding="utf-8").splitlines()]
    assert max(int(when) for by, when, _ in lines if by == number) < taken_over
    assert {by for by, _, path in lines if path == TRAINED} == {by for by, _, _ in lines} - {number}
    assert place.files() == unharmed[0]
    assert left_over(place) == []
    assert place.planned() == {}


def test_two_runs_at_once_are_refused_and_the_first_goes_on(
    place: Checkout, training: "subprocess.Popen[bytes]", unharmed: tuple[dict[str, bytes], float]
) -> None:
    second = place.run(TRAINED, cores=1)
    assert second.returncode != 0
    assert f"another run is writing into out (process {training.pid} on " in second.stdout + second.stderr
    assert "Traceback" not in second.stdout + second.stderr
    go_on(training)
    assert training.wait(timeout=PATIENCE) == 0, place.said.read_text(encoding="utf-8")
    assert (place.folder / TRAINED).read_bytes() == unharmed[0][TRAINED.removeprefix("out/")]


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM to all", "SIGTERM"])
def test_a_run_that_is_told_to_stop_leaves_a_clean_state(
    way: str, place: Checkout, training: "subprocess.Popen[bytes]"
) -> None:
    """Snakemake itself lets running jobs end after SIGTERM, and starts no more."""
    (job,) = standing(training.pid)
    match way:
        case "Ctrl-C":
            os.killpg(training.pid, signal.SIGINT)
        case "SIGTERM":
            training.terminate()
        case _:
            os.killpg(training.pid, signal.SIGTERM)
    with contextlib.suppress(ProcessLookupError):
        os.kill(job, signal.SIGCONT)
    training.wait(timeout=PATIENCE)
    wait_until(lambda: not members(training.pid))
    said = place.said.read_text(encoding="utf-8")
    assert "Traceback" not in said, said
    assert not any(".partial-" in path.name for path in (place.folder / "out").rglob("*"))
    ended = way == "SIGTERM"
    assert (place.folder / CHECKPOINT).exists() != ended
    assert (place.folder / TRAINED).exists() == ended
    assert place.planned(TRAINED) == ({} if ended else {"train_evaluated": 1})
