"""What a person can do something about is told in one line; what is a bug keeps its traceback."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from pg.runs import records
from pg.runs.logs import Stopped, explained
from pg.runs.occupation import Superseded
from pg.runs.tabular_files import UnreadableRecord

PROGRAM = """
import sys
from pathlib import Path
from pg.runs import logs
from pg.runs import records
logs.log_to(sys.argv[1], "1234")
{body}
"""


def job(tmp_path: Path, body: str) -> tuple[str, str]:
    """Run a job; return what it says on the terminal, and its log."""
    command = [sys.executable, "-c", PROGRAM.format(body=body), str(tmp_path / "job.log")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr, (tmp_path / "job.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.csv"), "a.csv: cannot be written (No space left"),
        (OSError(errno.EROFS, "Read-only file system", "a.csv"), "a.csv: cannot be written (Read-only file system)"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "cannot be written (Disk quota exceeded); what was finished"),
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "a.csv: cannot be written (Permission denied)"),
        (UnreadableRecord("a.csv, line 3: is cut off"), "a.csv, line 3: is cut off"),
        (Superseded("another has taken over"), "another has taken over"),
        (KeyboardInterrupt(), "interrupted; the same command goes on from here"),
        (Stopped(), "interrupted; the same command goes on from here"),
        (MemoryError(), "out of memory; lower the batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9"), "out of memory; lower the batch"),
    ],
)
def test_what_a_person_can_mend_is_said_in_one_line(error: BaseException, message: str) -> None:
    said = explained(error)
    assert said is not None
    assert message in said
    assert "\n" not in said


def test_a_bug_is_not_explained_away() -> None:
    assert explained(ValueError("shapes differ")) is None
    assert explained(OSError(errno.ENOENT, "No such file or directory", "a")) is None


@pytest.mark.long
def test_a_damaged_input_is_named_on_the_terminal_and_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("seed,steps\n1,", encoding="utf-8")
    terminal, log = job(tmp_path, "records.read_csv('a.csv')")
    assert terminal.startswith("a.csv, line 2: is cut off")
    assert "a.csv, line 2: is cut off" in log
    assert "Traceback" not in terminal + log


@pytest.mark.long
def test_a_job_that_is_told_to_stop_says_so(tmp_path: Path) -> None:
    terminal, log = job(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert "interrupted; the same command goes on from here" in terminal
    assert "interrupted" in log
    assert "Traceback" not in terminal + log


@pytest.mark.long
def test_a_bug_leaves_its_traceback_in_both(tmp_path: Path) -> None:
    terminal, log = job(tmp_path, "1 / 0")
    assert "ZeroDivisionError" in terminal
    assert "a bug of this program:" in log
    assert "ZeroDivisionError" in log


def test_a_full_disk_leaves_the_earlier_file_and_names_the_one_that_was_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    records.write_json({"a": 1}, path)

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left") as caught:
        records.write_json({"a": 2}, path)
    assert explained(caught.value) is not None
    assert str(explained(caught.value)).startswith(f"{path}: cannot be written (No space left on device)")
    monkeypatch.undo()
    assert records.read_json(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.long
def test_a_log_that_is_begun_anew_is_another_file(tmp_path: Path) -> None:
    """A job of a run that was killed may still write to the former one."""
    path = tmp_path / "job.log"
    with path.open("w", encoding="utf-8") as orphan:
        job(tmp_path, "1 / 0")
        orphan.write("late")
        orphan.flush()
        assert "late" not in path.read_text(encoding="utf-8")
