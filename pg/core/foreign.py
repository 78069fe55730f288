"""Run code that a study file names, and turn whatever it raises, or that it does not end, into a message."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType, ModuleType
from typing import NoReturn

from pg.core.errors import InvalidStudy

_VARIABLE = "PG_MODULE_SECONDS"
MOST_SECONDS = int(os.environ.get(_VARIABLE, "7"))
"""Seconds after which code that a study file names is interrupted."""

_PACKAGE = Path(__file__).parents[1]
_LONGEST_REASON = 300
_ANY = "code that the study names"
_SECONDS_TO_END = 1  # until the process of a rehearsal is killed, if its code cannot be interrupted
_ANYTHING_ELSE = 10  # times `MOST_SECONDS`, for code of `pg`, and the short methods of others that it calls unlimited

_tell: ContextVar[Callable[[str], None]] = ContextVar("whom to tell what starts to run", default=lambda _: None)
_limited_now: ContextVar[str] = ContextVar("the code that is limited now", default="")
_may_import: ContextVar[bool] = ContextVar("may modules that a study file names be imported", default=True)


class ForeignError(ValueError):
    """Code that a study file names has failed; the cause is what it raised."""


class NoTexts(ValueError):
    """A method of others has returned something else than texts."""


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
        raise ForeignError(
            "`explain` imports no module that a study names unless asked, because importing runs its code; add "
            "--import-modules if you trust it"
        )
    with foreign(f"the module {name!r}"):
        return importlib.import_module(name)


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Turn what code of others raises into a ForeignError; interrupt it after `MOST_SECONDS` in the main thread.

    Code that is interrupted ends the validation with an InvalidStudy, because other entries may name it as well.
    """
    try:
        with _limited(what):
            yield
    except InvalidStudy:
        raise
    except BaseException as error:
        if _is_of_the_user(error):
            raise
        # The code may exit as well.
        raise ForeignError(_reason(error)) from error


def texts_of(method: Callable[..., object], *arguments: object) -> tuple[str, ...]:
    """Return the texts that a method returns or yields, within `MOST_SECONDS` if it is not one of `pg`.

    Raises
    ------
    NoTexts
        If it returns anything else.
    InvalidStudy
        If it does not end.
    """
    name = f"{method.__module__}:{method.__qualname__}"
    with nullcontext() if name.startswith("pg.") else _limited(name):
        returned = method(*arguments)
        found = [*returned] if isinstance(returned, Iterable) and not isinstance(returned, str) else [returned]
    texts = tuple(one for one in found if isinstance(one, str))
    if len(texts) < len(found):
        wrong = next(one for one in found if not isinstance(one, str))
        raise NoTexts(f"{name} should return texts; it returns {wrong!r:.100}")
    return texts


def rehearse(run: Callable[[], object]) -> None:
    """Run code of others in a child process first, because it may crash, exit, hang or close the output there.

    What the code prints is not shown. Other exceptions than an InvalidStudy are ignored: the code raises them again
    when it runs in this process.

    Raises
    ------
    InvalidStudy
        If the child raises it, or does not end as it should.
    """
    reader, writer = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        _answer(run, writer)
    writer.close()
    try:
        problems = _answered(reader)
    finally:
        # It has ended, or does not end, or the user has interrupted this process.
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        reader.close()
    if isinstance(problems, str):
        how = f"crashes with {signal.Signals(-status).name}" if status < 0 else "ends the process"
        problems = [f"{problems or _ANY} {how}"]
    if problems:
        raise InvalidStudy(problems)


def _answer(run: Callable[[], object], writer: Connection) -> NoReturn:
    """Run code; send what it runs whenever that changes, and at last a list of problems."""
    problems = ()
    sys.stdout, sys.stderr = (os.fdopen(os.open(os.devnull, os.O_WRONLY), "w") for _ in range(2))
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stderr.fileno(), 2)
    # KeyboardInterrupt is raised by the code alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _tell.set(writer.send)
    try:
        run()
    except InvalidStudy as invalid:
        problems = invalid.problems
    finally:
        if not _outputs_are_open():
            problems = (*problems, f"{_ANY} closes the standard output or error; remove that")
        writer.send([*problems])
        # Without what a process does at its exit; whatever else was raised is ignored.
        os._exit(0)


def _answered(reader: Connection) -> list[str] | str:
    """Return the problems that a child sends, or what it ran when it died."""
    what = ""
    try:
        while reader.poll(MOST_SECONDS + _SECONDS_TO_END if what else _ANYTHING_ELSE * MOST_SECONDS):
            if isinstance(sent := reader.recv(), list):
                return sent
            what = sent
    except (EOFError, OSError):
        return what
    return [_too_slow(what)]


def _outputs_are_open() -> bool:
    try:
        return all([os.fstat(1), os.fstat(2), not sys.stdout.closed, not sys.stderr.closed])
    except OSError:
        return False


def failure_in(folders: Iterable[Path], error: BaseException) -> str | None:
    """Return where code in a folder raised an exception, and the exception; None if it is an error of other code."""
    if _is_of_the_user(error):
        return None
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        is_installed = path.is_relative_to(_PACKAGE) or "site-packages" in path.parts
        if not is_installed and any(path.is_relative_to(folder) for folder in folders):
            return f"{path}:{frame.lineno}: {frame.name} failed: {_reason(error)}"
    return None


def _is_of_the_user(error: BaseException) -> bool:
    """Return whether the user has interrupted the code, which may raise the same exception."""
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def _too_slow(what: str) -> str:
    limit = f"{MOST_SECONDS} seconds; set {_VARIABLE} to a larger number if it needs longer"
    return f"{what or _ANY:.200} does not end within {limit}"


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
def _limited(what: str) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, interrupt)
    # Of other code that runs this code, and goes on after it.
    remaining, _ = signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    outer = _limited_now.set(what)
    _tell.get()(what)
    try:
        yield
    except _TooSlow as error:
        raise InvalidStudy([_too_slow(what)]) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        _limited_now.reset(outer)
        _tell.get()(_limited_now.get())
        signal.setitimer(signal.ITIMER_REAL, remaining)
