"""Run jobs in forks of one server process that has already imported torch, pandas and matplotlib.

Importing them takes seconds, as long as a small job itself. The server imports what a job's script imports and forks;
the fork runs the script, isolated like a new process. The process that Snakemake started for the job is the client: it
forwards SIGINT and SIGTERM and exits with the job's status. The server exits with the process that started it, even if
that is killed. Without a server (on a cluster, outside Linux), the script runs in the client, with the same results.

The socket is in Linux's abstract namespace: it vanishes with its processes, and kills leave no file. No permissions
protect it, so both sides accept only processes of their own user.

Clients import this module before anything else: it imports no library.
"""

from __future__ import annotations

import gc
import os
import pickle
import runpy
import signal
import socket
import struct
import subprocess
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from select import select
from threading import Thread
from typing import Any

from pg.runs import logs

ADDRESS = "PG_FORK_SERVER"
"""Environment variable that holds the name of the server's socket."""

Request = tuple[Path, Any, dict[str, str]]
"""A script, Snakemake's description of its job, and the environment variables of the client."""

_CREDENTIALS = struct.Struct("iII")
"""Process, user and group at the other end of a socket."""


def run_job(script: Path, job: Any) -> None:
    """Run a job in a fork of the server and exit with its status; without a server, run it in this process.

    Parameters
    ----------
    script
        File with a function `run` of the job.
    job
        Snakemake's description of the job.
    """
    if ADDRESS in os.environ:
        with socket.socket(socket.AF_UNIX) as connection, suppress(ConnectionRefusedError):
            connection.connect(f"\0{os.environ[ADDRESS]}")
            if _is_own(connection):

                def forward(*_: object) -> None:
                    # The fork reads the end of the stream and sends itself SIGTERM.
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_WR)

                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, forward)
                _send((script, job, dict(os.environ)), connection)
                sys.exit(int(connection.recv(1) != b"\0"))
    _run(script, job)


def start(*scripts: Path) -> subprocess.Popen[bytes] | None:
    """Start a server for all jobs that this process starts later; None outside Linux, where forking is unsafe.

    Parameters
    ----------
    scripts
        Scripts for which the server imports libraries before the first job.
    """
    if sys.platform != "linux":
        return None
    os.environ[ADDRESS] = f"pg-fork-server-{uuid.uuid4().hex}"
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # Otherwise looking for a GPU would start CUDA in the server, and no fork could use it.
    no_cuda = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    with socket.socket(socket.AF_UNIX) as listening:
        # Listen here: a job that starts before the server is ready waits instead of running without it.
        listening.bind(f"\0{os.environ[ADDRESS]}")
        listening.listen(64)
        return subprocess.Popen(
            [sys.executable, "-m", "pg.fork_server", str(listening.fileno()), *map(str, scripts)],
            pass_fds=[listening.fileno()],
            # Nothing is written to this pipe: it closes when this process ends.
            stdin=subprocess.PIPE,
            env={**os.environ, **one_thread, **no_cuda},
        )


def stop(server: subprocess.Popen[bytes] | None) -> None:
    """Stop a server that this process has started: jobs that start later run in their own processes."""
    os.environ.pop(ADDRESS, None)
    if server is not None:
        server.communicate()


def _serve(descriptor: str, *scripts: str) -> None:
    """Run jobs until standard input closes."""
    # Ctrl-C reaches the server and its forks as well; clients forward it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The system reaps forks that have ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Collecting garbage would take a quarter of the time of imports.
    gc.disable()
    for script in scripts:
        _import(Path(script))
    with socket.socket(fileno=int(descriptor)) as listening:
        # Clients that have sent no request yet; the others do not wait for them.
        silent: list[socket.socket] = []
        while sys.stdin not in (ready := select([sys.stdin, listening, *silent], [], [])[0]):
            for connection in [one for one in silent if one in ready]:
                silent.remove(connection)
                with connection:
                    _fork(connection, [listening, *silent])
            if listening in ready:
                connection, _ = listening.accept()
                if _is_own(connection):
                    silent.append(connection)
                else:
                    connection.close()


def _fork(connection: socket.socket, others: Sequence[socket.socket]) -> None:
    """Receive a job, and run it in a fork that sends its status to the client."""
    try:
        script, job, environment = _receive(connection)
    except (EOFError, OSError, pickle.UnpicklingError):
        # The client has been killed.
        return
    _import(script)
    # Keep the forks' garbage collectors from copying the memory that they share with the server.
    gc.freeze()
    if os.fork() != 0:
        return
    status = 1
    try:
        # Other clients must get no answer once the server is gone.
        for other in others:
            other.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        gc.enable()
        Thread(target=_stop_when_closed, args=[connection], daemon=True).start()
        os.environ.update(environment)
        _run(script, job)
        status = 0
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        # The client exits once it has the status and closes the connection.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(OSError):
            connection.sendall(bytes([status]))
        os._exit(status)


def _send(request: Request, connection: socket.socket) -> None:
    """Send a request as a file in memory, which the server reads without waiting for the client."""
    with os.fdopen(os.memfd_create("request"), "wb") as file:
        pickle.dump(request, file)
        file.flush()
        socket.send_fds(connection, [b"\0"], [file.fileno()])


def _receive(connection: socket.socket) -> Request:
    for descriptor in socket.recv_fds(connection, 1, 1)[1]:
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)
            return pickle.load(file)
    raise EOFError


def _is_own(connection: socket.socket) -> bool:
    """Return whether the process at the other end is one of this user."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(credentials)[1] == os.geteuid()


def _import(script: Path) -> None:
    """Import what a script imports, and what its libraries import at their first use."""
    # A script that fails to import fails in its fork as well, with a traceback.
    with suppress(Exception):
        runpy.run_path(str(script))
        if "torch" in sys.modules:
            # Imported by the first optimizer.
            import_module("torch._dynamo")
        if "pg.report.figures" in sys.modules:
            import_module("pg.report.figures").warm_up()


def _run(script: Path, job: Any) -> None:
    logs.log_to(job.log[0], job.params.code)
    runpy.run_path(str(script))["run"](job)


def _stop_when_closed(connection: socket.socket) -> None:
    """Send SIGTERM to this process when its client forwards a signal or is gone."""
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
