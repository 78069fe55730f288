"""Compare the conclusions of two runs: verdicts of claims, and effects and summaries by their joint intervals.

Independent estimates a and b of one quantity, with standard errors s and u, differ by a - b with standard error
sqrt(s^2 + u^2). So two 95 % intervals of one quantity often do not hold each other's estimate: with equal standard
errors, one holds the other's estimate with probability 2 Phi(1.96 / sqrt(2)) - 1 = 83 %. Differences are tested
instead, with Student's t, and all rows together have a false alarm in at most 5 % of comparisons (Bonferroni).

Source: Cumming and Maillardet (2006), "Confidence intervals and replication: where will the next mean fall?",
Psychological Methods 11, 217-227.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from pg.runs.files import UnreadableFile
from pg.statistics import coverage
from pg.statistics.intervals import LEVEL

CLAIMS = "claims.csv"
_ALPHA = 0.05
_ROUNDING = 1e-9


class Changed(NamedTuple):
    """A claim whose primary part has another verdict in a run, or none, than in the reference."""

    claim: str
    found: str | None
    expected: str | None

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.claim}: {self.found}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Conclusions:
    """How the conclusions of two runs compare.

    Attributes
    ----------
    claims
        Number of claims in the reference.
    changed
        Claims with another verdict. Of those, `contradicted` are decided in both runs.
    effects
        Number of rows compared.
    apart
        Rows that differ by more than their joint interval, in words.
    missing
        Rows of the reference that the run lacks.
    captured, intervals
        Of so many 95 % intervals, the number that hold the estimate of the other run.
    """

    claims: int
    changed: tuple[Changed, ...]
    contradicted: tuple[Changed, ...]
    effects: int
    apart: tuple[str, ...]
    missing: tuple[str, ...]
    captured: int
    intervals: int

    @property
    def agree(self) -> bool:
        """Whether no verdict is contradicted, no row is missing, and all effects agree."""
        return not (self.contradicted or self.apart or self.missing)


class _Measured(NamedTuple):
    """A row in both runs: estimate and interval, found and expected, and the smaller number of independent values."""

    name: str
    found: tuple[float, float, float]
    expected: tuple[float, float, float]
    independent: float


def compare(found: Mapping[str, pd.DataFrame], expected: Mapping[str, pd.DataFrame]) -> Conclusions:
    """Compare claims and summaries of a run with those of a reference, by file name; rows are matched by name.

    A table without a column that names its rows raises an UnreadableFile.
    """
    verdicts = [_verdicts(which, tables[CLAIMS]) for which, tables in _named(found, expected) if CLAIMS in tables]
    pairs = [(name, *(one.get(name) for one in verdicts)) for name in verdicts[-1]] if len(verdicts) == 2 else []
    changed = tuple(Changed(name, mine, theirs) for name, mine, theirs in pairs if mine != theirs)
    rows, missing = list[_Measured](), list[str]()
    for file, table in expected.items():
        for row in _rows(file, found.get(file), table):
            if isinstance(row, _Measured):
                rows.append(row)
            else:
                missing.append(row)
    captures = [held for row in rows for held in _held(row)]
    return Conclusions(
        claims=len(pairs),
        changed=changed,
        contradicted=tuple(one for one in changed if not {"undecided", None} & {one.found, one.expected}),
        effects=len(rows),
        apart=tuple(_in_words(row) for row in rows if _p_value(row) * len(rows) < _ALPHA),
        missing=tuple(missing),
        captured=sum(captures),
        intervals=len(captures),
    )


def _named(
    found: Mapping[str, pd.DataFrame], expected: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[str, Mapping[str, pd.DataFrame]]]:
    yield "run", found
    yield "reference", expected


def _verdicts(which: str, claims: pd.DataFrame) -> dict[str, str]:
    """Return the verdict of each claim's primary part."""
    _require(which, CLAIMS, claims, ["claim", "primary", "verdict"])
    primaries = claims[claims["primary"].astype(bool)]
    return dict(zip(primaries["claim"].astype(str), primaries["verdict"].astype(str), strict=True))


def _rows(file: str, found: pd.DataFrame | None, expected: pd.DataFrame) -> Iterator[_Measured | str]:
    """Yield each row of the reference with that of the run, or its name if the run has none."""
    names = ["claim", "part"] if file == CLAIMS else [name for name in expected.columns if name not in coverage.COLUMNS]
    _require("reference", file, expected, names)
    if found is not None:
        _require("run", file, found, names)
    run = {} if found is None else _by_name(found, names)
    estimate = "effect" if file == CLAIMS else "estimate"
    for key, theirs in _by_name(expected, names).items():
        name = f"{file}: {', '.join(part for part in key if part)}"
        if (mine := run.get(key)) is None:
            yield name
        elif math.isnan(float(theirs.get("published", math.nan))):
            # Both intervals of a part with a published number hold its uncertainty. Its table's row is compared.
            independent = min(float(row["selections"] or row["n"]) for row in (mine, theirs))
            yield _Measured(name, _interval(mine, estimate), _interval(theirs, estimate), independent)


def _require(which: str, file: str, table: pd.DataFrame, columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in table.columns]:
        has = ", ".join(table.columns)
        raise UnreadableFile(f"{file} of the {which} has no column {', '.join(missing)}; it has {has}")


def _by_name(frame: pd.DataFrame, names: list[str]) -> dict[tuple[str, ...], dict[Any, Any]]:
    text = frame[names].astype(object).where(frame[names].notna(), "").astype(str)
    return dict(zip(map(tuple, text.to_numpy()), frame.to_dict("records"), strict=True))


def _interval(row: dict[Any, Any], estimate: str) -> tuple[float, float, float]:
    """Return a row's estimate and the ends of its interval; without an interval, the estimate itself."""
    value, low, high = (float(row[name]) for name in (estimate, "ci_low", "ci_high"))
    return value, (value if np.isnan(low) else low), (value if np.isnan(high) else high)


def _p_value(row: _Measured) -> float:
    """Return the two-sided p-value of the difference; 1 if both are equal up to rounding, or both undefined."""
    (ours, our_low, our_high), (theirs, their_low, their_high) = row.found, row.expected
    if math.isnan(ours) or math.isnan(theirs):
        return float(math.isnan(ours) and math.isnan(theirs))
    if abs(ours - theirs) <= _ROUNDING * max(abs(ours), abs(theirs), 1.0):
        return 1.0
    # The halves of the intervals that face each other.
    halves = (our_high - ours, theirs - their_low) if ours < theirs else (ours - our_low, their_high - theirs)
    width = math.hypot(*halves)
    if width == 0 or math.isinf(width):
        return float(math.isinf(width))
    degrees = row.independent - 1 if row.independent > 2 else 1
    quantile = stats.t.ppf(0.5 + LEVEL / 2, degrees)
    return float(2 * stats.t.sf(quantile * abs(ours - theirs) / width, degrees))


def _held(row: _Measured) -> Iterator[bool]:
    """Yield for each interval of the row whether it holds the other estimate; nothing for equal or exact results."""
    for (_, low, high), (estimate, *_) in ((row.found, row.expected), (row.expected, row.found)):
        if low < high and row.found != row.expected:
            yield low <= estimate <= high


def _in_words(row: _Measured) -> str:
    found, expected = (f"{value:.4g} ({low:.4g} to {high:.4g})" for value, low, high in (row.found, row.expected))
    return f"{row.name}: {found}, expected {expected}"
