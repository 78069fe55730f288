"""A file that was cut off, damaged or edited by hand is named with the line, whoever reads it, and never believed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pg.experiments.columns import RUN_COLUMNS
from pg.experiments.records import Budget
from pg.runs import records, snapshots
from pg.runs.tabular_files import UnreadableRecord

BUDGET = Budget(steps=30)


def runs() -> str:
    """Return two runs of three iterations, as training writes them."""
    rows = [
        dict.fromkeys(RUN_COLUMNS, 0.125) | {"seed": seed, "iteration": i, "steps": 10 * i, "episodes": 4 * i}
        for seed in (3, 4)
        for i in (1, 2, 3)
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


WHOLE = runs()
LINES = WHOLE.splitlines(keepends=True)


def read(folder: Path, content: bytes) -> pd.DataFrame:
    path = folder / "seeds-3-4.csv"
    path.write_bytes(content)
    return records.read_runs([path], ["cell"], BUDGET)["cell"]


def test_what_training_writes_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE.encode()).to_csv(index=False) == WHOLE


def with_line(number: int, line: str) -> bytes:
    return "".join([*LINES[: number - 1], line, *LINES[number:]]).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHOLE[:-1].encode(), r"seeds-3-4\.csv, line 7: is cut off"),
        (WHOLE[: len(WHOLE) // 2].encode(), r"line \d: is cut off"),
        (b"", "is empty"),
        ("".join(LINES[:1]).encode(), "has no rows of seed 3, 4"),
        ("".join(LINES[:4]).encode(), "has no rows of seed 4"),
        ("".join(LINES[:-1]).encode(), "seed 4 ends at iteration 2 after 20 of 30 steps"),
        ("".join(LINES[:2] + LINES[3:]).encode(), "seed 3 lacks iteration 2"),
        (with_line(3, LINES[2].replace("0.125", "0,125", 1)), r"line 3: has 24 values where the header has 23"),
        (with_line(3, LINES[2].replace("0.125", "abc", 1)), r"line 3: return_mean is 'abc' and should be a number"),
        (with_line(3, LINES[2].replace("3,", ",", 1)), r"line 3: seed is empty and should be a whole number"),
        (with_line(3, LINES[2].replace("3,", "3.5,", 1)), r"line 3: seed is '3\.5' and should be a whole number"),
        (with_line(3, LINES[2].replace("3,", "9,", 1)), "is not of seed 9"),
        (with_line(5, '"' + LINES[4]), r"line 5: unexpected end of data"),
        (with_line(4, "\0" * 20 + "\n"), r"line 4: byte \d+ is not text"),
        (WHOLE.encode().replace(b"0.125", b"\xff\xfe", 1), r"line 2: byte \d+ is not text"),
        (with_line(1, LINES[0].replace("entropy", "seed")), "line 1: names a column twice"),
        (with_line(1, LINES[0].replace("entropy", "entropie")), "has no column entropy; it has seed, iteration, "),
    ],
)
def test_a_damaged_file_is_named_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecord, match=message) as caught:
        read(tmp_path, content)
    assert "seeds-3-4.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    with pytest.raises(UnreadableRecord):
        read(tmp_path_factory.getbasetemp(), WHOLE[:length].encode())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=3))
def test_bytes_that_are_overwritten_are_refused_or_leave_numbers(
    tmp_path_factory: pytest.TempPathFactory, place: int, other: bytes
) -> None:
    content = WHOLE.encode()
    try:
        frame = read(tmp_path_factory.getbasetemp(), content[:place] + other + content[place + len(other) :])
    except UnreadableRecord:
        return
    assert frame[list(RUN_COLUMNS)].map(np.isreal).all(axis=None)


def test_a_measurement_that_lacks_rows_of_a_policy_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"seed": [0, 0, 1, 1], "variant": ["a", "b", "a", "b"], "batch": 4, "value": 0.5})
    frame.to_csv(tmp_path / "seeds-0-1.csv", index=False)
    assert len(records.read_csv(tmp_path / "seeds-0-1.csv")) == 4
    frame.iloc[:3].to_csv(tmp_path / "seeds-0-1.csv", index=False)
    with pytest.raises(UnreadableRecord, match="seed 1 has 1 of 2 rows"):
        records.read_csv(tmp_path / "seeds-0-1.csv")


CHOICE = {"learning_rate": 0.1, "at_edge": False, "scores": [{"learning_rate": 0.1, "seed": 0, "score": None}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(CHOICE)[:20], r"a\.json, line 1: is not JSON"),
        (json.dumps(CHOICE, indent=2).replace("0.1", "0,1"), r"a\.json, line 2: is not JSON"),
        (json.dumps(CHOICE | {"learning_rate": "fast"}), r"a\.json: learning_rate: should be a valid number"),
        (json.dumps(CHOICE | {"scores": [{"seed": 0}]}), r"a\.json: scores\.0\.learning_rate: "),
        ("[]", r"a\.json: holds list, not an object"),
    ],
)
def test_a_damaged_choice_of_a_learning_rate_is_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(CHOICE), encoding="utf-8")
    assert records.read_choice(tmp_path / "a.json")["learning_rate"] == 0.1
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableRecord, match=message):
        records.read_choice(tmp_path / "a.json")


@pytest.mark.parametrize("cut", [0, 4, 20, -1])
def test_a_damaged_snapshot_is_named_with_its_size(cut: int, tmp_path: Path) -> None:
    path = snapshots.snapshot_path(tmp_path, "late", 3)
    snapshots.write_snapshot({"weight": np.ones((2, 2))}, path)
    content = path.read_bytes()
    path.write_bytes(content[:cut])
    size = len(content[:cut])
    with pytest.raises(UnreadableRecord, match=rf"seed-3\.safetensors \({size} bytes\): is damaged"):
        snapshots.read_snapshots([tmp_path], "late", [3])
