"""Write files atomically, and read them with errors that name the file and the line."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pg.core.errors import UserError

PARTIAL = ".partial-"
"""Prefix of the names of unfinished files."""

RUN_VARIABLE = "PG_RUN"
"""Environment variable of a run's jobs: the run's identifier and the path of `.run.json`, separated by a colon."""

REMEDY = "delete the file and rerun"


class UnreadableFile(UserError):
    """A file is missing, damaged or has other content than expected. The message names the file and often the line."""


class Superseded(UserError):
    """The run of this job was killed, and a later run has started."""


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, then rename it to `path`.

    Raises
    ------
    Superseded
        If another run has started since the run of this job; the file is left as it is.
    """
    path = Path(path)
    # Checked before a folder is made, because the later run may be deleting it.
    _check_run()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Process ids are not unique: jobs may run on several machines.
    unfinished = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}-{path.name}")
    try:
        write(unfinished)
        _check_run()
        # If another run has started since the check, it has deleted the unfinished file, and this fails.
        unfinished.replace(path)
    except OSError as error:
        _check_run()
        error.filename = error.filename or str(path)
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def _check_run() -> None:
    """Raise `Superseded` if another run has started since the run of this job; do nothing outside a run."""
    run, _, file = os.environ.get(RUN_VARIABLE, "").partition(":")
    try:
        current = read_json(file).get("run") if run else run
    except UnreadableFile:
        current = None
    if current != run:
        raise Superseded("the run that started this job was killed; a later run has started and makes this file")


def copy(source: Path, target: Path) -> None:
    """Copy a file, or all files of a folder, each atomically."""
    if source.is_dir():
        for item in sorted(source.iterdir()):
            copy(item, target / item.name)
    else:
        write_atomically(target, partial(shutil.copyfile, source))


def write_text(text: str, path: str | Path) -> None:
    """Write text, atomically."""
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8"))


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write JSON, atomically."""
    write_text(json.dumps(content, indent=2) + "\n", path)


def read_text(path: str | Path) -> str:
    """Read a text file.

    Raises
    ------
    UnreadableFile
        If it cannot be opened, is not UTF-8, or contains a zero byte, as files damaged by a crash do.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read ({error.strerror})") from error
    try:
        text, wrong = content.decode(), content.find(b"\0")
    except UnicodeDecodeError as error:
        text, wrong = "", error.start
    if wrong >= 0:
        line = content.count(b"\n", 0, wrong) + 1
        raise UnreadableFile(f"{path}, line {line}: byte {wrong} is not text; {REMEDY}")
    return text


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    UnreadableFile
        If the file is anything else.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UnreadableFile(f"{path}, line {error.lineno}: is not JSON: {error.msg}; {REMEDY}") from error
    if not isinstance(content, dict):
        raise UnreadableFile(f"{path}: is a JSON {type(content).__name__}, not an object; {REMEDY}")
    return content
