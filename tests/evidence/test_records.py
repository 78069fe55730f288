"""Files are written whole or not at all, and read back as they were, or refused by name."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pg.evidence import records
from pg.evidence.records import RunRecorder, UnreadableRecord


def test_numbers_survive_a_csv_bit_for_bit(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    values = generator.standard_normal(1000) * 10.0 ** generator.integers(-30, 30, 1000)
    records.write_csv(pd.DataFrame({"value": [*values, np.nan]}), tmp_path / "a.csv")
    back = records.read_csv(tmp_path / "a.csv", ["value"])["value"].to_numpy()
    np.testing.assert_array_equal(back, [*values, np.nan])


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    records.write_json({"a": 1}, path)
    with pytest.raises(TypeError):
        records.write_json({"a": object()}, path)
    with pytest.raises(RuntimeError, match="half-way"):
        records.atomically(path, half_way)
    assert records.read_json(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def half_way(path: Path) -> None:
    path.write_text("half", encoding="utf-8")
    raise RuntimeError("half-way")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("seed,steps\n1,2\n", encoding="utf-8")
    with pytest.raises(UnreadableRecord, match=r"a\.csv: has no column return_mean; it has seed, steps"):
        records.read_csv(tmp_path / "a.csv", ["seed", "return_mean"])
    (tmp_path / "a.csv").write_text('seed\n"1\n', encoding="utf-8")
    with pytest.raises(UnreadableRecord, match=r"a\.csv, line 2: "):
        records.read_csv(tmp_path / "a.csv", ["seed"])
    (tmp_path / "a.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(UnreadableRecord, match=r"a\.json: holds list, not an object"):
        records.read_json(tmp_path / "a.json")
    (tmp_path / "a.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UnreadableRecord, match=r"a\.safetensors \(8 bytes\): "):
        records.read_snapshot(tmp_path / "a.safetensors")


def test_snapshots_are_found_in_whichever_block_holds_them(tmp_path: Path) -> None:
    for seed, block in ((0, "seeds-0-1"), (2, "seeds-2-3")):
        path = records.snapshot_path(tmp_path / block, "late", seed)
        records.write_snapshot({"weight": np.full((2, 2), seed, dtype=np.float32)}, path)
    folders = [tmp_path / "seeds-0-1", tmp_path / "seeds-2-3"]
    found = records.read_snapshots(folders, "late", [0, 2])
    np.testing.assert_array_equal(found[2]["weight"], np.full((2, 2), 2))
    with pytest.raises(UnreadableRecord, match="no snapshot of seed 1 at stage late"):
        records.read_snapshots(folders, "late", [1])


def test_files_are_grouped_by_key_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.csv" for i in range(4)]
    for i, path in enumerate(paths):
        records.write_csv(pd.DataFrame({"seed": [i]}), path)
    grouped = records.read_grouped(paths, ["a", "b"], ["seed"])
    assert grouped["a"]["seed"].tolist() == [0, 1]
    assert grouped["b"]["seed"].tolist() == [2, 3]


def row(seed: int, iteration: int) -> dict[str, float | int]:
    values = dict.fromkeys(records.RUN_COLUMNS, 1.0)
    return {**values, "seed": seed, "iteration": iteration, "episodes": 4 * iteration, "length_mean": 2.5}


def test_rows_come_ordered_by_seed_and_iteration() -> None:
    recorder = RunRecorder(100)
    for seed, iteration in ((1, 1), (0, 1), (1, 2), (0, 2)):
        recorder.row(row(seed, iteration))
    assert recorder.frame()[["seed", "iteration"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]


def test_progress_tells_iteration_return_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0, 10.0])
    monkeypatch.setattr(records.time, "monotonic", lambda: next(clock))
    recorder = RunRecorder(100)
    with caplog.at_level(logging.INFO, logger="pg"):
        recorder.row(row(0, 1))
    assert caplog.messages == ["iteration 1  return 1.0  10 of 100 steps  1 steps/s  about 90 s left"]


@pytest.mark.parametrize(("column", "said"), [("over", "to_go"), ("coverage", "90 % on skewed data at n = 20")])
def test_columns_that_speak_in_words_are_read_back(column: str, said: str, tmp_path: Path) -> None:
    """Tables across environments name a variant in `over`; claims say in `coverage` how far their interval holds."""
    frame = pd.DataFrame({"variant": ["total", "to_go"], column: [None, said], "estimate": [0.5, 1.0]})
    records.write_csv(frame, tmp_path / "table.csv")
    assert records.read_csv(tmp_path / "table.csv")[column].tolist()[1] == said
