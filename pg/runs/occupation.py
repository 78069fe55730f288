"""One run at a time in a results folder, and no late word from the jobs of a run that was killed.

The run that is at work holds a lock which the operating system takes from it when it ends, however it ends: no lock is
ever stale. Its jobs inherit its number. A job whose run was killed goes on until it has something to put in place,
finds another number there, and leaves the place to the run that has taken over.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

PARTIAL = ".partial-"
"""What the names of unfinished files begin with."""

_VARIABLE = "PG_RUN"
_LOCK, _RUN = ".lock", ".run.json"


class Occupied(RuntimeError):
    """Another run is at work in the results folder."""


class Superseded(RuntimeError):
    """The run that this job belongs to was killed, and a later one has taken over."""


def occupy(results: str | Path) -> FileLock:
    """Take a results folder for this run and the jobs that it starts, and clear away what a killed run left unfinished.

    Parameters
    ----------
    results
        Folder; made where it is missing.

    Returns
    -------
    FileLock
        Holds the folder until it is released or the process ends.

    Raises
    ------
    Occupied
        If another run is at work there.
    OSError
        If the folder cannot be written.
    """
    folder = Path(results)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Occupied(
            f"another run is at work in {results}{_whose(folder)}; wait until it has ended, or stop it, or let this "
            "one write elsewhere: --config results=…"
        ) from None
    number = uuid.uuid4().hex
    since = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    owner = {"run": number, "process": os.getpid(), "host": socket.gethostname(), "since": since}
    partial = folder / f"{PARTIAL}{number}"
    partial.write_text(json.dumps(owner), encoding="utf-8")
    partial.replace(folder / _RUN)
    os.environ[_VARIABLE] = f"{number}:{(folder / _RUN).absolute()}"
    for left in folder.rglob(f"{PARTIAL}*"):
        left.unlink(missing_ok=True)
    return lock


def check_run() -> None:
    """Make sure that the run which started this job is still the last; a job that is run by hand belongs to none.

    Raises
    ------
    Superseded
        If it is not.
    """
    number, _, place = os.environ.get(_VARIABLE, "").partition(":")
    if number and _owner(Path(place)).get("run") != number:
        raise Superseded("the run that started this job was killed, and another has taken over: it makes this anew")


def _whose(folder: Path) -> str:
    owner = _owner(folder / _RUN)
    return f" (process {owner['process']} on {owner['host']}, since {owner['since']})" if owner else ""


def _owner(place: Path) -> dict[str, str]:
    try:
        return json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
