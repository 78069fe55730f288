"""What is handed over to the workshop runs as it would by itself, says how it ended, and ends with those who wait."""

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
from pg import workshop

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="processes with numerical libraries fork on Linux only"),
]

HANDED_OVER = "from pg import workshop\n\nif workshop.is_open():\n    workshop.hand_over()\n\n"
PATIENCE = 60


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workshop in a folder of its own, which knows the modules in `tmp_path`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    address = tmp_path / "workshop" / "socket"
    address.parent.mkdir()
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "pg.workshop", str(address)], stdin=subprocess.PIPE, stderr=said
        )
    wait_until(address.exists)
    monkeypatch.setenv(workshop.ADDRESS, str(address))
    yield address
    assert process.poll() is None
    process.communicate(timeout=PATIENCE)


def start(folder: Path, text: str) -> subprocess.Popen[str]:
    script = folder / f"script{len(list(folder.iterdir()))}.py"
    script.write_text(HANDED_OVER + text, encoding="utf-8")
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    process = start(folder, text)
    said, complained = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


def test_scripts_share_what_they_import_and_nothing_else(tmp_path: Path, opened: Path) -> None:
    (tmp_path / "imported.py").write_text(
        "from pathlib import Path\nnumbers = []\nwith Path(__file__).with_name('times').open('a') as times:\n"
        "    times.write('once ')\n",
        encoding="utf-8",
    )
    script = "import imported\n\nimported.numbers.append(1)\nopen({!r}, 'w').write(str(imported.numbers))\n"
    for name in ("first", "second"):
        assert run(tmp_path, script.format(str(tmp_path / name))).returncode == 0

    assert [(tmp_path / name).read_text(encoding="utf-8") for name in ("first", "second")] == ["[1]", "[1]"]
    assert (tmp_path / "times").read_text(encoding="utf-8") == "once "
    assert opened.exists()


TRAINING = """
import torch
from pg.runs.recorder import RunRecorder
from pg.runs.records import write_csv
from pg.learning.training import train
from pg.study.jobs import TrainJob

torch.set_num_threads(1)
job = {"environment": {"id": "CartPole-v1"}, "variant": {"batch": 4}, "budget": {"steps": 500}}
job |= {"snapshots": {"late": 1.0}, "seeds": [0, 1]}
recorder = RunRecorder(1000)
train(TrainJob.model_validate(job), 0.01, recorder)
write_csv(recorder.frame(), OUTPUT)
"""


def test_what_is_trained_in_a_workshop_is_what_is_trained_elsewhere(
    tmp_path: Path, opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("there", "there_again"):
        assert run(tmp_path, TRAINING.replace("OUTPUT", repr(str(tmp_path / name)))).returncode == 0
    monkeypatch.delenv(workshop.ADDRESS)
    assert run(tmp_path, TRAINING.replace("OUTPUT", repr(str(tmp_path / "here")))).returncode == 0

    assert opened.exists()
    assert {(tmp_path / name).read_bytes() for name in ("there", "there_again")} == {(tmp_path / "here").read_bytes()}


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("pass", 0),
        ("sys.exit()", 0),
        ("sys.exit(7)", 7),
        ("sys.exit('no')", 1),
        ("1 / 0", 1),
        ("os.kill(os.getpid(), 9)", 5),
    ],
)
def test_who_hands_over_ends_as_the_script_does(ending: str, status: int, tmp_path: Path, opened: Path) -> None:
    """A fork that is killed has said nothing: the script goes on where it was handed over, here to another end."""
    here = f"import os\nimport sys\n\nif os.getppid() == {os.getpid()}:\n    sys.exit(5)\n"

    assert run(tmp_path, f"{here}{ending}\n").returncode == status
    assert opened.exists()


def test_a_script_whose_imports_fail_says_so(tmp_path: Path, opened: Path) -> None:
    assert run(tmp_path, "import no_such_module\n").returncode == 1
    assert run(tmp_path, "pass\n").returncode == 0
    # A fork writes where the workshop does.
    assert "No module named 'no_such_module'" in (tmp_path / "said").read_text(encoding="utf-8")
    assert opened.exists()


def test_a_script_that_is_gone_closes_no_workshop(tmp_path: Path, opened: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(opened))
        connection.sendall(json.dumps([str(tmp_path / "gone.py"), {}]).encode() + b"\n")
        assert connection.recv(1) == bytes([1])

    assert run(tmp_path, "pass\n").returncode == 0
    assert opened.exists()


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_script_stops_when_who_waits_for_it_is_told_to(told: signal.Signals, tmp_path: Path, opened: Path) -> None:
    """It is told by SIGTERM, and may say a last word."""
    script = (
        "import os\nimport signal\nimport sys\nimport time\nfrom pathlib import Path\n\nhere = Path(__file__).parent\n"
        "def last_word(*_):\n    (here / 'stopped').touch()\n    sys.exit(3)\n\n"
        "signal.signal(signal.SIGTERM, last_word)\n(here / 'pid').write_text(str(os.getpid()))\n"
        "(here / 'begun').touch()\ntime.sleep(600)\n"
    )
    waiting = start(tmp_path, script)
    wait_until((tmp_path / "begun").exists)
    fork = Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8"))
    assert fork.exists()
    waiting.send_signal(told)
    waiting.communicate(timeout=PATIENCE)
    wait_until(lambda: not fork.exists())

    assert (tmp_path / "stopped").exists()
    assert waiting.returncode == (-9 if told == signal.SIGKILL else 3)
    assert opened.exists()


def test_a_script_that_cannot_say_a_last_word_does_not_begin_again(tmp_path: Path, opened: Path) -> None:
    script = "import time\nfrom pathlib import Path\n\nPath(__file__).with_name('begun').open('a').write('once ')\n"
    waiting = start(tmp_path, f"{script}time.sleep(600)\n")
    begun = tmp_path / "begun"
    # A file is there before what is written into it.
    wait_until(lambda: begun.exists() and begun.read_text(encoding="utf-8"))
    waiting.terminate()
    waiting.communicate(timeout=PATIENCE)

    assert waiting.returncode == 1
    assert begun.read_text(encoding="utf-8") == "once "
    assert opened.exists()


def test_a_script_keeps_the_environment_that_it_was_started_in(
    tmp_path: Path, opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Set when the workshop has been open for a while, as the number of a run is.
    monkeypatch.setenv("PG_RUN", "7")

    assert (
        run(tmp_path, f"import os\n\nopen({str(tmp_path / 'run')!r}, 'w').write(os.environ['PG_RUN'])\n").returncode
        == 0
    )
    assert (tmp_path / "run").read_text(encoding="utf-8") == "7"
    assert opened.exists()


def test_a_script_whose_workshop_is_gone_goes_on_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(workshop.ADDRESS, str(tmp_path / "nowhere"))

    assert run(tmp_path, "print('here')\n").stdout == "here\n"


def test_a_workshop_ends_with_the_run_that_opened_it_and_leaves_nothing_behind() -> None:
    opening = (
        "import os, pg.workshop; pg.workshop.open_workshop(); address = os.environ['PG_WORKSHOP']\n"
        "while not os.path.exists(address): pass\n"
        "print(os.path.dirname(address), flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", opening], capture_output=True, text=True, check=False, timeout=60)
    folder = Path(killed.stdout.strip())
    wait_until(lambda: not folder.exists())

    assert folder.name.startswith("pg-workshop-")


def test_what_expected_scripts_import_is_loaded_before_any_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv(workshop.ADDRESS, raising=False)
    (tmp_path / "imported.py").write_text("open(__file__ + '.loaded', 'w').close()\n", encoding="utf-8")
    (tmp_path / "expected.py").write_text("import imported\n\nraise RuntimeError('ran')\n", encoding="utf-8")
    opened = workshop.open_workshop(tmp_path / "expected.py")
    assert opened is not None
    wait_until((tmp_path / "imported.py.loaded").exists)
    assert workshop.is_open()

    workshop.close_workshop(opened)

    assert opened.returncode == 0
    assert not workshop.is_open()


def test_scripts_are_handed_over_without_importing_what_they_need() -> None:
    heavy = "import sys, pg.workshop; sys.exit(any(name in sys.modules for name in ('numpy', 'torch', 'pydantic')))"

    assert subprocess.run([sys.executable, "-c", heavy], check=False).returncode == 0
