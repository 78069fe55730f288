"""Files of rows, choices and texts: each written whole or not at all, and read back as it was or refused."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeVar

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from pg.experiments.columns import RUN_COLUMNS
from pg.experiments.records import Budget
from pg.experiments.train.tuning import Choice
from pg.runs.occupation import PARTIAL, check_run
from pg.runs.tabular_files import REMEDY, UnreadableRecord, check_runs, read_csv
from pg.study.wording import plain

_CHOICE = TypeAdapter(Choice)

Key = TypeVar("Key", bound=Hashable)


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a neighbour of the file, then put it in the file's place in one step.

    Raises
    ------
    Superseded
        If this job's run was killed and a later one has taken over: then the file stays as it is.
    """
    # Not even a folder: the run that has taken over may be about to remove it.
    check_run()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Jobs of a run that was killed may still write, and on a cluster two machines count processes alike.
    partial = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}-{path.name}")
    try:
        write(partial)
        check_run()
        partial.replace(path)
    except OSError as error:
        # A run that takes over clears away what it finds unfinished.
        check_run()
        error.filename = error.filename or str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file, or all files of a folder, each atomically."""
    if source.is_dir():
        for item in sorted(source.iterdir()):
            copy(item, target / item.name)
    else:
        atomically(target, partial(shutil.copyfile, source))


def write_csv(frame: pd.DataFrame, place: str | Path | TextIO) -> None:
    """Write a frame as CSV, atomically if to a file; numbers so that they are read back as the same numbers."""
    if isinstance(place, str | Path):
        atomically(Path(place), lambda partial: _put_csv(frame, partial))
    else:
        _put_csv(frame, place)


def _put_csv(frame: pd.DataFrame, place: Path | TextIO) -> None:
    frame.to_csv(place, index=False, lineterminator="\n")


def read_grouped(paths: Sequence[str | Path], keys: Sequence[Key], columns: Sequence[str]) -> dict[Key, pd.DataFrame]:
    """Read equally many files for each key, the paths in the order of the keys, and join those of a key.

    Raises
    ------
    UnreadableRecord
        If a file is not readable.
    """
    return _grouped(paths, keys, lambda path: read_csv(path, columns))


def read_runs(paths: Sequence[str | Path], keys: Sequence[Key], budget: Budget) -> dict[Key, pd.DataFrame]:
    """Read the rows of training runs for each key, as `read_grouped` does, and make sure that no run is cut short.

    Raises
    ------
    UnreadableRecord
        If a file is not readable, or lacks a part of a run.
    """
    return _grouped(paths, keys, lambda path: check_runs(path, read_csv(path, RUN_COLUMNS), budget))


def _grouped(
    paths: Sequence[str | Path], keys: Sequence[Key], read: Callable[[str | Path], pd.DataFrame]
) -> dict[Key, pd.DataFrame]:
    per_key = len(paths) // len(keys)
    groups = [paths[start : start + per_key] for start in range(0, len(paths), per_key)]
    return {
        key: pd.concat([read(path) for path in group], ignore_index=True)
        for key, group in zip(keys, groups, strict=True)
    }


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write JSON, atomically."""
    text = json.dumps(content, indent=2) + "\n"
    atomically(Path(path), lambda partial: partial.write_text(text, encoding="utf-8"))


def read_json(path: str | Path) -> dict[str, Any]:
    """Read JSON back.

    Raises
    ------
    UnreadableRecord
        If it is not a JSON object.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UnreadableRecord(f"{path}, line {error.lineno}: is not JSON: {error.msg}; {REMEDY}") from error
    except UnicodeDecodeError as error:
        raise UnreadableRecord(f"{path}: byte {error.start} is not text; {REMEDY}") from error
    except OSError as error:
        raise UnreadableRecord(f"{path}: cannot be read ({error.strerror})") from error
    if not isinstance(content, dict):
        raise UnreadableRecord(f"{path}: holds {type(content).__name__}, not an object")
    return content


def read_choice(path: str | Path) -> dict[str, Any]:
    """Read how a learning rate was chosen.

    Raises
    ------
    UnreadableRecord
        If it is not a JSON object, or does not say what a choice says.
    """
    content = read_json(path)
    try:
        _CHOICE.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableRecord(f"{path}: {place}: {plain(first['msg'])}; {REMEDY}") from error
    return content


def write_text(text: str, path: str | Path) -> None:
    """Write text, atomically."""
    atomically(Path(path), lambda partial: partial.write_text(text, encoding="utf-8"))
