"""Write CSV files, and read them back or refuse them, with the file, the line and the reason.

A file that was cut off or edited by hand must be refused, because pandas would read it as a shorter table or fill in
NaN.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np
import pandas as pd

from pg.runs.files import REMEDY, UnreadableFile, read_text, write_atomically

TEXT_COLUMNS = frozenset(
    {
        *(
            "environment",
            "variant",
            "stage",
            "metric",
            "statistic",
            "over",
            "method",
            "part",
            "strand",
            "comparison",
            "component",
        ),
        *("claim", "primary", "statement", "section", "verdict", "claim_verdict", "coverage"),
        *("figure", "file", "sha256", "cause", "first", "second", "changed", "component", "ending"),
    }
)
"""Columns that hold words. Columns of swept options, whose names contain a dot, may hold words as well."""

_INTEGER_COLUMNS = ("seed", "iteration")
_SEEDS_OF_FILE = re.compile(r"seeds-(\d+)-(\d+)(?:-(?:poses|endings|clouds))?\.csv")

Key = TypeVar("Key", bound=Hashable)


def write_csv(table: pd.DataFrame, to: str | Path | TextIO) -> None:
    """Write a table as CSV, atomically if to a file; `read_csv` reads the same numbers, bit for bit."""
    if isinstance(to, str | Path):
        write_atomically(to, lambda file: table.to_csv(file, index=False, lineterminator="\n"))
    else:
        table.to_csv(to, index=False, lineterminator="\n")


def read_csv(path: str | Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file that `write_csv` has written.

    Parameters
    ----------
    path
        A file `seeds-<first>-<last>.csv` must have rows of exactly these seeds.
    columns
        Required columns.

    Raises
    ------
    UnreadableFile
        If the file is cut off, a line has more or fewer values than the header, a column is missing or repeated, or a
        column of numbers holds anything else.
    """
    text = read_text(path)
    if not text.strip():
        raise UnreadableFile(f"{path}: is empty; {REMEDY}")
    if not text.endswith("\n"):
        raise UnreadableFile(f"{path}, line {text.count(chr(10)) + 1}: is cut off; {REMEDY}")
    header, line_of_row = _check_lines(path, text)
    if missing := [column for column in columns if column not in header]:
        raise UnreadableFile(f"{path}: has no column {', '.join(missing)}; it has {', '.join(header)}")
    table = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=["", "nan", "NaN"])
    for name in header:
        if name not in TEXT_COLUMNS and "." not in name:
            _check_numbers(path, table[name], line_of_row)
    if "seed" in header and (seeds := _SEEDS_OF_FILE.fullmatch(Path(path).name)):
        _check_seeds(path, table, {*range(int(seeds[1]), int(seeds[2]) + 1)})
    return table


def read_grouped(
    paths: Sequence[str | Path], keys: Sequence[Key], read: Callable[[str | Path], pd.DataFrame]
) -> dict[Key, pd.DataFrame]:
    """Read the same number of files for each key, in the order of the keys, and concatenate those of a key."""
    per_key = len(paths) // len(keys)
    groups = [paths[start : start + per_key] for start in range(0, len(paths), per_key)]
    return {
        key: pd.concat([read(path) for path in group], ignore_index=True)
        for key, group in zip(keys, groups, strict=True)
    }


def _check_lines(path: str | Path, text: str) -> tuple[list[str], list[int]]:
    """Return the header, and for each row the line on which it begins: quoted values may contain line breaks."""
    reader, line, lines, header = csv.reader(io.StringIO(text, newline=""), strict=True), 1, [], []
    try:
        for row in reader:
            header = header or row
            if len(row) != len(header):
                raise UnreadableFile(
                    f"{path}, line {line}: has {len(row)} values where the header has {len(header)}; {REMEDY}"
                )
            lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableFile(f"{path}, line {line}: {error}; {REMEDY}") from error
    if len(set(header)) < len(header):
        raise UnreadableFile(f"{path}, line 1: names a column twice; {REMEDY}")
    return header, lines[1:]


def _check_numbers(path: str | Path, column: pd.Series, line_of_row: Sequence[int]) -> None:
    numbers, expected = pd.to_numeric(column, errors="coerce"), "a number"
    wrong = numbers.isna() & column.notna()
    if column.name in _INTEGER_COLUMNS:
        wrong, expected = wrong | ~np.isfinite(numbers) | (numbers % 1 != 0), "a whole number"
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        found = "empty" if pd.isna(column.iloc[row]) else repr(str(column.iloc[row]))
        raise UnreadableFile(
            f"{path}, line {line_of_row[row]}: {column.name} is {found} and should be {expected}; {REMEDY}"
        )


def _check_seeds(path: str | Path, table: pd.DataFrame, expected: set[int]) -> None:
    counts = table["seed"].value_counts()
    found = set(counts.index)
    for wrong, problem in ((expected - found, "has no rows of"), (found - expected, "is not of")):
        if wrong:
            raise UnreadableFile(f"{path}: {problem} seed {', '.join(map(str, sorted(wrong)[:5]))}; {REMEDY}")
    # Measurements have equally many rows per seed.
    if {"variant", "batch"} <= set(table.columns) and (least := counts.min()) < counts.max():
        raise UnreadableFile(f"{path}: seed {counts.idxmin()} has {least} of {counts.max()} rows; {REMEDY}")
