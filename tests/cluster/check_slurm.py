"""The study through a real SLURM of one node: `make test-cluster`. Its name keeps it out of `make test`."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.cluster.one_node import OneNode, one_node, why_not
from tests.workflow.checkout import ROOT, STUDY, Checkout, checkout

# This cluster keeps no accounts, and its jobs last seconds: sacct has no answers, and 40 s is long to wait.
_HERE = (
    "--slurm-no-account",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=1",
    "--seconds-between-status-checks=1",
    "--latency-wait=10",
)
_TRAINED = "out/runs/learn/cartpole/total/seeds-0-1.csv"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneNode]:
    if reason := why_not():
        pytest.fail(reason)
    with one_node(tmp_path_factory.mktemp("slurm")) as node:
        yield node


@pytest.fixture(scope="session")
def study() -> dict[str, Any]:
    """The test study, with training that lasts long enough to be disturbed."""
    options = copy.deepcopy(STUDY)
    options["experiments"]["learn"]["budget"] = {"steps": 40_000}
    return options


def prepared(folder: Path, study: dict[str, Any]) -> Checkout:
    place = checkout(folder)
    place.write(study)
    return place


def ran_here(folder: Path, study: dict[str, Any], *targets: str) -> Checkout:
    """Run the study, or some files of it, on this machine without SLURM."""
    place = prepared(folder, study)
    place.complete(*targets, cores=1, limit=900)
    return place


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, study: dict[str, Any]) -> Checkout:
    return ran_here(tmp_path_factory.mktemp("local"), study)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, study: dict[str, Any]) -> Checkout:
    return ran_here(tmp_path_factory.mktemp("trained"), study, _TRAINED)


@pytest.fixture
def fresh(tmp_path: Path, study: dict[str, Any]) -> Checkout:
    return prepared(tmp_path, study)


@contextmanager
def submitted(place: Checkout, *arguments: str) -> Iterator[Callable[[], str]]:
    """Start the study through SLURM; yield a function that waits for its success and returns its log."""
    log = place.folder / "snakemake.log"
    command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/slurm", *_HERE, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(place.folder)}
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=place.folder, env=environment, stdout=stream, stderr=stream)

    def ended() -> str:
        status = process.wait(timeout=3600)
        text = log.read_text(encoding="utf-8")
        assert status == 0, text
        return text

    try:
        yield ended
    finally:
        if process.poll() is None:
            # As Ctrl-C does: it takes the jobs out of the queue.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def running_job(cluster: OneNode) -> psutil.Process:
    """Wait until a job runs, and return its process."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        if process := cluster.process_of(".job.py"):
            return process
        time.sleep(0.1)
    raise TimeoutError("no job runs")


def test_a_study_through_slurm_makes_the_bytes_of_a_local_run(
    cluster: OneNode, local: Checkout, fresh: Checkout
) -> None:
    with submitted(fresh) as ended:
        ended()
    assert fresh.files() == local.files()
    assert (fresh.folder / "out/report.html").exists()
    assert set(cluster.memory_asked_for()) == {1500}
    assert fresh.planned() == {}, "a local run takes over what SLURM has made"


def test_a_cancelled_job_is_submitted_again_and_asks_for_more(
    cluster: OneNode, trained: Checkout, fresh: Checkout
) -> None:
    with submitted(fresh, _TRAINED) as ended:
        running_job(cluster)
        (job,) = cluster.running()
        cluster.cancel(job)
        assert "Trying to restart" in ended()
    assert 3000 in cluster.memory_asked_for()
    assert fresh.files() == trained.files()


def test_a_job_whose_process_is_killed_is_submitted_again(cluster: OneNode, trained: Checkout, fresh: Checkout) -> None:
    with submitted(fresh, _TRAINED) as ended:
        running_job(cluster).kill()
        assert "Trying to restart" in ended()
    assert fresh.files() == trained.files()


def test_a_job_outlives_the_daemon_of_its_node(cluster: OneNode, trained: Checkout, fresh: Checkout) -> None:
    with submitted(fresh, _TRAINED) as ended:
        running_job(cluster)
        cluster.kill_daemon()
        cluster.start_node()
        ended()
    assert fresh.files() == trained.files()


def test_a_job_of_a_lost_node_goes_back_into_the_queue(cluster: OneNode, trained: Checkout, fresh: Checkout) -> None:
    before = cluster.restarts()
    with submitted(fresh, _TRAINED) as ended:
        running_job(cluster)
        cluster.lose_node()
        cluster.start_node()
        ended()
    assert cluster.restarts() > before
    assert fresh.files() == trained.files()


@pytest.mark.usefixtures("cluster")
def test_a_value_of_the_command_line_reaches_no_shell_on_its_way_to_a_node(trained: Checkout, fresh: Checkout) -> None:
    name = 'a "study" of Zoë; $(touch harm) `touch harm` && touch harm; %s $HOME {x}'
    with submitted(fresh, _TRAINED, "--config", f"name={name}") as ended:
        ended()
    assert fresh.files() == trained.files()
    assert not list(fresh.folder.rglob("harm"))


@pytest.mark.parametrize("name", ["it's $(touch harm)", "a\nb", "a\\b"])
def test_a_value_that_would_end_its_quotes_is_refused(fresh: Checkout, name: str) -> None:
    done = fresh.run(_TRAINED, "--profile", "workflow/profiles/slurm", *_HERE, "--config", f"name={name}")
    assert done.returncode != 0
    assert "values of --config and --configfile must not contain quotation marks" in done.stderr
    assert not (fresh.folder / "out").exists()
    assert not list(fresh.folder.rglob("harm"))


def test_the_smoke_study_through_a_troubled_slurm_makes_the_bytes_of_a_local_run(
    cluster: OneNode, tmp_path_factory: pytest.TempPathFactory
) -> None:
    places = [checkout(tmp_path_factory.mktemp(name)) for name in ("smoke-local", "smoke-slurm")]
    for place in places:
        text = (ROOT / "workflow/studies/smoke.yaml").read_text(encoding="utf-8")
        (place.folder / "config.yaml").write_text(text.replace("results/smoke", "out"), encoding="utf-8")
    started = time.monotonic()
    places[0].complete(cores=1, limit=3600)
    locally = time.monotonic() - started
    with submitted(places[1]) as ended:
        running_job(cluster)
        cluster.cancel(cluster.running()[0])
        running_job(cluster)
        cluster.kill_daemon()
        cluster.start_node()
        text = ended()
    print(f"smoke study: {locally:.0f} s locally, {time.monotonic() - started - locally:.0f} s through SLURM")
    print(f"{text.count('has been submitted')} submissions, {text.count('Trying to restart')} of them again")
    assert "Trying to restart" in text
    assert places[0].files() == places[1].files()
    assert not cluster.running()
    for place in places:
        shutil.rmtree(place.folder)
