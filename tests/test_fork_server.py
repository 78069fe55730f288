"""A job that runs in a fork of the server behaves, ends and is stopped like a job in its own process."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent
from types import SimpleNamespace

import pytest
from pg import fork_server

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="the server forks on Linux only"),
]

CLIENT = """
import sys
from pathlib import Path
from types import SimpleNamespace
from pg import fork_server

script = Path(sys.argv[1])
fork_server.run_job(script, SimpleNamespace(log=[script.with_suffix(".log")], params=SimpleNamespace(code="")))
"""
SECONDS = 900


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A server that can import the modules in `tmp_path`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv(fork_server.ADDRESS, "")
    (tmp_path / "at_start.py").write_text("open(__file__ + '.imported', 'w').close()\n", encoding="utf-8")
    (tmp_path / "expected.py").write_text("import at_start\n\nraise RuntimeError('ran')\n", encoding="utf-8")
    process = fork_server.start(tmp_path / "expected.py")
    assert process is not None
    yield process
    assert process.poll() is None, "no job may stop the server"
    fork_server.stop(process)
    assert process.returncode == 0
    assert fork_server.ADDRESS not in os.environ


def start(folder: Path, body: str, head: str = "import os, sys") -> subprocess.Popen[str]:
    """Start a job whose script has this body of `run`."""
    script = folder / f"script{len(list(folder.iterdir()))}.py"
    script.write_text(f"{head}\n\n\ndef run(job):\n{indent(body, '    ')}\n", encoding="utf-8")
    command = [sys.executable, "-c", CLIENT, str(script)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def status(folder: Path, body: str, head: str = "import os, sys") -> int:
    process = start(folder, body, head)
    process.communicate(timeout=SECONDS)
    return process.returncode


@pytest.mark.usefixtures("server")
def test_libraries_of_the_given_scripts_are_imported_at_start(tmp_path: Path) -> None:
    wait_until((tmp_path / "at_start.py.imported").exists)


@pytest.mark.usefixtures("server")
def test_jobs_share_imported_modules_and_no_state(tmp_path: Path) -> None:
    (tmp_path / "imported.py").write_text(
        "from pathlib import Path\nnumbers = []\nwith Path(__file__).with_name('times').open('a') as times:\n"
        "    times.write('once ')\n",
        encoding="utf-8",
    )
    body = "imported.numbers.append(1)\nopen({!r}, 'w').write(str(imported.numbers))"
    for name in ("first", "second"):
        assert status(tmp_path, body.format(str(tmp_path / name)), "import imported") == 0
        assert (tmp_path / name).read_text(encoding="utf-8") == "[1]"
    assert (tmp_path / "times").read_text(encoding="utf-8") == "once "


TRAINING = """
torch.set_num_threads(1)
job = {"environment": {"id": "CartPole-v1"}, "variant": {"batch": 4}, "budget": {"steps": 500}}
job |= {"snapshots": {"late": 1.0}, "seeds": [0, 1]}
recorder = RunRecorder(1000)
train(TrainJob.model_validate(job), {0: 0.01, 1: 0.01}, recorder)
write_csv(recorder.frame(), OUTPUT)
"""
IMPORTS = """
import torch
from pg.runs.recorder import RunRecorder
from pg.learning.training import train
from pg.runs.tables import write_csv
from pg.learning.job import TrainJob
"""


@pytest.mark.usefixtures("server")
def test_a_fork_trains_the_same_bytes_as_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fork", "second_fork", "own_process"):
        if name == "own_process":
            monkeypatch.delenv(fork_server.ADDRESS)
        assert status(tmp_path, TRAINING.replace("OUTPUT", repr(str(tmp_path / name))), IMPORTS) == 0
    forks = {(tmp_path / name).read_bytes() for name in ("fork", "second_fork")}
    assert forks == {(tmp_path / "own_process").read_bytes()}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("ending", "expected"), [("pass", 0), ("1 / 0", 1), ("os.kill(os.getpid(), 9)", 1)])
def test_the_client_exits_with_the_job_s_status(ending: str, expected: int, tmp_path: Path) -> None:
    """The job never runs in the client: there it would exit with 5."""
    assert status(tmp_path, f"if os.getppid() == {os.getpid()}:\n    sys.exit(5)\n{ending}") == expected


def test_a_failing_import_prints_its_traceback_and_logs_it(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text("import no_such_module\n", encoding="utf-8")
    (tmp_path / "client.py").write_text(CLIENT, encoding="utf-8")
    program = (
        "import subprocess, sys; from pg import fork_server; server = fork_server.start()\n"
        "subprocess.run([sys.executable, 'client.py', 'failing.py']); fork_server.stop(server)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS)
    for text in (done.stderr, (tmp_path / "failing.log").read_text(encoding="utf-8")):
        assert "No module named 'no_such_module'" in text


JOB = SimpleNamespace(log=["/dev/null"], params=SimpleNamespace(code=""))


def connected() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"\0{os.environ[fork_server.ADDRESS]}")
    return connection


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("sent", [pickle.dumps((Path("gone.py"), JOB, {})), b"\x80\x04cut o", b"no pickle", b"", None])
def test_the_server_survives_missing_scripts_and_cut_requests(sent: bytes | None, tmp_path: Path) -> None:
    with connected() as connection, (tmp_path / "sent").open("w+b") as file:
        if sent is None:
            connection.sendall(b"\0")
        else:
            file.write(sent)
            file.flush()
            socket.send_fds(connection, [b"\0"], [file.fileno()])
        assert connection.recv(1) in (b"", b"\1")
    assert status(tmp_path, "pass") == 0


@pytest.mark.usefixtures("server")
def test_jobs_do_not_wait_for_clients_that_send_nothing(tmp_path: Path) -> None:
    with connected(), connected():
        assert status(tmp_path, "pass") == 0


OTHER_USER = """
import os, socket
os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
connection.connect("\\0" + os.environ["PG_FORK_SERVER"])
print(connection.recv(1))
"""


@pytest.mark.usefixtures("server")
@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_the_server_hangs_up_on_other_users(tmp_path: Path) -> None:
    other = subprocess.run(
        [sys.executable, "-c", OTHER_USER], capture_output=True, text=True, check=True, timeout=SECONDS
    )
    assert other.stdout == "b''\n"
    assert status(tmp_path, "pass") == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_a_client_sends_nothing_to_a_server_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the server is gone, anybody may take its name."""
    monkeypatch.setenv(fork_server.ADDRESS, "pg-test-of-another-user")
    program = OTHER_USER.replace("connect(", "bind(").replace(
        "print(connection.recv(1))", "connection.listen(); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as other:
        wait_until(lambda: "@pg-test-of-another-user" in Path("/proc/net/unix").read_text(encoding="utf-8"))
        process = start(tmp_path, "print(os.getpid())")
        assert process.communicate(timeout=SECONDS)[0] == f"{process.pid}\n"
        other.communicate()


WAITING = """
here = Path(__file__).parent
(here / "pid").write_text(str(os.getpid()))
(here / "begun").open("a").write("once ")
try:
    time.sleep(600)
except KeyboardInterrupt:
    (here / "stopped").touch()
    raise
"""


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_client_stops_the_fork_with_sigterm(sent: signal.Signals, tmp_path: Path) -> None:
    client, begun = start(tmp_path, WAITING, "import os, time\nfrom pathlib import Path"), tmp_path / "begun"
    # The file exists before its text is written.
    wait_until(lambda: begun.exists() and begun.read_text(encoding="utf-8"))
    fork = Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8"))
    assert fork.exists()
    client.send_signal(sent)
    client.communicate(timeout=SECONDS)
    wait_until(lambda: not fork.exists())
    assert (tmp_path / "stopped").exists()
    assert begun.read_text(encoding="utf-8") == "once "
    assert client.returncode == (-9 if sent == signal.SIGKILL else 1)


@pytest.mark.usefixtures("server")
def test_a_job_sees_the_environment_of_its_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Set after the server has started, like the identifier of a run.
    monkeypatch.setenv("PG_RUN", "7")
    assert status(tmp_path, f"open({str(tmp_path / 'run')!r}, 'w').write(os.environ['PG_RUN'])") == 0
    assert (tmp_path / "run").read_text(encoding="utf-8") == "7"


@pytest.mark.parametrize("address", [None, "nowhere"])
def test_without_a_server_a_job_runs_in_its_own_process(
    address: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(fork_server.ADDRESS, raising=False)
    if address is not None:
        monkeypatch.setenv(fork_server.ADDRESS, str(tmp_path / address))
    process = start(tmp_path, "print(os.getpid())")
    assert process.communicate(timeout=SECONDS)[0] == f"{process.pid}\n"


@pytest.mark.parametrize("killed", ["parent", "group"])
def test_server_exits_when_its_parent_is_killed_and_leaves_no_file(killed: str, tmp_path: Path) -> None:
    folder = tmp_path / ("too_long_for_the_path_of_a_socket" * 4)
    folder.mkdir()
    kill = "os.kill(os.getpid(), 9)" if killed == "parent" else "os.killpg(0, 9)"
    program = (
        "import os; from pg import fork_server; server = fork_server.start()\n"
        f"print(server.pid, os.environ[fork_server.ADDRESS], flush=True); {kill}"
    )
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, start_new_session=True)
    server, name = run.stdout.split()
    wait_until(lambda: not Path("/proc", server).exists())
    assert f"@{name}" not in Path("/proc/net/unix").read_text(encoding="utf-8")
    assert not list(folder.iterdir())


def test_clients_import_no_heavy_library() -> None:
    program = (
        "import sys, pg.fork_server; sys.exit(any(name in sys.modules for name in ('numpy', 'torch', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
