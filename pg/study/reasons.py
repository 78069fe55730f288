"""Say why a job runs again: what changed in the parameters that Snakemake recorded when it last ran."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

_MOST = 3  # changes on a line
_WIDEST = 40  # characters of a value
_DIGEST = re.compile("[0-9a-f]{16}")


def changes(before: Iterable[str], now: Iterable[str], newer: Sequence[Path] = ()) -> str:
    """Say which parameters of a job changed.

    Parameters
    ----------
    before, now
        The parameters that differ, as Snakemake records them: Python literals, of which one may be the job's record in
        JSON, and one the digest of its code.
    newer
        Files of its code that are newer than its results.
    """
    old, new = (_values(given) for given in (before, now))
    found = [*_differences(old.pop("record", None), new.pop("record", None), "")]
    if old.pop("code", None) != new.pop("code", None):
        found.append("code" + (f" ({_few([str(path) for path in newer])})" if newer else ""))
    if not found and (old or new):
        found.append("other parameters")
    return _few(found, "; ")


def _values(literals: Iterable[str]) -> dict[str, Any]:
    """Return the record and the digest of the code, by these names, and other values by their text."""
    found: dict[str, Any] = {}
    for literal in literals:
        try:
            value = ast.literal_eval(literal)
        except (ValueError, SyntaxError):
            value = literal
        if isinstance(value, str) and value.startswith("{"):
            found["record"] = json.loads(value)
        elif isinstance(value, str) and _DIGEST.fullmatch(value):
            found["code"] = value
        else:
            found[literal] = value
    return found


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


def _few(items: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return separator.join(items[:_MOST]) + more
