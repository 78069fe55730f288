"""The results folder: it belongs to one study, and one run at a time writes into it.

`study.json` names the study. A run holds a lock on `.lock`, which the operating system releases when the process ends,
even if it is killed. `.run.json` names the run that took the lock last. Jobs that survive a killed run compare it with
the run that started them, and write nothing once another run has started (`files.write_atomically`).
"""

from __future__ import annotations

import fnmatch
import json
import os
import socket
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pg.core.errors import UserError
from pg.runs.files import PARTIAL, RUN_VARIABLE, UnreadableFile, read_json, write_json, write_text

MARK = "study.json"
"""The file that names the study."""


class FolderInUse(UserError):
    """Another run is writing into the results folder."""


def study_of(folder: Path) -> str | None:
    """Return the name of the study that a folder belongs to; None if there is no readable mark."""
    name = _read(folder / MARK).get("name")
    return name if isinstance(name, str) else None


def mark(folder: Path, study: str) -> None:
    """Record that a folder belongs to a study."""
    if study_of(folder) != study:
        write_text(json.dumps({"name": study}) + "\n", folder / MARK)


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
    # The order matters: a job of a killed run fails if it checks its run after `.run.json` is deleted; if it checks
    # before, it fails to rename its unfinished file, which is deleted next.
    run_file.unlink(missing_ok=True)
    for place, folders, files in os.walk(folder):
        # Another study may be running in a folder below, such as results/smoke.
        folders[:] = [name for name in folders if not Path(place, name, ".lock").exists()]
        for unfinished in fnmatch.filter(files, f"{PARTIAL}*"):
            Path(place, unfinished).unlink(missing_ok=True)
    os.environ.pop(RUN_VARIABLE, None)
    run, since = uuid.uuid4().hex, datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    write_json({"run": run, "process": os.getpid(), "host": socket.gethostname(), "since": since}, run_file)
    os.environ[RUN_VARIABLE] = f"{run}:{run_file.absolute()}"
    return held


def _read(path: Path) -> dict[str, Any]:
    """Return a JSON object; an empty one if the file is missing or damaged."""
    try:
        return read_json(path)
    except UnreadableFile:
        return {}
