"""Compare a reproduction with the reference: what agrees bit for bit, what within intervals, and what does not.

The reference holds the claims, the tables and a digest of every file that ought to come out the same byte for byte.
Another processor rounds its matrix products differently, and a policy that has been trained for a while then goes its
own way: its numbers differ, and agree only as two samples of the same thing do.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from pg.runs.files import UnreadableFile
from pg.runs.tables import read_csv, write_csv

_DIGESTS = "digests.csv"
_CLAIMS = "claims.csv"
_REPRODUCIBLE = ("claims.csv", "tables/*.csv", "tuned/**/*.json", "*/*/*/*/seeds-*.csv")
_MEASURED = ("statistic", "n", "estimate", "ci_low", "ci_high", "method")
_ROUNDING = 1e-9
_SHOWN = 5


class Agreement(StrEnum):
    """How a reproduction agrees with the reference, the best first."""

    IDENTICAL = "agree bit for bit"
    WITHIN_INTERVALS = "agree within intervals"
    DIFFERENT = "do not agree"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one file, or one row of it, agrees.

    Attributes
    ----------
    file
        Relative to the results folder.
    row
        The row's names; empty where the whole file is meant.
    agreement
        How it agrees.
    found
        What was found and what was expected, in words.
    """

    file: str
    row: str
    agreement: Agreement
    found: str = ""


def store(results: Path, reference: Path) -> None:
    """Make a finished run the reference: its claims, the summaries of its tables, and digests of all that it wrote.

    Parameters
    ----------
    results
        Folder of the run.
    reference
        Folder that is replaced.

    Raises
    ------
    UnreadableFile
        If the run has no claims to keep, or what would be replaced is no reference.
    """
    if not (results / _CLAIMS).exists():
        raise UnreadableFile(f"{results / _CLAIMS}: is missing; run the study first")
    if reference.exists():
        _check_replaceable(reference)
        shutil.rmtree(reference)
    for path in (results / _CLAIMS, *sorted(results.glob("tables/*-summary.csv"))):
        kept = reference / path.relative_to(results)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
    write_csv(pd.DataFrame(_digests(results), columns=["file", "sha256"]), reference / _DIGESTS)


def _check_replaceable(reference: Path) -> None:
    if not reference.is_dir() or (any(reference.iterdir()) and not (reference / _DIGESTS).exists()):
        raise UnreadableFile(f"{reference}: would be replaced, and is no reference, for it has no {_DIGESTS}")


def verify(results: Path, reference: Path) -> tuple[Finding, ...]:
    """Compare a run with the reference.

    Files are compared by their digests; of claims and summaries that differ, every row.

    Raises
    ------
    UnreadableFile
        If there is no reference, or a file of it or of the run cannot be read.
    """
    return tuple(_findings(results, reference))


def in_words(findings: Iterable[Finding]) -> str:
    """Say how many files of each folder, and rows of each table, agree in which way, and name the first that do not."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.file if finding.row else finding.file.partition("/")[0], []).append(finding)
    return "\n".join(line for group, members in groups.items() for line in _lines(group, members))


def agrees(findings: Iterable[Finding]) -> bool:
    """Tell whether every claim and summary agrees, be it only within intervals.

    Raw rows and long tables may differ between machines as long as what is concluded from them does not.
    """
    return not any(
        finding.agreement is Agreement.MISSING or (finding.row and finding.agreement is Agreement.DIFFERENT)
        for finding in findings
    )


def _findings(results: Path, reference: Path) -> Iterator[Finding]:
    expected = read_csv(reference / _DIGESTS, ["file", "sha256"])
    found = dict(_digests(results))
    for file, digest in zip(expected["file"].astype(str), expected["sha256"], strict=True):
        if file not in found:
            yield Finding(file, "", Agreement.MISSING)
        elif found[file] == digest:
            yield Finding(file, "", Agreement.IDENTICAL)
        elif file == _CLAIMS:
            yield from _compare_claims(read_csv(results / file), read_csv(reference / file))
        elif (reference / file).exists():
            yield from _compare_summaries(file, read_csv(results / file), read_csv(reference / file))
        else:
            yield Finding(file, "", Agreement.DIFFERENT)


def _digests(results: Path) -> Iterator[tuple[str, str]]:
    files = {path for pattern in _REPRODUCIBLE for path in results.glob(pattern)}
    for path in sorted(files):
        yield path.relative_to(results).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()


def _compare_claims(found: pd.DataFrame, expected: pd.DataFrame) -> Iterator[Finding]:
    for row, ours, theirs in _paired(found, expected, ["claim", "part"]):
        if ours is None:
            yield Finding(_CLAIMS, row, Agreement.MISSING)
        elif ours["verdict"] != theirs["verdict"]:
            yield Finding(_CLAIMS, row, Agreement.DIFFERENT, f"{ours['verdict']}, expected {theirs['verdict']}")
        else:
            yield _compare_intervals(_CLAIMS, row, _interval(ours, "effect"), _interval(theirs, "effect"))


def _compare_summaries(file: str, found: pd.DataFrame, expected: pd.DataFrame) -> Iterator[Finding]:
    names = [column for column in expected.columns if column not in _MEASURED]
    for row, ours, theirs in _paired(found, expected, names):
        if ours is None:
            yield Finding(file, row, Agreement.MISSING)
        else:
            yield _compare_intervals(file, row, _interval(ours, "estimate"), _interval(theirs, "estimate"))


def _paired(
    found: pd.DataFrame, expected: pd.DataFrame, names: list[str]
) -> Iterator[tuple[str, pd.Series | None, pd.Series]]:
    """Yield each expected row with its names and the row found under the same names."""
    if missing := [name for name in names if name not in found.columns]:
        raise UnreadableFile(f"the run has no column {', '.join(missing)}; it has {', '.join(found.columns)}")
    ours = {tuple(key): row for key, (_, row) in zip(_keys(found, names), found.iterrows(), strict=True)}
    for key, (_, theirs) in zip(_keys(expected, names), expected.iterrows(), strict=True):
        yield ", ".join(part for part in key if part), ours.get(tuple(key)), theirs


def _keys(frame: pd.DataFrame, names: list[str]) -> list[list[str]]:
    return frame[names].astype(object).where(frame[names].notna(), "").astype(str).to_numpy().tolist()


def _interval(row: pd.Series, value: str) -> tuple[float, float, float]:
    """Return a row's estimate and the ends of its interval; the estimate itself where it has none."""
    estimate, low, high = (float(row[name]) for name in (value, "ci_low", "ci_high"))
    return estimate, (estimate if np.isnan(low) else low), (estimate if np.isnan(high) else high)


def _compare_intervals(
    file: str, row: str, found: tuple[float, float, float], expected: tuple[float, float, float]
) -> Finding:
    """Call two results equal, or in agreement where either estimate lies in the other's interval."""
    if np.array_equal(found, expected, equal_nan=True):
        return Finding(file, row, Agreement.IDENTICAL)
    (ours, our_low, our_high), (theirs, their_low, their_high) = found, expected
    slack = _ROUNDING * max(abs(ours), abs(theirs))
    agree = their_low - slack <= ours <= their_high + slack or our_low - slack <= theirs <= our_high + slack
    agree = agree or (np.isnan(ours) and np.isnan(theirs))
    words = f"{ours:.4g} ({our_low:.4g} to {our_high:.4g}), expected {theirs:.4g} ({their_low:.4g} to {their_high:.4g})"
    return Finding(file, row, Agreement.WITHIN_INTERVALS if agree else Agreement.DIFFERENT, words)


def _lines(group: str, findings: list[Finding]) -> Iterator[str]:
    counts = Counter(finding.agreement for finding in findings)
    noun = "rows" if findings[0].row else "files"
    told = ", ".join(f"{counts[one]} {one}" for one in Agreement if counts[one])
    yield f"{group}: {told} (of {len(findings)} {noun})" if len(findings) > 1 else f"{group}: {told}"
    wrong = [one for one in findings if one.agreement in (Agreement.DIFFERENT, Agreement.MISSING)]
    for finding in wrong[:_SHOWN]:
        what = finding.row or finding.file
        yield f"  {what}: {finding.found or ('missing' if finding.agreement is Agreement.MISSING else 'other bytes')}"
    if len(wrong) > _SHOWN:
        yield f"  … and {len(wrong) - _SHOWN} more"
