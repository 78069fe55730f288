"""Compare a run with the reference: which files agree bit for bit, and which results agree within intervals.

The reference holds the claims, the summaries of tables, a digest of every file that should be reproduced byte for byte,
and the processor that it was made on. x86-64 processors with AVX2 give the same bytes. Others may round differently, so
that trained policies diverge from the reference after some iterations: their numbers then agree only as two samples of
the same distribution do.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pg.runs.files import UnreadableFile
from pg.runs.provenance import processor
from pg.runs.tables import read_csv, write_csv

_DIGESTS = "digests.csv"
_CLAIMS = "claims.csv"
_PROCESSOR = "processor.txt"
_REPRODUCIBLE = ("claims.csv", "tables/*.csv", "tuned/**/*.json", "*/*/*/*/seeds-*.csv")
_MEASURED = ("statistic", "n", "estimate", "ci_low", "ci_high", "method")
_ROUNDING = 1e-9
_SHOWN = 5


class Agreement(StrEnum):
    """Degrees of agreement with the reference, best first."""

    IDENTICAL = "agree bit for bit"
    WITHIN_INTERVALS = "agree within intervals"
    DIFFERENT = "do not agree"
    MISSING = "missing"


class Finding(NamedTuple):
    """The agreement of a file of the results folder, or of one row of it, with found and expected values in words."""

    file: str
    row: str
    agreement: Agreement
    found: str = ""


def store(results: Path, reference: Path) -> None:
    """Replace the reference by the claims and summaries of a finished run, and digests of all its files.

    A run without claims, or a folder that is not a reference, raises an UnreadableFile.
    """
    if not (results / _CLAIMS).exists():
        raise UnreadableFile(f"{results / _CLAIMS}: is missing; run the study first")
    if reference.exists():
        if not reference.is_dir() or (any(reference.iterdir()) and not (reference / _DIGESTS).exists()):
            raise UnreadableFile(f"{reference}: is not a reference, because it has no {_DIGESTS}; name another folder")
        shutil.rmtree(reference)
    for path in (results / _CLAIMS, *sorted(results.glob("tables/*-summary.csv"))):
        kept = reference / path.relative_to(results)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
    write_csv(pd.DataFrame(_digests(results).items(), columns=["file", "sha256"]), reference / _DIGESTS)
    (reference / _PROCESSOR).write_text(f"{processor()}\n", encoding="utf-8")


def verify(results: Path, reference: Path) -> tuple[Finding, ...]:
    """Compare a run with the reference: files by digest, and every row of claims and summaries that differ.

    A missing reference, and a file that cannot be read, raise an UnreadableFile.
    """
    expected, found, findings = read_csv(reference / _DIGESTS, ["file", "sha256"]), _digests(results), list[Finding]()
    for file, digest in zip(expected["file"].astype(str), expected["sha256"], strict=True):
        if file not in found:
            findings.append(Finding(file, "", Agreement.MISSING))
        elif found[file] == digest:
            findings.append(Finding(file, "", Agreement.IDENTICAL))
        elif (reference / file).exists():
            findings += _compare_rows(file, read_csv(results / file), read_csv(reference / file))
        else:
            findings.append(Finding(file, "", Agreement.DIFFERENT))
    return tuple(findings)


def agrees(findings: Iterable[Finding]) -> bool:
    """Return whether every claim and summary agrees, at least within intervals.

    Raw rows and long tables may differ between machines if the conclusions do not.
    """
    return not any(
        finding.agreement is Agreement.MISSING or (finding.row and finding.agreement is Agreement.DIFFERENT)
        for finding in findings
    )


def in_words(findings: Iterable[Finding]) -> str:
    """Count how files of each folder, and rows of each table, agree, and name the first that do not."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.file if finding.row else finding.file.partition("/")[0], []).append(finding)
    lines = []
    for group, members in groups.items():
        counts = Counter(finding.agreement for finding in members)
        of = f" (of {len(members)} {'rows' if members[0].row else 'files'})" if len(members) > 1 else ""
        lines.append(f"{group}: {', '.join(f'{counts[one]} {one}' for one in Agreement if counts[one])}{of}")
        wrong = [one for one in members if one.agreement in (Agreement.DIFFERENT, Agreement.MISSING)]
        for finding in wrong[:_SHOWN]:
            what = "missing" if finding.agreement is Agreement.MISSING else "other bytes"
            lines.append(f"  {finding.row or finding.file}: {finding.found or what}")
        if len(wrong) > _SHOWN:
            lines.append(f"  … and {len(wrong) - _SHOWN} more")
    return "\n".join(lines)


def processors(reference: Path) -> str:
    """Say which processors made the reference and this comparison."""
    made_on = reference / _PROCESSOR
    other = made_on.read_text(encoding="utf-8").strip() if made_on.exists() else "a processor that it does not name"
    return f"processors: {processor()}; the reference was made on {other}"


def _digests(results: Path) -> dict[str, str]:
    files = sorted({path for pattern in _REPRODUCIBLE for path in results.glob(pattern)})
    return {path.relative_to(results).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _compare_rows(file: str, found: pd.DataFrame, expected: pd.DataFrame) -> Iterator[Finding]:
    """Compare claims or a summary row by row; rows are matched by name."""
    are_claims = file == _CLAIMS
    names = ["claim", "part"] if are_claims else [name for name in expected.columns if name not in _MEASURED]
    verdicts = ["verdict", "claim_verdict"] if are_claims else []
    for whose, table in (("run", found), ("reference", expected)):
        if missing := [name for name in (*names, *verdicts) if name not in table.columns]:
            has = ", ".join(table.columns)
            raise UnreadableFile(f"{file} of the {whose} has no column {', '.join(missing)}; it has {has}")
    run = _by_name(found, names)
    for key, theirs in _by_name(expected, names).items():
        row, mine = ", ".join(name for name in key if name), run.get(key)
        if mine is None:
            yield Finding(file, row, Agreement.MISSING)
        elif differing := [name for name in verdicts if mine[name] != theirs[name]]:
            words = ", ".join(f"{name} {mine[name]}, expected {theirs[name]}" for name in differing)
            yield Finding(file, row, Agreement.DIFFERENT, words)
        else:
            estimate = "effect" if are_claims else "estimate"
            yield Finding(file, row, *_compare_intervals(_interval(mine, estimate), _interval(theirs, estimate)))


def _by_name(frame: pd.DataFrame, names: list[str]) -> dict[tuple[str, ...], dict[Any, Any]]:
    text = frame[names].astype(object).where(frame[names].notna(), "").astype(str)
    return dict(zip(map(tuple, text.to_numpy()), frame.to_dict("records"), strict=True))


def _interval(row: dict[Any, Any], estimate: str) -> tuple[float, float, float]:
    """Return a row's estimate and the ends of its interval; without an interval, the estimate itself."""
    value, low, high = (float(row[name]) for name in (estimate, "ci_low", "ci_high"))
    return value, (value if np.isnan(low) else low), (value if np.isnan(high) else high)


def _compare_intervals(
    found: tuple[float, float, float], expected: tuple[float, float, float]
) -> tuple[Agreement, str]:
    """Compare two results; they agree if either estimate is in the other's interval, or if both are undefined."""
    if np.array_equal(found, expected, equal_nan=True):
        return Agreement.IDENTICAL, ""
    (ours, our_low, our_high), (theirs, their_low, their_high) = found, expected
    slack = _ROUNDING * max(abs(ours), abs(theirs))
    agree = their_low - slack <= ours <= their_high + slack or our_low - slack <= theirs <= our_high + slack
    agree = agree or (np.isnan(ours) and np.isnan(theirs))
    words = f"{ours:.4g} ({our_low:.4g} to {our_high:.4g}), expected {theirs:.4g} ({their_low:.4g} to {their_high:.4g})"
    return Agreement.WITHIN_INTERVALS if agree else Agreement.DIFFERENT, words
