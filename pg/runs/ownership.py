"""Which study a results folder belongs to, so that two studies in one checkout never mix what they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pg.study.record import Study

MARK = "study.json"
"""The file in a results folder that names its study."""

LABORATORY_FOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "probe": "probes",
        "exact": "exact",
        "identity": "identities",
        "update": "updates",
        "support": "support",
        "staleness": "staleness",
        "horizon": "horizons",
        "gait": "gaits",
    }
)
"""Where the rows of each kind of laboratory experiment lie in a results folder."""

_OF_THE_CODE = ("pg", "workflow", "profiles", "tests", "reference")
_MADE = (
    "runs",
    "evaluations",
    "snapshots",
    "tuned",
    *LABORATORY_FOLDERS.values(),
    "tables",
    "claims",
    "figures",
    "logs",
    "benchmarks",
    "peers",
)
"""Folders that a study makes in its results folder, in which no other study's results may lie."""


def problem_of_folder(study: Study) -> str | None:
    """Say why a study may not write into the results folder that it names; None where it may."""
    first, *others = PurePosixPath(study.results).parts
    if first in _OF_THE_CODE:
        return f"results: {study.results!r} lies in a folder of the code; name one of its own, as in results/mine"
    if taken := [part for part in others if part in _MADE]:
        return (
            f"results: {study.results!r}: {taken[0]!r} is a folder that a study makes in its results; "
            f"name it otherwise, as in {study.results.replace(taken[0], f'my_{taken[0]}', 1)}"
        )
    owner = owner_of(Path(study.results))
    if owner is None or owner == study.name:
        return None
    return (
        f"results: {study.results} holds what the study {owner!r} has made, and this study is {study.name!r}; "
        f"give this one a folder of its own, as in results: {first}/mine. Where it is the same study under a "
        f"new name, delete {Path(study.results, MARK)} and run again"
    )


def take(study: Study) -> None:
    """Write into the results folder whose it is; nothing where that stands there."""
    mark(Path(study.results), study)


def mark(folder: Path, study: Study) -> None:
    """Write into a folder which study it is of; nothing where that stands there."""
    if owner_of(folder) == study.name:
        return
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{MARK}"
    temporary.write_text(json.dumps({"name": study.name}) + "\n", encoding="utf-8")
    temporary.replace(folder / MARK)


def owner_of(folder: Path) -> str | None:
    """Read which study a folder is of; None where of none, or where the mark says nothing."""
    try:
        said = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    name = said.get("name") if isinstance(said, dict) else None
    return name if isinstance(name, str) else None
