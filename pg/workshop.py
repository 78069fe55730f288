"""Run the pipeline's scripts without importing their libraries for each: a process that has them forks once per job.

A job of seconds spends as many on importing torch, pandas or matplotlib. While a run goes on, a *workshop* waits on a
local socket whose address stands in the environment. A script that is handed over to it runs in a fork of a process
that has imported what the script imports: as untouched by the others as a new process is, and at once. The process that
Snakemake has started for the script waits, passes on that it is to stop, and ends as the fork has ended. The workshop
ends with the run that opened it, however that ends: it watches the pipe that the run holds. Where there is none (a job
on a cluster, a system that cannot fork, a workshop that died), the script goes on where it is, with the same bytes as
result.

Nothing heavy is imported here: who hands over must not pay for it.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import NoReturn

ADDRESS = "PG_WORKSHOP"
"""Environment variable that holds the socket's path."""


def is_open() -> bool:
    """Tell whether there is a workshop to hand a script over to."""
    return ADDRESS in os.environ


def hand_over() -> None:
    """Have the script that is running run in the workshop, and end as it ends; return where the workshop is gone."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ[ADDRESS])
            status = _awaited(connection, json.dumps([sys.argv[0], dict(os.environ)]))
    except OSError:
        return
    if status is not None:
        sys.exit(status)


def open_workshop(*expected: Path) -> subprocess.Popen[bytes] | None:
    """Start a workshop for the jobs that this process starts from now on; None where there can be none.

    Parameters
    ----------
    expected
        Scripts whose libraries it loads while nothing has been handed over yet.
    """
    if sys.platform != "linux":
        # Elsewhere a process that has loaded numerical libraries may not fork.
        return None
    folder = tempfile.mkdtemp(prefix="pg-workshop-")
    address = str(Path(folder, "socket"))
    one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    # Else looking for a GPU would start CUDA in the workshop, and no fork could use it any more.
    no_cuda = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    # The pipe is never written to: it closes when this process ends.
    command = [sys.executable, "-m", "pg.workshop", address, *map(str, expected)]
    workshop = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **one_core, **no_cuda})
    os.environ[ADDRESS] = address
    return workshop


def close_workshop(workshop: subprocess.Popen[bytes] | None) -> None:
    """End a workshop that this process has opened: jobs that it starts from now on run where they are."""
    os.environ.pop(ADDRESS, None)
    if workshop is not None:
        workshop.communicate()


def serve(address: str, *expected: str) -> None:
    """Run the scripts that are handed over at an address until standard input closes."""
    # Ctrl-C reaches this process as well; the run that opened it says what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Forks that have ended need nobody to wait for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(address)
            door.listen(64)
            for script in expected:
                _prepare(Path(script))
            while sys.stdin not in (ready := select.select([door, sys.stdin], [], [])[0]):
                assert ready
                _take(door)
    finally:
        shutil.rmtree(Path(address).parent, ignore_errors=True)


def _take(door: socket.socket) -> None:
    """Import what a script imports, and fork for it."""
    connection, _ = door.accept()
    with connection:
        with connection.makefile(encoding="utf-8") as orders:
            order = orders.readline()
        if order:
            script, environment = json.loads(order)
            _prepare(Path(script))
            # What is loaded stays: no fork needs to look through it for garbage.
            gc.freeze()
            if os.fork() == 0:
                # Else others would knock here when nobody is behind the door any more.
                door.close()
                os.environ.update(environment)
                # Or the script would hand itself over again.
                os.environ.pop(ADDRESS, None)
                _work(connection, script)


def _prepare(script: Path) -> None:
    """Import what a script imports, and what its libraries import at their first use.

    What fails here fails again in the fork, and is told by the script.
    """
    try:
        tree = ast.parse(script.read_text(encoding="utf-8"))
        tree.body = [statement for statement in tree.body if isinstance(statement, ast.Import | ast.ImportFrom)]
        exec(compile(tree, str(script), "exec"), {})
        if "torch" in sys.modules:
            # By its first optimizer.
            import_module("torch._dynamo")
        if "pg.experiments.drawing" in sys.modules:
            import_module("pg.experiments.drawing").warm_up()
    except Exception:
        return


def _work(connection: socket.socket, script: str) -> NoReturn:
    """Run a script in this fork, say how it ended, and end."""
    # It goes on ignoring Ctrl-C: the process that waits for it passes on what it is told.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    Thread(target=_end_with, args=[connection], daemon=True).start()
    try:
        status = _run(script)
        sys.stdout.flush()
        sys.stderr.flush()
        # Who has been answered is gone at once, and need not stop this process.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        connection.sendall(bytes([status]))
    finally:
        # Nothing of the workshop's own, such as its folder, is this fork's to clear away.
        os._exit(0)


def _run(script: str) -> int:
    """Run a script as if a new process did; return the status it would end with."""
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


def _end_with(connection: socket.socket) -> None:
    """Tell this process to stop when the one that waits for it is gone, or has been told to stop."""
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _awaited(connection: socket.socket, order: str) -> int | None:
    """Send a script, and return the status it ends with; None if the workshop has died over it."""
    with _passing_on(connection) as stopped:
        connection.sendall(f"{order}\n".encode())
        answer = connection.recv(1)
    if answer:
        return answer[0]
    return 1 if stopped else None


@contextmanager
def _passing_on(connection: socket.socket) -> Iterator[list[int]]:
    """Pass on that this process is told to stop; a list of how it was told."""
    stopped: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if not stopped:
            connection.shutdown(socket.SHUT_WR)
        stopped.append(number)

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    serve(*sys.argv[1:])
