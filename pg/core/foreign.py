"""Run code that a study file names, and turn whatever it raises, or that it does not end, into a message."""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType, ModuleType

from pg.core.errors import InvalidStudy

_VARIABLE = "PG_MODULE_SECONDS"
MOST_SECONDS = int(os.environ.get(_VARIABLE, "7"))
"""Seconds after which code that a study file names is interrupted."""

_PACKAGE = Path(__file__).parents[1]
_LONGEST_REASON = 300
_SECONDS_TO_END = 1  # until the process is ended, if the code cannot be interrupted

_may_import: ContextVar[bool] = ContextVar("may modules that a study file names be imported", default=True)


class ForeignError(ValueError):
    """Code that a study file names has failed; the cause is what it raised."""


class _TooSlow(BaseException):
    """Not an Exception, which the code may catch."""


@contextmanager
def without_imports() -> Iterator[None]:
    """Refuse to import modules that a study file names."""
    token = _may_import.set(False)
    try:
        yield
    finally:
        _may_import.reset(token)


def import_named(name: str) -> ModuleType:
    """Import a module that a study file names.

    Raises
    ------
    ForeignError
        If there is no such module, its code fails, or `without_imports` forbids it.
    InvalidStudy
        If its code does not end.
    """
    if not _may_import.get():
        raise ForeignError("importing it runs its code; add --import-modules if you trust it")
    with foreign(f"the module {name!r}"):
        return importlib.import_module(name)


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Turn what code of others raises into a ForeignError; interrupt it after `MOST_SECONDS` in the main thread.

    Code that is interrupted ends the validation with an InvalidStudy, because other entries may name it as well.
    """
    try:
        with _limited():
            yield
    except KeyboardInterrupt:
        raise
    except _TooSlow as error:
        limit = f"{MOST_SECONDS} seconds; set {_VARIABLE} to a larger number if it needs longer"
        raise InvalidStudy([f"{what:.200} does not end within {limit}"]) from error
    except BaseException as error:
        # The code may exit as well.
        raise ForeignError(_reason(error)) from error


def failure_in(folders: Iterable[Path], error: Exception) -> str | None:
    """Return where code in a folder raised an exception, and the exception; None if it is an error of other code."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        is_installed = path.is_relative_to(_PACKAGE) or "site-packages" in path.parts
        if not is_installed and any(path.is_relative_to(folder) for folder in folders):
            return f"{path}:{frame.lineno}: {frame.name} failed: {_reason(error)}"
    return None


def _reason(error: BaseException) -> str:
    """Return what an exception says on one line of limited length, after its type if the text alone may be unclear."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    text = text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
    if isinstance(error, ImportError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def _limited() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    # Compiled code and loops that catch everything do not see the signal. This ends the process.
    faulthandler.dump_traceback_later(MOST_SECONDS + _SECONDS_TO_END, exit=True, file=sys.__stderr__ or 2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
