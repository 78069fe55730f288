"""Store the results of a run as a reference, and compare another run with it: bytes first, then conclusions.

The reference holds the claims, the summaries of tables, a digest of every file that should be reproduced byte for byte,
and the processor that it was made on. x86-64 processors with AVX2 give the same bytes. Others may round differently, so
that trained policies diverge from the reference after some iterations: only conclusions then agree.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from pg.claims.agreement import CLAIMS, Conclusions, compare
from pg.runs.files import UnreadableFile
from pg.runs.provenance import gives_same_bytes, processor
from pg.runs.results_folder import study_of
from pg.runs.tables import read_csv, write_csv

REPLICATION = "replication.csv"
_DIGESTS = "digests.csv"
_PROCESSOR = "processor.txt"
_REPRODUCIBLE = ("claims.csv", "tables/*.csv", "tuned/**/*.json", "*/*/*/*/seeds-*.csv")
_SUMMARIES = "tables/*-summary.csv"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """The claims of a stored reference, its study and the processor that it was made on."""

    study: str
    processor: str
    claims: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Verification:
    """How a run compares with the reference.

    Attributes
    ----------
    processors
        Of this run, and of the reference; empty if it names none.
    identical
        Files with the same bytes.
    other, missing
        Files with other bytes, and files that the run lacks.
    conclusions
        Of the files whose bytes differ and that the reference holds.
    """

    processors: tuple[str, str]
    identical: tuple[str, ...]
    other: tuple[str, ...]
    missing: tuple[str, ...]
    conclusions: Conclusions

    @property
    def agrees(self) -> bool:
        """Whether bytes agree; or else, on a processor that may round differently, conclusions."""
        if self.missing:
            return False
        return not self.other or (not gives_same_bytes(*self.processors) and self.conclusions.agree)

    def __str__(self) -> str:
        """Say it in five lines."""
        mine, theirs = self.processors
        files, found = len(self.identical) + len(self.other) + len(self.missing), self.conclusions
        if not (self.other or self.missing):
            result = "the run agrees with the reference bit for bit"
        else:
            result = f"the bytes differ, and the conclusions {'agree' if found.agree else 'do not agree'}"
            if gives_same_bytes(mine, theirs):
                result += "; this processor should give the same bytes, so code or versions of libraries differ"
        return "\n".join(
            (
                f"processors: {mine}; the reference was made on {theirs or 'a processor that it does not name'}",
                f"files: {len(self.identical):,} of {files:,} agree bit for bit"
                + _listed("other bytes", self.other)
                + _listed("missing", self.missing),
                f"verdicts: {found.claims - len(found.changed)} of {found.claims} agree"
                + _listed("changed", found.changed),
                f"effects and summaries: {found.effects - len(found.apart):,} of {found.effects:,} agree within joint "
                f"intervals (5 % for all comparisons together)"
                + _listed("apart", found.apart)
                + _listed("missing", found.missing),
                result,
            )
        )


def _listed(what: str, names: Sequence[object]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; {what}: {'; '.join(map(str, names[:_SHOWN]))}{more}"


def store(results: Path, reference: Path, replications: Sequence[Path] = ()) -> None:
    """Replace the reference by the claims and summaries of a finished run, and digests of all its files.

    `replications` are results of the same study with other seeds; `replication.csv` compares them with the run and with
    each other. A run without claims, or a folder that is not a reference, raises an UnreadableFile.
    """
    for folder in (results, *replications):
        if not (folder / CLAIMS).exists():
            raise UnreadableFile(f"{folder / CLAIMS}: is missing; run the study first")
    if reference.exists():
        if not reference.is_dir() or (any(reference.iterdir()) and not (reference / _DIGESTS).exists()):
            raise UnreadableFile(f"{reference}: is not a reference, because it has no {_DIGESTS}; name another folder")
        _clear(reference)
    for path in (results / CLAIMS, *sorted(results.glob(_SUMMARIES))):
        kept = reference / path.relative_to(results)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
    write_csv(pd.DataFrame(_digests(results).items(), columns=["file", "sha256"]), reference / _DIGESTS)
    (reference / _PROCESSOR).write_text(f"{processor()}\n", encoding="utf-8")
    if replications:
        write_csv(replication((results, *replications)), reference / REPLICATION)


def _clear(reference: Path) -> None:
    """Remove a reference, but keep references of other studies in folders of their own inside it."""
    for path in reference.iterdir():
        if path.is_file():
            path.unlink()
        elif not (path / _DIGESTS).exists():
            shutil.rmtree(path)


def replication(runs: Sequence[Path]) -> pd.DataFrame:
    """Compare the conclusions of each pair of runs.

    Returns
    -------
    DataFrame
        Columns first, second (names of the studies); claims, agreeing: the number of primary verdicts, and of equal
        ones; intervals, captured: the number of 95 % intervals of claims and summaries, and of those that hold the
        estimate of the other run; changed: the claims with other verdicts, that of the first run first.
    """
    rows = []
    for first, second in combinations(runs, 2):
        found = conclusions_of(second, first)
        rows.append(
            {
                "first": study_of(first) or first.name,
                "second": study_of(second) or second.name,
                "claims": found.claims,
                "agreeing": found.claims - len(found.changed),
                "intervals": found.intervals,
                "captured": found.captured,
                "changed": "; ".join(f"{one.claim}: {one.expected}, then {one.found}" for one in found.changed),
            }
        )
    return pd.DataFrame(rows)


def read_reference(folder: Path) -> Reference:
    """Read the claims of a reference; one that is missing or damaged raises an UnreadableFile."""
    columns = [
        "claim",
        "part",
        "primary",
        "statement",
        "metric",
        "verdict",
        "claim_verdict",
        "effect",
        "ci_low",
        "ci_high",
        "n",
    ]
    return Reference(study_of(folder) or folder.name, _made_on(folder), read_csv(folder / CLAIMS, columns))


def verify(results: Path, reference: Path) -> Verification:
    """Compare a run with the reference.

    A missing reference, and a file that cannot be read, raise an UnreadableFile.
    """
    expected, found = read_csv(reference / _DIGESTS, ["file", "sha256"]), _digests(results)
    digests = dict(zip(expected["file"].astype(str), expected["sha256"], strict=True))
    other = tuple(file for file, digest in digests.items() if found.get(file, digest) != digest)
    return Verification(
        processors=(processor(), _made_on(reference)),
        identical=tuple(file for file, digest in digests.items() if found.get(file) == digest),
        other=other,
        missing=tuple(file for file in digests if file not in found),
        conclusions=conclusions_of(results, reference),
    )


def conclusions_of(results: Path, reference: Path) -> Conclusions:
    """Compare the claims and summaries of two folders; those that the first lacks are missing."""
    return compare(_tables(results), _tables(reference))


def _made_on(reference: Path) -> str:
    path = reference / _PROCESSOR
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    paths = [path for path in (folder / CLAIMS, *sorted(folder.glob(_SUMMARIES))) if path.exists()]
    return {path.relative_to(folder).as_posix(): read_csv(path) for path in paths}


def _digests(results: Path) -> dict[str, str]:
    files = sorted({path for pattern in _REPRODUCIBLE for path in results.glob(pattern)})
    return {path.relative_to(results).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
