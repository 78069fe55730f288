"""The log of a job: what it says of its progress, and of what has made it fail."""

from __future__ import annotations

import errno
import logging
import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType

from pg.core.devices import CannotRunHere
from pg.runs.occupation import Superseded
from pg.runs.snapshots import SNAPSHOT_REMEDY
from pg.runs.tabular_files import UnreadableRecord

_log = logging.getLogger("pg")
_CODE = "code "
_OF_THE_FILE_SYSTEM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO)
_REMEDY = "what was finished before is intact; mend that and give the same command again"


class _LogFile(logging.FileHandler):
    """A file that may fill its disk: what could not be logged is lost, and what the job makes is what matters."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on."""


class Stopped(KeyboardInterrupt):
    """The job was told to end."""


def log_to(path: str | Path | None, code: str = "") -> None:
    """Send the log of this job to a file, or to standard error where there is none.

    A failure that is not the program's own fault is then told in one line, in the log and on the terminal.

    Parameters
    ----------
    path
        File that is written anew.
    code
        Digest of the code that the job runs; the log begins with it, and the report reads it there.
    """
    if path is not None:
        # A job of a run that was killed may still hold the former file, and goes on writing to that.
        Path(path).unlink(missing_ok=True)
    handler = logging.StreamHandler() if path is None else _LogFile(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    if path is not None:
        sys.excepthook = _tell
        signal.signal(signal.SIGTERM, _stop)
    if code:
        _log.info("%s%s", _CODE, code)


def logged_code(path: str | Path) -> str | None:
    """Return the digest that a job's log begins with; None where there is no log or it does not say."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as log:
            _, mark, code = log.readline().rstrip("\n").partition(_CODE)
    except OSError:
        return None
    return code if mark else None


def explained(error: BaseException) -> str | None:
    """Say in one line what a person can do something about; None of anything else, which is a bug of ours."""
    match error:
        case Stopped() | KeyboardInterrupt():
            return "interrupted; the same command goes on from here"
        case UnreadableRecord() | Superseded() | CannotRunHere():
            return str(error)
        case OSError() if error.errno in _OF_THE_FILE_SYSTEM:
            place = f"{error.filename}: " if error.filename else ""
            return f"{place}cannot be written ({error.strerror}); {_REMEDY}"
        case MemoryError() | RuntimeError() if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return "out of memory; lower the batch or seeds.per_job, or let fewer jobs run at once: --cores"
        case RuntimeError() if "in loading state_dict" in str(error):
            found = str(error).splitlines()[-1].strip()
            return (
                f"a snapshot does not fit the policy that the study declares: {found}; the log names the folders; "
                f"{SNAPSHOT_REMEDY}"
            )
        case _:
            return None


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    said = explained(error)
    if said is None:
        _log.error("a bug of this program:", exc_info=(kind, error, trace))
        sys.__excepthook__(kind, error, trace)
        return
    _log.error("%s", said)
    print(said, file=sys.stderr)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # Who is told twice stops once.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped
