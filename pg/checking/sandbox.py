"""Run a user's file in a process of its own, and ask it for weights.

What comes back is bytes of numbers and text, never code: whatever the file prints, patches or ends, it is judged by the
weights that it gives for batches whose true gradient it does not know.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pg.checking.submissions import Arrays, Fault, Kind
from pg.core.errors import UserError
from pg.core.record import Record

_HOME = str(Path(__file__).parents[2])  # where the child finds this package
_MOST = 2**28  # bytes of an answer
_READ, _PRINTED = 10_000, 20  # bytes of a user's output that are read, and lines that are shown


def encode(head: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Pack names and numbers into a message: a line of JSON, then the arrays."""
    body = save({name: np.ascontiguousarray(values) for name, values in arrays.items()})
    return json.dumps(head).encode() + b"\n" + body


def decode(message: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Unpack a message; a ValueError says that it is none."""
    line, _, body = message.partition(b"\n")
    try:
        head = json.loads(line)
        arrays = load(body)
    except (SafetensorError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(head, dict):
        raise ValueError("the first line is no JSON object")
    return head, arrays


class Loaded(Record):
    """What the file says of its submission."""

    name: str
    kind: Kind
    expects: str
    parameters: tuple[str, ...]
    is_off_policy: bool
    equals: dict[str, Any]


@contextlib.contextmanager
def sandbox(
    path: Path, name: str | None, options: Mapping[str, Any], timeout: float, user: str | None = None
) -> Iterator[Sandbox]:
    """Start a process that imports a file, and end it with all that it has started.

    Parameters
    ----------
    path, name
        The file, and the submission in it; None for the only one.
    options
        Of a part.
    timeout
        Seconds that the process may take in all.
    user
        The user of the process, who has no other rights; needs the rights of root. Default: the same user.

    Raises
    ------
    UserError
        If the process may not be started as this user.
    """
    ours, theirs = socket.socketpair()
    given = [str(theirs.fileno()), str(path), name or "", json.dumps(dict(options)), str(timeout)]
    late = threading.Event()
    with ours, tempfile.TemporaryFile() as output:
        with theirs:
            process = _started(given, output, theirs.fileno(), user)
        # This ends every wait for an answer, also for the rest of half an answer.
        clock = threading.Timer(timeout, _stop, [process, ours, late])
        with Connection(os.dup(ours.fileno())) as connection:
            clock.start()
            try:
                yield Sandbox(path.name, process, connection, output, timeout, late)
            finally:
                clock.cancel()
                _kill(process)
                process.wait()


def _started(given: Sequence[str], output: IO[bytes], connection: int, user: str | None) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([_HOME, *filter(None, [os.environ.get("PYTHONPATH")])])
    group = _group_of(user)
    try:
        return subprocess.Popen(
            # Without the working directory, where a file may have the name of a library.
            [sys.executable, "-P", "-m", "pg.checking.worker", *given],
            # Nothing here is worth compiling, and another user cannot write where numba keeps what it has compiled.
            env={**os.environ, "PYTHONPATH": paths, "NUMBA_DISABLE_JIT": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[connection],
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
    except PermissionError:
        raise UserError(f"--user: {user} may not run {sys.executable}; install it where other users may read") from None


def _group_of(user: str | None) -> int | None:
    if user is None:
        return None
    if os.getuid() != 0:
        raise UserError(f"--user {user}: only root may start a process as another user; leave it out")
    try:
        return pwd.getpwnam(user).pw_gid
    except KeyError:
        raise UserError(f"--user: there is no user {user!r} on this machine") from None


def _stop(process: subprocess.Popen[bytes], ours: socket.socket, late: threading.Event) -> None:
    """End a process and the conversation with it, whose other end a child that left its group may hold."""
    late.set()
    _kill(process)
    with contextlib.suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class Sandbox:
    """A process that has imported a user's file; `sandbox` makes it."""

    def __init__(
        self,
        file: str,
        process: subprocess.Popen[bytes],
        connection: Connection,
        output: IO[bytes],
        timeout: float,
        late: threading.Event,
    ) -> None:
        self._file, self._process, self._output = file, process, output
        self._connection, self._timeout, self._late = connection, timeout, late

    @property
    def printed(self) -> str:
        """The first lines that the file has printed, each once."""
        self._output.seek(0)
        lines = [*dict.fromkeys(self._output.read(_READ).decode("utf-8", "replace").splitlines())]
        return "\n".join([*lines[:_PRINTED], *(["..."] if len(lines) > _PRINTED else [])])

    def load(self) -> Loaded:
        """Return what the submission is."""
        head, _ = self._answer()
        try:
            return Loaded.model_validate(head)
        except ValidationError as error:
            raise Fault(f"{self._file} interferes with the check") from error

    def weights(self, arrays: Arrays, discount: float) -> NDArray[np.float64]:
        """Return the submission's weights of S batches, (S, N, T) as `arrays["mask"]`."""
        return self._ask({"discount": discount}, arrays)[1]["weights"]

    def seconds(self, arrays: Arrays, discount: float) -> float:
        """Return the seconds that the submission needs for one batch, of a few tries the fastest."""
        seconds = self._ask({"discount": discount, "timed": True}, arrays)[0].get("seconds")
        if not isinstance(seconds, float):
            raise Fault(f"{self._file} interferes with the check")
        return seconds

    def _ask(self, head: Mapping[str, Any], arrays: Arrays) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        try:
            self._connection.send_bytes(encode(head, arrays))
        except OSError:
            raise self._ended() from None
        found, answer = self._answer()
        weights = answer.get("weights")
        if weights is None or weights.shape != arrays["mask"].shape or weights.dtype != np.float64:
            raise Fault(f"{self._file} interferes with the check")
        return found, answer

    def _answer(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        try:
            head, arrays = decode(self._connection.recv_bytes(_MOST))
        except EOFError:
            raise self._ended() from None
        except (OSError, ValueError) as error:
            raise Fault(f"{self._file} interferes with the check") from error
        if "fault" in head:
            raise Fault(str(head["fault"]), str(head.get("line", "")))
        return head, arrays

    def _ended(self) -> Fault:
        if self._late.is_set():
            return Fault(f"{self._file} takes longer than {self._timeout:g} seconds (--timeout)")
        status = self._process.wait()
        return Fault(f"{self._file} ended the process (exit status {status})")
