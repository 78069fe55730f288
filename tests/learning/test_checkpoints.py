"""A run that is resumed from a checkpoint is bit-identical to one that was not interrupted."""

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pg.core.trajectories import Spaces
from pg.environments.record import Observations
from pg.experiments.train.choice import Choices
from pg.experiments.train.tuning import tune
from pg.learning.checkpoints import read_state
from pg.learning.columns import RUN_COLUMNS
from pg.learning.job import TrainJob
from pg.learning.learner import Learner, make_learner
from pg.learning.training import train
from pg.parts.variant import PolicyOptions, Variant
from pg.runs import checkpoints
from pg.runs.checkpoints import Checkpoint
from pg.runs.recorder import RunRecorder
from tests.learning.runs import ACTOR_CRITIC, demonstrator, jobs_with_state, train_job, tune_job

SMALL = PolicyOptions(hidden=(8,))


def job(id: str = "CartPole-v1", **options: Any) -> TrainJob:
    return train_job(id, 5, 6, steps=360, iterations=3, **options)


JOBS: dict[str, TrainJob] = {
    **jobs_with_state(job, SMALL, 0, 1),
    "adam": job(baseline="leave_one_out"),
    "critic": job("InvertedPendulum-v5", **ACTOR_CRITIC),
    "stacked": job(observations=Observations(stack=2, hide=(1, 3))),
}
# These keep no state of their own between iterations.
WITHOUT_STATE = ("natural gradient", "stacked", "tables")


@pytest.fixture(autouse=True)
def _after_every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_SECONDS_BETWEEN", 0.0)


@dataclass
class Place:
    """The checkpoint of a run, and its results."""

    folder: Path
    policies: Mapping[int, Mapping[str, np.ndarray]]
    ended: set[int] = field(default_factory=set)
    """How many seeds had ended, at the checkpoints."""

    def run(self, job: TrainJob, after: Callable[[Path], None] = lambda _: None, kept: Path | None = None) -> str:
        """Run a job from the checkpoint, if any, and return all that it recorded; `after` sees every checkpoint."""
        recorder = RunRecorder(1, self.folder / "snapshots")
        path = self.folder / "checkpoint"
        if kept is not None:
            self.folder.mkdir()
            shutil.copy(kept, path)
        keeper = Checkpoint(path, recorder, "this job")
        noticed = keeper.iteration

        def iteration(state: Callable[[], bytes]) -> None:
            noticed(state)
            self.ended.add(read_state(state())[0])
            after(path)

        keeper.iteration = iteration
        rates = dict.fromkeys(job.seeds, 0.05) if job.variant.is_tuned else job.declared_rates
        train(job, rates, recorder, self.policies, keeper)
        keeper.remove()
        assert not path.exists()
        return recorder.frame().to_csv(index=False) + recorder.evaluations().to_csv(index=False)

    def snapshots(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*.safetensors")}


@pytest.fixture(autouse=True)
def _at_every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LARGEST_SHARE", math.inf)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in WITHOUT_STATE else name for name in JOBS]
)
def test_resumed_run_is_bit_identical_from_any_iteration(name: str, tmp_path: Path) -> None:
    trained = JOBS[name]
    policies = {seed: demonstrator(SMALL, seed) for seed in (0, 1)} if trained.demonstrators else {}
    kept: list[Path] = []

    def keep(path: Path) -> None:
        kept.append(Path(shutil.copy(path, tmp_path / f"kept-{len(kept)}")))

    whole = Place(tmp_path / "whole", policies)
    expected = whole.run(trained, after=keep)
    assert len(kept) > 2
    assert whole.ended == {0, 1}
    for index, checkpoint in enumerate(kept):
        resumed = Place(tmp_path / f"resumed-{index}", policies)
        assert resumed.run(trained, kept=checkpoint) == expected
        assert resumed.snapshots() == whole.snapshots()


@pytest.mark.parametrize("interrupted_after", [1, 4])
def test_resumed_tuning_is_bit_identical(interrupted_after: int, tmp_path: Path) -> None:
    """Rates are trained in two parts, and a checkpoint holds learners that wait for the second."""
    tuned = tune_job("CartPole-v1", (0.003, 0.01, 0.1), seeds=2, horizon=30, steps=3000, iterations=8)

    class Interrupted(Exception):
        pass

    def run(path: Path, iterations: int | None) -> tuple[str, Choices] | None:
        recorder = RunRecorder(1)
        keeper = Checkpoint(path, recorder, checkpoints.identity(tuned.canonical(), None, {}, "code"))
        noticed, left = keeper.iteration, iterations

        def iteration(state: Callable[[], bytes]) -> None:
            nonlocal left
            noticed(state)
            left = None if left is None else left - 1
            if left == 0:
                raise Interrupted

        keeper.iteration = iteration
        try:
            choices = tune(tuned, recorder, keeper=keeper)
        except Interrupted:
            return None
        return recorder.frame().to_csv(index=False), choices

    expected = run(tmp_path / "whole", None)
    interruptions = 0
    while (found := run(tmp_path / "a", interrupted_after)) is None:
        interruptions += 1
    assert interruptions > 3
    assert found == expected


def test_state_has_every_field_that_training_changes() -> None:
    spaces, variant = Spaces(4, 2), Variant(policy=SMALL)
    state = make_learner(variant, spaces, 30, 0, 0.1, "train").state()
    others = {"evaluation_generators", "shuffling"}
    assert {one.name for one in fields(Learner)} - others == set(state)
    assert len(state["generators"]) == 5, "starts and actions of batches and of evaluations, and shuffling"


def recorded(tmp_path: Path) -> tuple[Path, RunRecorder]:
    recorder = RunRecorder(1, tmp_path / "snapshots")
    row = dict.fromkeys(RUN_COLUMNS, 0.1) | {"seed": 7, "iteration": 1, "episodes": 4, "entropy": math.nan}
    recorder.row(row)
    recorder.snapshot(7, "late", {"weight": np.arange(3.0)})
    keeper = Checkpoint(tmp_path / "kept", recorder, "this job")
    keeper.iteration(lambda: b"state")
    return tmp_path / "kept", recorder


def test_checkpoint_restores_rows_and_snapshots(tmp_path: Path) -> None:
    path, former = recorded(tmp_path)
    recorder = RunRecorder(1, tmp_path / "again")
    assert Checkpoint(path, recorder, "this job").kept() == b"state"
    assert recorder.frame().to_csv() == former.frame().to_csv()
    assert (tmp_path / "again/late/seed-7.safetensors").read_bytes() == (
        tmp_path / "snapshots/late/seed-7.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    "damaged",
    [lambda kept: kept[:-1], lambda kept: kept[:-1] + bytes([kept[-1] ^ 1]), lambda _: b"", None],
    ids=["cut", "changed", "empty", "missing"],
)
def test_damaged_checkpoint_is_ignored(damaged: Callable[[bytes], bytes] | None, tmp_path: Path) -> None:
    path, _ = recorded(tmp_path)
    if damaged is None:
        path.unlink()
    else:
        path.write_bytes(damaged(path.read_bytes()))
    assert_ignored(path, "this job")


def test_checkpoint_of_another_job_is_ignored(tmp_path: Path) -> None:
    assert_ignored(recorded(tmp_path)[0], "that job")


def assert_ignored(path: Path, job: str) -> None:
    recorder = RunRecorder(1, path.with_name("again"))
    assert Checkpoint(path, recorder, job).kept() is None
    assert recorder.frame().empty


def test_identity_covers_all_that_decides_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def identity(job: TrainJob = JOBS["adam"], rate: float = 0.1, value: float = 0.0, code: str = "code") -> str:
        return checkpoints.identity(job.canonical(), {0: rate}, {0: {"weight": np.array([value])}}, code)

    same = identity()
    assert identity() == same
    others = {identity(JOBS["critic"]), identity(rate=0.2), identity(value=1.0), identity(code="other code")}
    monkeypatch.setattr(checkpoints, "version", lambda _: "another version")
    others.add(identity())
    assert len(others) == 5
    assert same not in others


def test_checkpoints_take_less_than_1_percent_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LARGEST_SHARE", 0.01)
    monkeypatch.setattr(checkpoints, "_SECONDS_BETWEEN", 5.0)
    clock = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock[0])
    recorder = RunRecorder(1)
    keeper = Checkpoint(tmp_path / "kept", recorder, "this job")
    written: list[float] = []

    def state() -> bytes:
        written.append(clock[0])
        clock[0] += 0.2  # seconds that a checkpoint takes
        return b""

    while clock[0] < 100:
        clock[0] += 0.1
        keeper.iteration(state)
    assert len(written) == 5
    assert written[0] == pytest.approx(5.0, abs=0.2)
    assert 0.2 * len(written) <= 0.01 * clock[0] + 0.2
