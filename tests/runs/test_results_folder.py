"""A results folder belongs to one study; one run at a time writes into it, and jobs of a killed run stop writing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pg.runs.files import RUN_VARIABLE, Superseded, read_json, write_json
from pg.runs.results_folder import MARK, FolderInUse, lock, mark, study_of

LOCK = (
    "import sys; from pathlib import Path; from pg.runs.results_folder import lock; held = lock(Path(sys.argv[1])); "
    "print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def _outside_any_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN_VARIABLE, "")


@pytest.fixture
def other(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has locked the folder."""
    command = [sys.executable, "-c", LOCK, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("name", ["One", "'Zoë' $(x)\n\"<b>\""])
def test_a_folder_names_its_study(name: str, tmp_path: Path) -> None:
    assert study_of(tmp_path) is None
    mark(tmp_path, name)
    assert study_of(tmp_path) == name


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 3}', "\0"])
def test_a_damaged_mark_is_replaced(content: str, tmp_path: Path) -> None:
    (tmp_path / MARK).write_text(content, encoding="utf-8")
    assert study_of(tmp_path) is None
    mark(tmp_path, "One")
    assert json.loads((tmp_path / MARK).read_text(encoding="utf-8")) == {"name": "One"}


def test_a_second_run_is_refused_with_the_first_one_s_process(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    before = (tmp_path / ".run.json").read_text(encoding="utf-8")
    with pytest.raises(FolderInUse, match=rf"another run is writing into .* \(process {other.pid} on .*, since 20"):
        lock(tmp_path)
    assert (tmp_path / ".run.json").read_text(encoding="utf-8") == before
    lock(tmp_path / "elsewhere").release()


def test_a_killed_run_releases_its_lock(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    other.kill()
    other.wait()
    lock(tmp_path).release()


def test_a_run_deletes_unfinished_files(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for name in (".partial-1-a.csv", "runs/.partial-2-b.csv", "runs/b.csv"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    lock(tmp_path).release()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {".lock", ".run.json", "b.csv"}


def test_a_run_leaves_the_unfinished_files_of_another_study_in_a_folder_below(tmp_path: Path) -> None:
    """The results of the smoke study are in a folder of those of the default study."""
    held = lock(tmp_path / "smoke")
    unfinished = tmp_path / "smoke/runs/.partial-1-a.csv"
    unfinished.parent.mkdir()
    unfinished.write_text("x", encoding="utf-8")
    lock(tmp_path).release()
    assert unfinished.exists()
    held.release()
    lock(tmp_path / "smoke").release()
    assert not unfinished.exists()


def test_job_of_a_killed_run_writes_nothing_once_superseded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, run_file = tmp_path / "a.json", tmp_path / ".run.json"
    lock(tmp_path).release()
    write_json({"by": "the first run"}, path)
    run_file.write_text(json.dumps(read_json(run_file) | {"run": "another"}), encoding="utf-8")
    for place in (path, tmp_path / "new/b.json"):
        with pytest.raises(Superseded, match="a later run has started"):
            write_json({"by": "a job of the first run"}, place)
    assert read_json(path) == {"by": "the first run"}
    assert {path.name for path in tmp_path.iterdir()} == {".lock", ".run.json", "a.json"}
    run_file.unlink()
    with pytest.raises(Superseded):
        write_json({"by": "a job of the first run"}, path)
    monkeypatch.setenv(RUN_VARIABLE, "")
    write_json({"by": "hand"}, path)


def test_a_job_paused_before_its_rename_cannot_rename_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run starts between the check and the rename of a job."""
    path, replace = tmp_path / "a.json", Path.replace
    lock(tmp_path).release()
    killed = os.environ[RUN_VARIABLE]
    write_json({"by": "the first run"}, path)

    def paused(unfinished: Path, target: Path) -> Path:
        def named(new: Path, run_file: Path) -> Path:
            with pytest.raises(FileNotFoundError):
                replace(unfinished, target)
            return replace(new, run_file)

        monkeypatch.setattr(Path, "replace", named)
        lock(tmp_path).release()
        monkeypatch.setenv(RUN_VARIABLE, killed)
        return replace(unfinished, target)

    monkeypatch.setattr(Path, "replace", paused)
    with pytest.raises(Superseded):
        write_json({"by": "a job of the first run"}, path)
    assert read_json(path) == {"by": "the first run"}
