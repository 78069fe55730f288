"""The studio draws what a job by itself draws, says what went wrong, and ends with the run that opened it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pg import studio
from pg.study.model.study import Study

STUDY = {
    "name": "A figure alone",
    "environments": {"cartpole": {"id": "CartPole-v1"}},
    "variants": {"to_go": {"returns": "to_go"}},
    "experiments": {
        "learn": {
            "kind": "train",
            "environments": ["cartpole"],
            "variants": ["to_go"],
            "seeds": {"count": 2},
            "budget": {"steps": 100},
            "tuning": {"grid": [0.01, 0.1], "seeds": 1},
        }
    },
    "figures": {"tuning": {"kind": "tuning", "experiment": "learn", "section": "Review", "width": "one_column"}},
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes with numerical libraries fork on Linux only")


def order(folder: Path, name: str) -> dict[str, Any]:
    scores = [{"learning_rate": rate, "seed": 0, "score": 10 * rate} for rate in (0.01, 0.1)]
    choice = folder / "choice.json"
    choice.write_text(json.dumps({"learning_rate": 0.1, "at_edge": True, "scores": scores}), encoding="utf-8")
    ends = {"print": "pdf", "png": "png", "caption": "txt"}
    return {
        "study": Study.model_validate(STUDY).model_dump_json(by_alias=True),
        "tables": {},
        "choices": [str(choice)],
        "outputs": {kind: str(folder / f"{name}.{end}") for kind, end in ends.items()},
    }


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A studio at an address in a folder of its own."""
    address = tmp_path / "studio" / "socket"
    address.parent.mkdir()
    process = subprocess.Popen([sys.executable, "-m", "pg.studio", str(address)], stdin=subprocess.PIPE)
    while not address.exists():
        assert process.poll() is None
        time.sleep(0.01)
    monkeypatch.setenv(studio.ADDRESS, str(address))
    yield
    process.communicate(timeout=60)


@pytest.mark.usefixtures("opened")
def test_the_studio_draws_the_bytes_that_a_job_by_itself_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, again, here = (order(tmp_path, name) for name in ("there", "again", "here"))
    monkeypatch.setattr(studio, "_drawing", lambda _: pytest.fail("drawn here"))
    studio.draw(there)
    studio.draw(again)
    monkeypatch.undo()
    studio.draw(here)

    for kind, path in here["outputs"].items():
        drawn = Path(path).read_bytes()
        assert drawn
        assert all(Path(one["outputs"][kind]).read_bytes() == drawn for one in (there, again))


@pytest.mark.usefixtures("opened")
def test_what_went_wrong_in_the_studio_is_said_in_the_job(tmp_path: Path) -> None:
    broken = order(tmp_path, "broken") | {"choices": [str(tmp_path / "missing.json")]}

    with pytest.raises(studio.DrawingFailed, match=r"missing\.json"):
        studio.draw(broken)
    studio.draw(order(tmp_path, "next"))
    assert (tmp_path / "next.png").exists()


def test_a_job_whose_studio_is_gone_draws_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(studio.ADDRESS, str(tmp_path / "nowhere"))
    studio.draw(order(tmp_path, "alone"))

    assert (tmp_path / "alone.png").read_bytes().startswith(b"\x89PNG")


def test_a_studio_ends_with_the_run_that_opened_it_and_leaves_nothing_behind() -> None:
    run = (
        "import os, pg.studio; pg.studio.open_studio(); folder = os.path.dirname(os.environ['PG_STUDIO'])\n"
        "while not os.path.exists(os.environ['PG_STUDIO']): pass\n"
        "print(folder, flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False, timeout=60)
    folder = Path(killed.stdout.strip())
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert folder.name.startswith("pg-studio-")
    assert not folder.exists()


def test_orders_are_sent_without_importing_what_draws() -> None:
    heavy = "import sys, pg.studio; sys.exit(any(name in sys.modules for name in ('numpy', 'matplotlib', 'pydantic')))"

    assert subprocess.run([sys.executable, "-c", heavy], env={**os.environ}, check=False).returncode == 0
