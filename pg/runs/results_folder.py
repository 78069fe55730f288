"""The results folder: it belongs to one study, and one run at a time writes into it.

`study.json` names the study. A run holds a lock on `.lock`, which the operating system releases when the process ends,
even if it is killed. `.run.json` names the run that took the lock last. Jobs that survive a killed run compare it with
the run that started them, and write nothing once another run has started.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pg.core.errors import UserError

MARK = "study.json"
"""The file that names the study."""

PARTIAL = ".partial-"
"""Prefix of the names of unfinished files."""

RUN_VARIABLE = "PG_RUN"
"""Environment variable of a run's jobs: the run's identifier and the path of `.run.json`, separated by a colon."""


class FolderInUse(UserError):
    """Another run is writing into the results folder."""


class Superseded(UserError):
    """The run of this job was killed, and a later run has started."""


def study_of(folder: Path) -> str | None:
    """Return the name of the study that a folder belongs to; None if there is no readable mark."""
    name = _read(folder / MARK).get("name")
    return name if isinstance(name, str) else None


def mark(folder: Path, study: str) -> None:
    """Record that a folder belongs to a study."""
    if study_of(folder) != study:
        folder.mkdir(parents=True, exist_ok=True)
        _write({"name": study}, folder / MARK)


def lock(folder: Path) -> FileLock:
    """Lock a results folder for this process and the jobs that it starts, and delete unfinished files.

    Returns
    -------
    FileLock
        Locks the folder until it is released or the process ends.

    Raises
    ------
    FolderInUse
        If another run holds the lock.
    OSError
        If the folder is not writable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held, run_file = FileLock(folder / ".lock"), folder / ".run.json"
    try:
        held.acquire(timeout=0)
    except Timeout:
        run = _read(run_file)
        by = f" (process {run['process']} on {run['host']}, since {run['since']})" if run else ""
        raise FolderInUse(
            f"another run is writing into {folder}{by}; wait until it ends, stop it, or choose another folder: "
            "--config results=…"
        ) from None
    run, since = uuid.uuid4().hex, datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    _write({"run": run, "process": os.getpid(), "host": socket.gethostname(), "since": since}, run_file)
    os.environ[RUN_VARIABLE] = f"{run}:{run_file.absolute()}"
    for unfinished in folder.rglob(f"{PARTIAL}*"):
        unfinished.unlink(missing_ok=True)
    return held


def check_run() -> None:
    """Raise `Superseded` if another run has started since the run of this job; do nothing outside a run."""
    run, _, run_file = os.environ.get(RUN_VARIABLE, "").partition(":")
    if run and _read(Path(run_file)).get("run") != run:
        raise Superseded("the run that started this job was killed; another has started and makes this file again")


def _write(content: Mapping[str, object], path: Path) -> None:
    partial = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
    partial.replace(path)


def _read(path: Path) -> dict[str, object]:
    """Return a JSON object; an empty one if the file is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
