"""Run the workflow's scripts in forks of one server process that has already imported torch, pandas and matplotlib.

Importing them takes seconds, as long as a small job itself. The server imports what a script imports and forks; the
fork runs the script, isolated like a new process. The process that Snakemake started for the script is the client: it
forwards SIGINT and SIGTERM and exits with the script's status. The server exits with the process that started it,
even if that is killed. Without a server (on a cluster, outside Linux), the script runs in its own process, with the
same results.

Clients import this module before anything else: it imports the standard library only.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from select import select
from socketserver import BaseRequestHandler, ForkingMixIn, UnixStreamServer
from threading import Thread
from typing import Any

ADDRESS = "PG_FORK_SERVER"
"""Environment variable that holds the path of the server's socket."""


def is_running() -> bool:
    """Return whether this process has the address of a server."""
    return ADDRESS in os.environ


def run_script() -> None:
    """Run the calling script in a fork of the server and exit with its status; return if no server answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.environ[ADDRESS])
        except OSError:
            return

        def forward(*_: object) -> None:
            # The fork reads the end of the stream and sends itself SIGTERM.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, forward)
        connection.sendall(json.dumps([sys.argv[0], dict(os.environ)]).encode() + b"\n")
        status = connection.recv(1)
    sys.exit(status[0] if status else 1)


def start(*scripts: Path) -> subprocess.Popen[bytes] | None:
    """Start a server for all jobs that this process starts later; None outside Linux, where forking is unsafe.

    Parameters
    ----------
    scripts
        Scripts for which the server imports libraries before the first job.
    """
    if sys.platform != "linux":
        return None
    os.environ[ADDRESS] = str(Path(tempfile.mkdtemp(prefix="pg-fork-server-"), "socket"))
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # Otherwise looking for a GPU would start CUDA in the server, and no fork could use it.
    no_cuda = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    with socket.socket(socket.AF_UNIX) as listening:
        # Listen here: a job that starts before the server is ready waits instead of running without it.
        listening.bind(os.environ[ADDRESS])
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


class _Job(BaseRequestHandler):
    """Runs a script in a fork of the server and sends its exit status to the client."""

    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        # Close the inherited listening socket: clients must get no answer once the server is gone.
        self.server.socket.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        Thread(target=_stop_when_closed, args=[self.request], daemon=True).start()
        script, environment = self.server.job
        os.environ.update(environment)
        # Keep the script from asking for another fork.
        os.environ.pop(ADDRESS, None)
        status = _run(script)
        sys.stdout.flush()
        sys.stderr.flush()
        # The client exits once it has the status and closes the connection.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.request.sendall(bytes([status]))


class _Server(ForkingMixIn, UnixStreamServer):
    """Receives a script and its environment per connection, imports what the script imports, and forks."""

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(listening.getsockname(), _Job, bind_and_activate=False)
        self.socket = listening
        self.job: tuple[str, dict[str, str]] = "", {}

    def process_request(self, request: Any, client_address: Any) -> None:
        with request.makefile(encoding="utf-8") as lines:
            self.job = json.loads(lines.readline())
        _import(Path(self.job[0]))
        # Keep the forks' garbage collectors from copying the memory that they share with the server.
        gc.freeze()
        super().process_request(request, client_address)


def _serve(descriptor: str, *scripts: str) -> None:
    """Run jobs until standard input closes."""
    # Ctrl-C reaches the server and its forks as well; clients forward it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The system reaps forks that have ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = _Server(socket.socket(fileno=int(descriptor)))
    try:
        for script in scripts:
            _import(Path(script))
        while sys.stdin not in select([server, sys.stdin], [], [])[0]:
            server.handle_request()
    finally:
        shutil.rmtree(Path(os.environ[ADDRESS]).parent, ignore_errors=True)


def _import(script: Path) -> None:
    """Import what a script imports, and what its libraries import at their first use."""
    try:
        tree = ast.parse(script.read_text(encoding="utf-8"))
        tree.body = [statement for statement in tree.body if isinstance(statement, ast.Import | ast.ImportFrom)]
        exec(compile(tree, str(script), "exec"), {})
        if "torch" in sys.modules:
            # Imported by the first optimizer.
            import_module("torch._dynamo")
        if "pg.report.figures" in sys.modules:
            import_module("pg.report.figures").warm_up()
    except Exception:
        # The script fails likewise in its fork, with a traceback.
        return


def _run(script: str) -> int:
    """Run a script as `python script` does and return its exit status."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _stop_when_closed(connection: socket.socket) -> None:
    """Send SIGTERM to this process when its client forwards a signal or is gone."""
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
