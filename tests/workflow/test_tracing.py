"""The digest of a job covers every module in which the job runs a function."""

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pg.study import code
from tests.study.test_any_study import SMOKE
from tests.study.test_code import forget
from tests.workflow.checkout import checkout


@dataclass(frozen=True)
class Trace:
    """What the jobs of the smoke study did: by digest, the files that it covers it from, and the files that ran."""

    folder: Path
    entries: dict[str, list[str]]
    ran: dict[str, set[str]]

    def uncovered(self) -> set[str]:
        """Return the files in which some job ran a function and which its digest does not cover."""
        return {
            file
            for digest, files in self.ran.items()
            for file in files - {str(path) for path in code.covered_files(*map(_entry, self.entries[digest]))}
        }


def _entry(written: str) -> Path | str:
    return Path(written) if written.endswith(".py") else written


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Run the smoke study, which has a job of every kind and a figure of every kind."""
    place = checkout(tmp_path_factory.mktemp("traced"))
    place.write(SMOKE)
    folder = place.folder / "trace"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("tracer.py"), folder / "sitecustomize.py")
    place.complete("all", "slides", PG_TRACE=str(folder), PYTHONPATH=f"{place.folder}{os.pathsep}{folder}")
    entries, ran = {}, defaultdict(set)
    for line in (line for file in folder.glob("*.jsonl") for line in file.read_text(encoding="utf-8").splitlines()):
        digest, value = json.loads(line)
        if isinstance(value, list):
            entries[digest] = value
        else:
            ran[digest].add(value)
    return Trace(place.folder, entries, dict(ran))


@pytest.fixture(autouse=True)
def in_the_checkout(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(code, "_ROOT", trace.folder)
    forget()
    yield
    monkeypatch.undo()
    forget()


def test_digests_cover_all_that_jobs_of_every_stage_run(trace: Trace) -> None:
    ran = {Path(entry).name for digest in trace.ran for entry in trace.entries[digest]}
    assert {path.name for path in (trace.folder / "workflow/scripts").glob("*.py")} - ran == {"job.py"}
    assert trace.uncovered() == set()


@pytest.mark.parametrize("hidden", ["pg/core/randomness.py", "pg/experiments/train/tuning.py", "pg/plotting/style.py"])
def test_an_import_that_the_digest_does_not_cover_is_reported(
    trace: Trace, hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = code._modules
    without = [trace.folder / hidden]
    monkeypatch.setattr(code, "_modules", lambda *given: [path for path in seen(*given) if path not in without])
    assert trace.folder / hidden in {Path(file) for file in trace.uncovered()}
