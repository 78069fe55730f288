"""The log of a job: progress, and one line for errors that a user can fix."""

from __future__ import annotations

import errno
import logging
import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType

from pg.core.errors import UserError

_log = logging.getLogger("pg")
_FILE_SYSTEM_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO)


class Stopped(KeyboardInterrupt):
    """The job received SIGTERM."""


class _LogFile(logging.FileHandler):
    """A log file; a job continues if the disk is too full to log."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Ignore the error."""


def log_to(path: str | Path | None, code: str = "") -> None:
    """Send the log to a file, or to standard error if there is none.

    With a file, an error that a user can fix is printed and logged in one line, and SIGTERM raises `Stopped`.

    Parameters
    ----------
    path
        File; an existing one is replaced.
    code
        Digest of the job's code, written into the first line for the report.
    """
    if path is None:
        handler = logging.StreamHandler()
    else:
        # A job that survived a killed run may still write into the open old file.
        Path(path).unlink(missing_ok=True)
        handler = _LogFile(path, mode="w", encoding="utf-8")
        sys.excepthook = _print_and_log
        signal.signal(signal.SIGTERM, _stop)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    if code:
        _log.info("code %s", code)


def user_message(error: BaseException) -> str | None:
    """Return one line on an error that a user can fix; None for any other error, which is a bug."""
    match error:
        case UserError():
            return str(error)
        case KeyboardInterrupt():
            return "interrupted; rerun the same command to continue"
        case OSError() if error.errno in _FILE_SYSTEM_ERRORS:
            path = f"{error.filename}: " if error.filename else ""
            return f"{path}cannot be written ({error.strerror}); fix this and rerun, finished results are kept"
        case MemoryError():
            return "out of memory; lower the batch or the number of parallel jobs (--cores)"
        case RuntimeError() if "can't allocate memory" in str(error):
            return user_message(MemoryError())
        case RuntimeError() if "in loading state_dict" in str(error):
            mismatch = str(error).splitlines()[-1].strip()
            return (
                f"a snapshot does not fit the policy in the study: {mismatch}; delete the snapshots' folder, which the "
                "log names, and rerun"
            )
        case _:
            return None


def _print_and_log(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    message = user_message(error)
    if message is None:
        _log.error("bug:", exc_info=(kind, error, trace))
        sys.__excepthook__(kind, error, trace)
    else:
        _log.error("%s", message)
        print(message, file=sys.stderr)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # A second SIGTERM must not interrupt the cleanup.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped
