"""CSV files as this program writes them, and what is wrong with one that it has not written so: file, line and reason.

A file that was cut off, or edited by hand, must not pass for a shorter one or for another one's numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pg.experiments.records import Budget
from pg.experiments.train.curves import has_diverged

TEXTS = frozenset(
    {
        *("environment", "variant", "stage", "metric", "statistic", "over", "method", "part", "strand", "comparison"),
        *("claim", "primary", "statement", "section", "verdict", "coverage", "figure", "file", "sha256", "cause"),
        *("benchmark", "system"),
    }
)
"""Columns that hold words. The levels of sweeps, whose names have a dot, hold what was swept."""
_WHOLE = ("seed", "iteration")
_SEEDS = re.compile(r"seeds-(\d+)-(\d+)(?:-poses)?\.csv")
_EMPTY = ("", "nan", "NaN")
_NUMBERS_SAID = 5


REMEDY = "remove the file, and the same command makes it anew"


class UnreadableRecord(ValueError):
    """A file that is not what its name promises, with the file and the reason."""


def read_csv(path: str | Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file that this program has written.

    Parameters
    ----------
    path
        A file `seeds-<first>-<last>.csv` must hold just those seeds.
    columns
        That it must have.

    Raises
    ------
    UnreadableRecord
        If it is cut off, has a line of another length than its header, lacks a column, or has anything but a number in
        a column of numbers.
    """
    text = _text(path)
    rows = _rows(path, text)
    header = next(rows, (1, []))[1]
    if missing := [column for column in columns if column not in header]:
        raise UnreadableRecord(f"{path}: has no column {', '.join(missing)}; it has {', '.join(header)}")
    lines = [line for line, _ in rows]
    frame = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=list(_EMPTY))
    _check_numbers(path, frame, lines)
    _check_seeds(path, frame)
    return frame


def check_runs(path: str | Path, runs: pd.DataFrame, budget: Budget) -> pd.DataFrame:
    """Return the rows of a file once it is sure that every run is there from its first iteration to its last.

    Raises
    ------
    UnreadableRecord
        If one is not.
    """
    for seed, run in runs.groupby("seed"):
        iterations = run["iteration"].to_numpy()
        if (gaps := np.flatnonzero(iterations != np.arange(1, len(run) + 1))).size:
            raise UnreadableRecord(
                f"{path}: seed {seed} lacks iteration {gaps[0] + 1}, or has it out of turn; {REMEDY}"
            )
        steps, last = int(run["steps"].iloc[-1]), len(run)
        through = steps >= budget.steps or (budget.max_iterations is not None and last >= budget.max_iterations)
        if not through and not has_diverged(run):
            raise UnreadableRecord(
                f"{path}: seed {seed} ends at iteration {last} after {steps:,} of {budget.steps:,} steps; {REMEDY}"
            )
    return runs


def _text(path: str | Path) -> str:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableRecord(f"{path}: cannot be read ({error.strerror})") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableRecord(f"{path}, line {line}: byte {error.start} is not text; {REMEDY}") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableRecord(f"{path}, line {line}: byte {text.index(chr(0))} is not text; {REMEDY}")
    if not text.strip():
        raise UnreadableRecord(f"{path}: is empty; {REMEDY}")
    if not text.endswith("\n"):
        raise UnreadableRecord(f"{path}, line {text.count(chr(10)) + 1}: is cut off; {REMEDY}")
    return text


def _rows(path: str | Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every row with the line that it begins on; the first is the header."""
    reader, line, width = csv.reader(io.StringIO(text, newline=""), strict=True), 1, None
    try:
        for row in reader:
            width = len(row) if width is None else width
            if len(row) != width:
                raise UnreadableRecord(
                    f"{path}, line {line}: has {len(row)} values where the header has {width}; {REMEDY}"
                )
            if line == 1 and len(set(row)) < width:
                raise UnreadableRecord(f"{path}, line 1: names a column twice; {REMEDY}")
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableRecord(f"{path}, line {line}: {error}; {REMEDY}") from error


def _check_numbers(path: str | Path, frame: pd.DataFrame, lines: Sequence[int]) -> None:
    for name in frame.columns:
        if name in TEXTS or "." in name:
            continue
        values = frame[name]
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = numbers.isna() & values.notna()
        if name in _WHOLE:
            wrong |= ~np.isfinite(numbers) | (numbers % 1 != 0)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            kind = "a whole number" if name in _WHOLE else "a number"
            found = "" if pd.isna(values.iloc[row]) else repr(str(values.iloc[row]))
            raise UnreadableRecord(
                f"{path}, line {lines[row]}: {name} is {found or 'empty'} and should be {kind}; {REMEDY}"
            )


def _check_seeds(path: str | Path, frame: pd.DataFrame) -> None:
    named = _SEEDS.fullmatch(Path(path).name)
    if named is None or "seed" not in frame.columns:
        return
    expected, found = set(range(int(named[1]), int(named[2]) + 1)), set(frame["seed"])
    for seeds, problem in ((expected - found, "has no rows of"), (found - expected, "is not of")):
        if seeds:
            said = ", ".join(str(seed) for seed in sorted(seeds)[:_NUMBERS_SAID])
            raise UnreadableRecord(f"{path}: {problem} seed {said}; {REMEDY}")
    if {"variant", "batch"} <= set(frame.columns):
        # Every policy is measured in the same ways.
        counts = frame["seed"].value_counts()
        if (least := counts.min()) < counts.max():
            raise UnreadableRecord(f"{path}: seed {counts.idxmin()} has {least} of {counts.max()} rows; {REMEDY}")
