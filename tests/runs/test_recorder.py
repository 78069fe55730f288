"""A recorder sorts rows and logs the progress of its job."""

import logging

import pytest
from pg.learning.columns import RUN_COLUMNS
from pg.runs import recorder as recording
from pg.runs.recorder import RunRecorder


def row(seed: int, iteration: int) -> dict[str, float | int]:
    values = dict.fromkeys(RUN_COLUMNS, 1.0)
    return {**values, "seed": seed, "iteration": iteration, "episodes": 4 * iteration, "length_mean": 2.5}


def test_rows_are_sorted_by_seed_and_iteration() -> None:
    recorder = RunRecorder(100)
    for seed, iteration in ((1, 1), (0, 1), (1, 2), (0, 2)):
        recorder.row(row(seed, iteration))
    assert recorder.frame()[["seed", "iteration"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]


def test_progress_has_iteration_return_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0, 20.0, 20.0])
    monkeypatch.setattr(recording.time, "monotonic", lambda: next(clock))
    recorder = RunRecorder(15)
    with caplog.at_level(logging.INFO, logger="pg"):
        recorder.row(row(0, 1))
        recorder.row(row(0, 2))
    assert caplog.messages == [
        "iteration 1  return 1.0  10 of 15 steps  1 steps/s  about 5 s left",
        "iteration 2  return 1.0  20 of 15 steps  1 steps/s  rates beyond the grid are not counted",
    ]
