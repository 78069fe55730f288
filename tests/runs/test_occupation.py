"""One run at a time has a results folder; whatever ends a run frees it; jobs of a run that was killed write no more."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pg.runs import occupation, records
from pg.runs.occupation import Occupied, Superseded, check_run, occupy

HOLD = "import sys; from pg.runs.occupation import occupy; lock = occupy(sys.argv[1]); print('held', flush=True); "


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test begin as a process that no run has started, and leave no run behind."""
    monkeypatch.setenv(occupation._VARIABLE, "")


@pytest.fixture
def other(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has the folder."""
    command = [sys.executable, "-c", HOLD + "sys.stdin.read()", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_and_told_whose_the_folder_is(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    before = (tmp_path / ".run.json").read_text(encoding="utf-8")
    with pytest.raises(Occupied, match=rf"another run is at work in .* \(process {other.pid} on .*, since 20"):
        occupy(tmp_path)
    assert (tmp_path / ".run.json").read_text(encoding="utf-8") == before


def test_a_run_that_was_killed_leaves_the_folder_free(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    other.kill()
    other.wait()
    occupy(tmp_path).release()


def test_another_folder_is_another_matter(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    assert other.poll() is None
    occupy(tmp_path / "elsewhere").release()


def test_what_a_killed_run_left_unfinished_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for name in (".partial-1-a.csv", "runs/.partial-2-b.csv", "runs/b.csv"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    occupy(tmp_path).release()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {".lock", ".run.json", "b.csv"}


def test_a_job_of_a_run_that_another_has_taken_over_from_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    occupy(tmp_path).release()
    records.write_json({"by": "the first run"}, path)
    owner = json.loads((tmp_path / ".run.json").read_text(encoding="utf-8"))
    (tmp_path / ".run.json").write_text(json.dumps(owner | {"run": "another"}), encoding="utf-8")
    with pytest.raises(Superseded, match="another has taken over"):
        records.write_json({"by": "an orphan"}, path)
    assert records.read_json(path) == {"by": "the first run"}
    with pytest.raises(Superseded):
        records.write_json({"by": "an orphan"}, tmp_path / "new/b.json")
    assert {path.name for path in tmp_path.iterdir()} == {".lock", ".run.json", "a.json"}
    (tmp_path / ".run.json").unlink()
    with pytest.raises(Superseded):
        check_run()
    monkeypatch.setenv(occupation._VARIABLE, "")
    records.write_json({"by": "hand"}, path)


def test_a_job_whose_unfinished_file_was_cleared_away_is_told_of_the_run_that_took_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupy(tmp_path).release()
    killed = os.environ[occupation._VARIABLE]

    def overtaken(partial: Path) -> None:
        occupy(tmp_path).release()
        monkeypatch.setenv(occupation._VARIABLE, killed)
        raise FileNotFoundError(2, "No such file or directory", str(partial))

    with pytest.raises(Superseded):
        records.atomically(tmp_path / "a.json", overtaken)
