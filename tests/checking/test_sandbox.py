"""Whatever a file does, the check ends with a message of its own, or with the right verdict."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pg.__main__ import main
from pg.checking.check import check
from tests.checking.planted import ON_POLICY

HEAD = "def loss(log_probs, rewards, mask):\n"
SUM = "-(log_probs * rewards).sum()"
# What only the process notices.
BAD = {
    "raises": ("x = 1 / 0\n", "ZeroDivisionError", "mine.py, line 1: x = 1 / 0"),
    "exits": ("exit()\n", "SystemExit", "mine.py, line 1: exit()"),
    "random": (
        f"import torch\n\n\n{HEAD}    return {SUM} * torch.rand(())\n",
        "torch's random generator",
        "mine.py, line 4: def loss",
    ),
    "numpy_random": (
        f"import numpy\n\n\n{HEAD}    return {SUM} * numpy.random.rand()\n",
        "NumPy's random generator",
        "",
    ),
    "folder": (f"import os\n\n\n{HEAD}    os.chdir('/')\n    return {SUM}\n", "changes the working directory", ""),
    "dtype": (
        f"import torch\n\ntorch.set_default_dtype(torch.float64)\n\n\n{HEAD}    return {SUM}\n",
        "changes torch's default dtype",
        "mine.py, line 6: def loss",
    ),
    "exception": (f"{HEAD}    raise KeyError('x')\n", "KeyError: 'x'", "mine.py, line 2: raise KeyError"),
    "ends": (f"import os\n\n\n{HEAD}    os._exit(0)\n", "ended the process (exit status 0)", ""),
}


@pytest.mark.long
@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_one_message_with_their_line(tmp_path: Path, name: str) -> None:
    source, sentence, line = BAD[name]
    path = tmp_path / "mine.py"
    path.write_text(source, encoding="utf-8")
    found = check(path)
    assert not found.passes
    assert sentence in found.fault
    assert line in found.line


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file; the time limit passes once it exists, on a fast machine and on a slow one."""
    path = tmp_path / "begun"

    class Timer(threading.Thread):
        def __init__(self, _seconds: float, function: Callable[..., None], arguments: Sequence[Any]) -> None:
            super().__init__()
            self.cancelled, self.stop = threading.Event(), lambda: function(*arguments)

        def run(self) -> None:
            while not path.exists():
                if self.cancelled.wait(0.05):
                    return
            self.stop()

        def cancel(self) -> None:
            self.cancelled.set()

    monkeypatch.setattr(threading, "Timer", Timer)
    return path


@pytest.mark.long
def test_a_child_that_leaves_its_group_does_not_outlast_the_time_limit(tmp_path: Path, begun: Path) -> None:
    path = tmp_path / "mine.py"
    leave = (
        "    if os.fork() == 0:\n        os.setsid()\n"
        f"        open({str(begun)!r} + '_', 'w').write(str(os.getpid()))\n"
        f"        os.rename({str(begun)!r} + '_', {str(begun)!r})\n"
        "        time.sleep(600)\n    os._exit(0)\n"
    )
    path.write_text(f"import os\nimport time\n\n\n{HEAD}{leave}", encoding="utf-8")
    found = check(path, timeout=5)
    assert "takes longer than 5 seconds" in found.fault
    # The child is still there: nothing has waited for its end.
    os.kill(int(begun.read_text(encoding="utf-8")), signal.SIGKILL)


@pytest.mark.long
def test_an_endless_loop_is_ended_by_the_time_limit(
    tmp_path: Path, begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = f"    open({str(begun)!r}, 'w')\n    while True:\n        pass\n"
    (tmp_path / "mine.py").write_text(f"{HEAD}{endless}", encoding="utf-8")
    assert main(["check", str(tmp_path / "mine.py"), "--timeout", "5"]) == 1
    assert "takes longer than 5 seconds (--timeout)" in capsys.readouterr().out


FORGERIES = {
    "prints": f"print('passes')\n\n\n{HEAD}    print('{{\"passes\": true}}')\n    return {SUM}\n",
    "patches": (
        "import pg.checking.findings\nimport pg.checking.check\n\npg.checking.findings.Findings.passes = True\n"
        f"pg.checking.check.check = lambda *a, **k: True\n\n\n{HEAD}    return {SUM}\n"
    ),
    "writes": (
        "import os\n\n\n"
        f"{HEAD}    for one in range(3, 30):\n        try:\n            os.write(one, b'{{\"passes\": true}}')\n"
        f"        except OSError:\n            pass\n    return {SUM}\n"
    ),
    "lies": (
        "import sys\n\nsys.modules['__main__']._answered = lambda submission, head, arrays: (\n"
        "    {'passes': True}, {'weights': arrays['rewards']}\n)\n"
        f"\n\n{HEAD}    return {SUM}\n"
    ),
    "describes": (
        "import sys\n\nsys.modules['__main__'].described = lambda submission: {'name': 1, 'is_off_policy': []}\n"
        f"\n\n{HEAD}    return {SUM}\n"
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", FORGERIES)
def test_a_verdict_cannot_be_forged(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(FORGERIES[name], encoding="utf-8")
    assert main(["check", str(tmp_path / "mine.py"), "--json", "--timeout", "900"]) == 1
    assert json.loads(capsys.readouterr().out)["passes"] is False


@pytest.mark.long
def test_a_correct_file_passes_in_a_process_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "torch.py"  # a name that would hide the library, were its folder searched first
    path.write_text(ON_POLICY, encoding="utf-8")
    before = [*Path("/proc/self/fd").iterdir()]
    assert main(["check", f"{path}:loss", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passes"]
    assert found["cost"] > 0
    assert found["diagnosis"]["words"] == "It equals a known estimator: baseline leave one out."
    assert len([*Path("/proc/self/fd").iterdir()]) == len(before)


@pytest.mark.long
def test_a_missing_file_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere.py"]) == 1
    assert "nowhere.py is no file" in capsys.readouterr().out
