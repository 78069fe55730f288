"""A script that runs in a fork of the server behaves, ends and is stopped like a script in its own process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pg import fork_server

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="the server forks on Linux only"),
]

CLIENT = "from pg import fork_server\n\nif fork_server.is_running():\n    fork_server.run_script()\n\n"
SECONDS = 60


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server that can import the modules in `tmp_path`; its socket."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv(fork_server.ADDRESS, "")
    (tmp_path / "at_start.py").write_text("open(__file__ + '.imported', 'w').close()\n", encoding="utf-8")
    (tmp_path / "expected.py").write_text("import at_start\n\nraise RuntimeError('ran')\n", encoding="utf-8")
    process = fork_server.start(tmp_path / "expected.py")
    address = Path(os.environ[fork_server.ADDRESS])
    assert process is not None
    yield address
    assert process.poll() is None, "no job may stop the server"
    monkeypatch.setenv(fork_server.ADDRESS, "")
    fork_server.stop(process)
    assert process.returncode == 0
    assert not fork_server.is_running()
    assert not address.parent.exists()


def start(folder: Path, text: str) -> subprocess.Popen[str]:
    script = folder / f"script{len(list(folder.iterdir()))}.py"
    script.write_text(CLIENT + text, encoding="utf-8")
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def status(folder: Path, text: str) -> int:
    process = start(folder, text)
    process.communicate(timeout=SECONDS)
    return process.returncode


def test_libraries_of_the_given_scripts_are_imported_at_start(tmp_path: Path, server: Path) -> None:
    wait_until((tmp_path / "at_start.py.imported").exists)
    assert server.exists()


def test_scripts_share_imported_modules_and_no_state(tmp_path: Path, server: Path) -> None:
    (tmp_path / "imported.py").write_text(
        "from pathlib import Path\nnumbers = []\nwith Path(__file__).with_name('times').open('a') as times:\n"
        "    times.write('once ')\n",
        encoding="utf-8",
    )
    script = "import imported\n\nimported.numbers.append(1)\nopen({!r}, 'w').write(str(imported.numbers))\n"
    for name in ("first", "second"):
        assert status(tmp_path, script.format(str(tmp_path / name))) == 0
        assert (tmp_path / name).read_text(encoding="utf-8") == "[1]"
    assert (tmp_path / "times").read_text(encoding="utf-8") == "once "
    assert server.exists()


TRAINING = """
import torch
from pg.runs.recorder import RunRecorder
from pg.learning.training import train
from pg.runs.tables import write_csv
from pg.learning.job import TrainJob

torch.set_num_threads(1)
job = {"environment": {"id": "CartPole-v1"}, "variant": {"batch": 4}, "budget": {"steps": 500}}
job |= {"snapshots": {"late": 1.0}, "seeds": [0, 1]}
recorder = RunRecorder(1000)
train(TrainJob.model_validate(job), 0.01, recorder)
write_csv(recorder.frame(), OUTPUT)
"""


def test_a_fork_trains_the_same_bytes_as_a_process_of_its_own(
    tmp_path: Path, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.exists()
    for name in ("fork", "second_fork", "own_process"):
        if name == "own_process":
            monkeypatch.delenv(fork_server.ADDRESS)
        assert status(tmp_path, TRAINING.replace("OUTPUT", repr(str(tmp_path / name)))) == 0
    forks = {(tmp_path / name).read_bytes() for name in ("fork", "second_fork")}
    assert forks == {(tmp_path / "own_process").read_bytes()}


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("pass", 0),
        ("sys.exit()", 0),
        ("sys.exit(7)", 7),
        ("sys.exit('no')", 1),
        ("1 / 0", 1),
        ("import no_such_module", 1),
        ("os.kill(os.getpid(), 9)", 1),
    ],
)
def test_the_client_exits_with_the_script_s_status(ending: str, expected: int, tmp_path: Path, server: Path) -> None:
    """The script never runs in the client: there it would exit with 5."""
    in_client = f"import os\nimport sys\n\nif os.getppid() == {os.getpid()}:\n    sys.exit(5)\n"
    assert status(tmp_path, f"{in_client}{ending}\n") == expected
    assert server.exists()


def test_a_failing_script_prints_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(f"{CLIENT}import no_such_module\n", encoding="utf-8")
    program = (
        "import subprocess, sys; from pg import fork_server; server = fork_server.start()\n"
        "subprocess.run([sys.executable, 'failing.py']); fork_server.stop(server)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert "No module named 'no_such_module'" in done.stderr


@pytest.mark.parametrize("sent", [json.dumps(["gone.py", {}]) + "\n", '["cut o', ""])
def test_the_server_survives_missing_scripts_and_cut_requests(sent: str, tmp_path: Path, server: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server))
        connection.sendall(sent.encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) in (b"", b"\1")
    assert status(tmp_path, "pass\n") == 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_client_stops_the_fork_with_sigterm(sent: signal.Signals, tmp_path: Path, server: Path) -> None:
    script = (
        "import os\nimport signal\nimport sys\nimport time\nfrom pathlib import Path\n\nhere = Path(__file__).parent\n"
        "def stop(*_):\n    (here / 'stopped').touch()\n    sys.exit(3)\n\n"
        "signal.signal(signal.SIGTERM, stop)\n(here / 'pid').write_text(str(os.getpid()))\n"
        "(here / 'begun').touch()\ntime.sleep(600)\n"
    )
    client = start(tmp_path, script)
    wait_until((tmp_path / "begun").exists)
    fork = Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8"))
    assert fork.exists()
    client.send_signal(sent)
    client.communicate(timeout=SECONDS)
    wait_until(lambda: not fork.exists())
    assert (tmp_path / "stopped").exists()
    assert client.returncode == (-9 if sent == signal.SIGKILL else 3)
    assert server.exists()


def test_script_without_a_signal_handler_stops_and_runs_once(tmp_path: Path, server: Path) -> None:
    script = "import time\nfrom pathlib import Path\n\nPath(__file__).with_name('begun').open('a').write('once ')\n"
    client = start(tmp_path, f"{script}time.sleep(600)\n")
    begun = tmp_path / "begun"
    # The file exists before its text is written.
    wait_until(lambda: begun.exists() and begun.read_text(encoding="utf-8"))
    client.terminate()
    client.communicate(timeout=SECONDS)
    assert client.returncode == 1
    assert begun.read_text(encoding="utf-8") == "once "
    assert server.exists()


def test_a_script_sees_the_environment_of_its_client(
    tmp_path: Path, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Set after the server has started, like the number of a run.
    monkeypatch.setenv("PG_RUN", "7")
    assert status(tmp_path, f"import os\n\nopen({str(tmp_path / 'run')!r}, 'w').write(os.environ['PG_RUN'])\n") == 0
    assert (tmp_path / "run").read_text(encoding="utf-8") == "7"
    assert server.exists()


def test_without_a_server_a_script_runs_in_its_own_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fork_server.ADDRESS, str(tmp_path / "nowhere"))
    assert start(tmp_path, "print('here')\n").communicate(timeout=SECONDS)[0] == "here\n"


def test_server_exits_when_its_parent_is_killed() -> None:
    program = (
        "import os, pathlib; from pg import fork_server; fork_server.start()\n"
        "print(os.environ[fork_server.ADDRESS], flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    folder = Path(killed.stdout.strip()).parent
    assert folder.name.startswith("pg-fork-server-")
    wait_until(lambda: not folder.exists())


def test_clients_import_no_heavy_library() -> None:
    program = (
        "import sys, pg.fork_server; sys.exit(any(name in sys.modules for name in ('numpy', 'torch', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
