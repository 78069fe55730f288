"""Say why a job runs again: what changed in the parameters that Snakemake recorded when it last ran."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pg.core.record import Record
from pg.laboratory.job import MeasurementJob, read_job
from pg.study.code import code_digest, covered_files, defining_files

_MOST = 3  # changes on a line
_WIDEST = 40  # characters of a value
_DIGEST = re.compile("[0-9a-f]{16}")


def recorded(literals: Iterable[str]) -> dict[str, str]:
    """Return the job's record in JSON and the digest of its code, by these names, and other values by their text.

    Parameters
    ----------
    literals
        Parameters as Snakemake records them: Python literals.
    """
    found: dict[str, str] = {}
    for literal in literals:
        try:
            value = ast.literal_eval(literal)
        except (ValueError, SyntaxError):
            value = literal
        if isinstance(value, str) and value.startswith("{"):
            found["record"] = value
        elif isinstance(value, str) and _DIGEST.fullmatch(value):
            found["code"] = value
        else:
            found[literal] = literal
    return found


def changes(before: Mapping[str, str], now: Mapping[str, str], code: Iterable[str] = ()) -> str:
    """Say which parameters of a job changed.

    Parameters
    ----------
    before, now
        The parameters that differ, as `recorded` returns them.
    code
        What changed in the job's code, if its digest did.
    """
    old, new = (json.loads(given.get("record", "null")) for given in (before, now))
    found = [*_differences(old, new, "")]
    if before.get("code") != now.get("code"):
        found += code
    if not found:
        found.append("other parameters")
    return few(found, "; ")


def code_changes(before: Mapping[str, str], script: Path, records: Sequence[Record], made: float) -> Iterator[str]:
    """Say which files of a job's code changed after its results were made, which its record added and removed.

    The digest does not name files. The recorded record shows which it covered; if these still have the recorded digest,
    none was edited, whatever their times.

    Parameters
    ----------
    before
        The recorded parameters that differ.
    script
        The job's script.
    records
        The job's record, and others that the script runs on, as they are now.
    made
        When its results were made.
    """
    now = _entries(script, records)
    old = _entries_before(before, script, records)
    covered, covered_before = covered_files(*now), covered_files(*old)
    if code_digest(*old) != before.get("code"):
        edited = {path for path in covered & covered_before if path.stat().st_mtime > made}
        yield f"code{_listed(edited)}"
    if added := covered - covered_before:
        yield f"code added{_listed(added)}"
    if removed := covered_before - covered:
        yield f"code removed{_listed(removed)}"


def few(items: Sequence[str], separator: str = ", ") -> str:
    """Join the first items, and count the others."""
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return separator.join(items[:_MOST]) + more


def _entries(script: Path, records: Iterable[Record]) -> list[Path | str]:
    return [script, *(file for record in records for file in defining_files(record))]


def _entries_before(before: Mapping[str, str], script: Path, records: Sequence[Record]) -> list[Path | str]:
    if not records or "record" not in before:
        return _entries(script, records)
    first, *others = records
    read = read_job if isinstance(first, MeasurementJob) else type(first).model_validate_json
    try:
        return _entries(script, [read(before["record"]), *others])
    except (ValueError, ImportError):
        # Another version of the code wrote it, or a module that it names is gone.
        return _entries(script, records)


def _listed(files: Iterable[Path]) -> str:
    names = sorted(os.path.relpath(path) for path in files)
    return f" ({few(names)})" if names else ""


def _differences(old: Any, new: Any, at: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            if key not in old or key not in new:
                yield f"{at}{key}: {'added' if key in new else 'removed'}"
            else:
                yield from _differences(old[key], new[key], f"{at}{key}.")
    elif old != new:
        yield f"{at.removesuffix('.')}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
