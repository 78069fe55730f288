"""Draw many figures without importing the libraries for each: a process that has them forks once per figure.

A job that draws spends most of its time on importing matplotlib, seaborn and pandas. While a run goes on, a *studio*
waits on a local socket whose address stands in the environment; at the first order it imports what drawing needs, and
then draws every order in a fork of its own, as untouched by the others as a new process is. It ends with the run that
opened it, however that ends: it watches the pipe that the run holds. Where there is none (a job on a cluster, a system
that cannot fork, a studio that died), a job draws by itself, with the same bytes as result.

Nothing heavy is imported here: orders come from jobs that must not pay for it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

ADDRESS = "PG_STUDIO"
"""Environment variable that holds the socket's path."""

Order = Mapping[str, Any]
"""Keyword arguments of `pg.drawing.draw_figure`."""


class DrawingFailed(Exception):
    """A figure that could not be drawn; the message says what to do about it, or holds the traceback of a bug."""


def draw(order: Order) -> None:
    """Have a figure drawn in the studio, or draw it here where none is open.

    Raises
    ------
    DrawingFailed
        If it could not be drawn.
    """
    answer = _ask(order)
    if said := _drawing(order) if answer is None else answer:
        raise DrawingFailed(said)


def open_studio() -> None:
    """Start a studio for the jobs that this process starts from now on."""
    if sys.platform != "linux":
        # Elsewhere a process that has loaded numerical libraries may not fork.
        return
    folder = tempfile.mkdtemp(prefix="pg-studio-")
    os.environ[ADDRESS] = str(Path(folder, "socket"))
    command = [sys.executable, "-m", "pg.studio", os.environ[ADDRESS]]
    one_core = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    # The pipe is never written to: it closes when this process ends.
    subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **one_core})


def serve(address: str) -> None:
    """Draw what is ordered at an address until standard input closes."""
    # Ctrl-C reaches this process as well; the run that opened it says what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Forks that have ended need nobody to wait for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with socket.socket(socket.AF_UNIX) as orders:
            orders.bind(address)
            orders.listen(64)
            while sys.stdin not in (ready := select.select([orders, sys.stdin], [], [])[0]):
                assert ready
                _take(orders)
    finally:
        shutil.rmtree(Path(address).parent, ignore_errors=True)


def _take(orders: socket.socket) -> None:
    """Fork for one order."""
    _load()
    connection, _ = orders.accept()
    with connection:
        if os.fork() == 0:
            _answer(connection)


def _load() -> None:
    """Import what drawing needs, and let it load what it loads at first use; once."""
    if "pg.drawing" not in sys.modules:
        import_module("pg.drawing").warm_up()


def _answer(connection: socket.socket) -> None:
    """Draw one order in this fork, and end it."""
    with connection.makefile("rw", encoding="utf-8") as talk:
        talk.write(json.dumps(_drawing(json.loads(talk.readline()))) + "\n")
    # Nothing of the studio's own, such as its folder, is this fork's to clear away.
    os._exit(0)


def _ask(order: Order) -> str | None:
    """Send an order to the studio; None where there is no answer."""
    address = os.environ.get(ADDRESS)
    if address is None:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            with connection.makefile("rw", encoding="utf-8") as talk:
                talk.write(json.dumps(order) + "\n")
                talk.flush()
                answer = talk.readline()
    except OSError:
        return None
    return json.loads(answer) if answer else None


def _drawing(order: Order) -> str:
    """Draw an order in this process; return what went wrong, nothing if all is well."""
    try:
        import_module("pg.drawing").draw_figure(**order)
    except Exception as error:
        return import_module("pg.evidence.logs").explained(error) or traceback.format_exc()
    return ""


if __name__ == "__main__":
    serve(sys.argv[1])
