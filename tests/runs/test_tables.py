"""A CSV file that was cut off, damaged or edited by hand is refused, with the file and the line."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pg.experiments.train.files import read_runs
from pg.learning.columns import RUN_COLUMNS
from pg.learning.job import Budget
from pg.runs.files import UnreadableFile
from pg.runs.tables import read_csv, read_grouped, write_csv

BUDGET = Budget(steps=30)


def two_runs() -> str:
    """Return two runs of three iterations, as training writes them."""
    rows = [
        dict.fromkeys(RUN_COLUMNS, 0.125) | {"seed": seed, "iteration": i, "steps": 10 * i, "episodes": 4 * i}
        for seed in (3, 4)
        for i in (1, 2, 3)
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


WHOLE = two_runs()
LINES = WHOLE.splitlines(keepends=True)


def read(folder: Path, content: bytes) -> pd.DataFrame:
    path = folder / "seeds-3-4.csv"
    path.write_bytes(content)
    return read_runs([path], ["cell"], BUDGET)["cell"]


def with_line(number: int, line: str) -> bytes:
    return "".join([*LINES[: number - 1], line, *LINES[number:]]).encode()


def test_numbers_are_read_back_bit_for_bit(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    values = generator.standard_normal(1000) * 10.0 ** generator.integers(-30, 30, 1000)
    write_csv(pd.DataFrame({"value": [*values, np.nan]}), tmp_path / "a.csv")
    np.testing.assert_array_equal(read_csv(tmp_path / "a.csv", ["value"])["value"].to_numpy(), [*values, np.nan])


def test_rows_of_training_are_read_back(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE.encode()).to_csv(index=False) == WHOLE


@pytest.mark.parametrize(("column", "text"), [("over", "to_go"), ("coverage", "90 % on skewed data at n = 20")])
def test_columns_of_text_are_read_back(column: str, text: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"variant": ["total", "to_go"], column: [None, text], "estimate": [0.5, 1.0]})
    write_csv(frame, tmp_path / "table.csv")
    assert read_csv(tmp_path / "table.csv")[column].tolist()[1] == text


def test_files_are_grouped_by_key_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.csv" for i in range(4)]
    for i, path in enumerate(paths):
        write_csv(pd.DataFrame({"seed": [i]}), path)
    grouped = read_grouped(paths, ["a", "b"], partial(read_csv, columns=["seed"]))
    assert {key: table["seed"].tolist() for key, table in grouped.items()} == {"a": [0, 1], "b": [2, 3]}


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
def test_a_damaged_file_is_refused_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=message) as caught:
        read(tmp_path, content)
    assert "seeds-3-4.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_off_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    with pytest.raises(UnreadableFile):
        read(tmp_path_factory.getbasetemp(), WHOLE[:length].encode())


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=3))
def test_overwritten_bytes_are_refused_or_leave_numbers(
    tmp_path_factory: pytest.TempPathFactory, place: int, other: bytes
) -> None:
    content = WHOLE.encode()
    try:
        frame = read(tmp_path_factory.getbasetemp(), content[:place] + other + content[place + len(other) :])
    except UnreadableFile:
        return
    assert frame[list(RUN_COLUMNS)].map(np.isreal).all(axis=None)


def test_a_seed_with_fewer_measurements_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"seed": [0, 0, 1, 1], "variant": ["a", "b", "a", "b"], "batch": 4, "value": 0.5})
    write_csv(frame, tmp_path / "seeds-0-1.csv")
    assert len(read_csv(tmp_path / "seeds-0-1.csv")) == 4
    write_csv(frame.iloc[:3], tmp_path / "seeds-0-1.csv")
    with pytest.raises(UnreadableFile, match="seed 1 has 1 of 2 rows"):
        read_csv(tmp_path / "seeds-0-1.csv")
