"""Errors that a user can fix are one line in the log and on the terminal; bugs keep their tracebacks."""

import errno
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pg.core.errors import UserError
from pg.runs.files import read_json, write_json
from pg.runs.logs import Stopped, log_to, user_message
from pg.runs.provenance import logged_code, provenance

PROGRAM = "import sys\nfrom pg.runs import logs, tables\nlogs.log_to(sys.argv[1], '1234')\n"


def job(tmp_path: Path, body: str) -> tuple[str, str]:
    """Run a failing job; return its standard error and its log."""
    command = [sys.executable, "-c", PROGRAM + body, str(tmp_path / "job.log")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr, (tmp_path / "job.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.csv"), "a.csv: cannot be written (No space left"),
        (OSError(errno.EROFS, "Read-only file system", "a.csv"), "a.csv: cannot be written (Read-only file system)"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "cannot be written (Disk quota exceeded); fix this and rerun"),
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "a.csv: cannot be written (Permission denied)"),
        (UserError("a.csv, line 3: is cut off"), "a.csv, line 3: is cut off"),
        (KeyboardInterrupt(), "interrupted; rerun the same command to continue"),
        (Stopped(), "interrupted; rerun the same command to continue"),
        (MemoryError(), "out of memory; lower the batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9"), "out of memory; lower the batch"),
        (RuntimeError("Error(s) in loading state_dict:\n size mismatch"), "does not fit the policy"),
    ],
)
def test_an_error_that_a_user_can_fix_is_one_line(error: BaseException, message: str) -> None:
    line = user_message(error)
    assert line is not None
    assert message in line
    assert "\n" not in line


def test_a_bug_has_no_message_for_users() -> None:
    assert user_message(ValueError("shapes differ")) is None
    assert user_message(OSError(errno.ENOENT, "No such file or directory", "a")) is None


@pytest.mark.long
@pytest.mark.parametrize(
    ("body", "message", "traceback"),
    [
        ("tables.read_csv('a.csv')", "a.csv, line 2: is cut off", False),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "interrupted; rerun the same command", False),
        ("1 / 0", "ZeroDivisionError", True),
    ],
    ids=["damaged input", "SIGTERM", "bug"],
)
def test_a_failing_job_explains_itself_on_terminal_and_in_log(
    body: str, message: str, traceback: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("seed,steps\n1,", encoding="utf-8")
    for text in job(tmp_path, body):
        assert message in text
        assert ("Traceback" in text) == traceback


def test_a_full_disk_keeps_the_old_file_and_names_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.json"
    write_json({"a": 1}, path)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_json({"a": 2}, path)
    assert str(user_message(caught.value)).startswith(f"{path}: cannot be written (No space left on device)")
    monkeypatch.undo()
    assert read_json(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.long
def test_a_new_log_is_a_new_file(tmp_path: Path) -> None:
    """A job of a killed run may still write into the old one."""
    path = tmp_path / "job.log"
    with path.open("w", encoding="utf-8") as old:
        job(tmp_path, "1 / 0")
        old.write("late")
        old.flush()
        assert "late" not in path.read_text(encoding="utf-8")


@pytest.fixture
def _handlers() -> Iterator[None]:
    logger = logging.getLogger("pg")
    before = list(logger.handlers)
    yield
    for handler in set(logger.handlers) - set(before):
        handler.close()
        logger.removeHandler(handler)


@pytest.mark.usefixtures("_handlers")
def test_a_log_begins_with_the_code_of_its_job(tmp_path: Path) -> None:
    log_to(tmp_path / "a.log", "1234abcd")
    assert logged_code(tmp_path / "a.log") == "1234abcd"
    (tmp_path / "empty.log").write_text("12:00:00 iteration 1\n", encoding="utf-8")
    assert logged_code(tmp_path / "empty.log") is None
    assert logged_code(tmp_path / "missing.log") is None


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        (["new", "new"], "2 of 2 jobs that train or measure ran the present code"),
        (["new", "old"], "mixed: 1 of 2 jobs that train or measure ran the present code; other code made {1}"),
        (["new", None], "1 of 2 jobs that train or measure ran the present code, 1 left no log"),
    ],
)
def test_jobs_that_ran_other_code_are_named(logged: list[str | None], expected: str, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.log") for number in range(len(logged))]
    for path, code in zip(paths, logged, strict=True):
        if code is not None:
            Path(path).write_text(f"12:00:00 code {code}\n12:00:01 iteration 1\n", encoding="utf-8")
    rows = provenance("snakemake", "config", tmp_path / "none", dict.fromkeys(paths, "new"))
    assert rows["Code of the jobs"] == expected.format(*paths)


def test_seconds_are_summed_over_jobs_and_by_stage(tmp_path: Path) -> None:
    for name, seconds in {"tune/a": 30.0, "train/a/b": 60.0, "train/c": 90.0, "claims": 6.0}.items():
        file = tmp_path / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\th:m:s\n{seconds}\t0:00:01\n", encoding="utf-8")
    rows = provenance("snakemake", "config", tmp_path, {})
    assert rows["Time in jobs"] == "3.1 minutes of one core, in 4 jobs"
    assert [(name, value) for name, value in rows.items() if name.startswith("… ")] == [
        ("… train", "2.5 minutes, in 2 jobs"),
        ("… tune", "0.5 minutes, in 1 jobs"),
        ("… claims", "0.1 minutes, in 1 jobs"),
    ]
