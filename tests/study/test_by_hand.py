"""What `python -m pg` says of a study without running any of it, and what it refuses."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from pg.__main__ import main
from pg.claims.verification import store
from pg.runs.ownership import mark
from pg.study.validation import load
from tests.study.studies import put


def said(options: dict[str, Any], *arguments: str) -> int:
    Path("config.yaml").write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
    return main(arguments)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_cost_of_each_experiment_is_explained_and_that_of_the_whole_study(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(options, "explain") == 0
    costs = [line for line in capsys.readouterr().out.splitlines() if line.endswith(" of one core")]
    assert [line.split(": ")[0] for line in costs] == ["gradients", "exact", "the whole study"]
    # Two variants and five seeds, and two rates on two tuning seeds; 128 trajectories of 500 steps at two stages.
    learned, measured = 2 * (5 + 4) * 100, 128 * 500 * 2 * 3
    assert costs[-1] == f"the whole study: {learned + measured:,} environment steps, less than a minute of one core"


@pytest.mark.parametrize(
    ("budget", "batches"),
    [
        ({"steps": 15}, 1),
        ({"steps": 16 * 500}, 1),
        ({"steps": 16 * 500 + 1}, 2),
        ({"steps": 16 * 500 * 9, "max_iterations": 4}, 4),
    ],
)
def test_explained_is_how_many_batches_a_run_has_if_trajectories_last(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str], budget: dict[str, int], batches: int
) -> None:
    put(options, "experiments/learn/budget", budget)
    assert said(options, "explain") == 0
    assert f"; batches per run: at least {batches}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--experiment", "gradients", "--experiment: 'gradients' does not train; allowed: learn\n"),
        ("--experiment", "lern", "--experiment: 'lern' does not train; did you mean 'learn'?; allowed: learn\n"),
        ("--environment", "pole", "--environment: 'pole' is not known; did you mean 'cartpole'?; allowed: cartpole\n"),
        ("--variant", "togo", "--variant: 'togo' is not known; did you mean 'to_go'?; allowed: total, to_go\n"),
    ],
)
def test_what_is_not_trained_is_refused_with_the_nearest_name(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str], option: str, name: str, message: str
) -> None:
    named = {"--experiment": "learn", "--environment": "cartpole", "--variant": "to_go", option: name}
    assert said(options, "train", "--seeds", "0", *(word for pair in named.items() for word in pair)) == 2
    assert capsys.readouterr().err == message


TRAIN = ("train", "--experiment", "learn", "--environment", "cartpole", "--variant", "to_go", "--seeds", "0")


@pytest.mark.parametrize(
    ("option", "place", "message"),
    [
        ("--output", "folder", "folder is a folder; name a file, as folder/rows.csv"),
        ("--output", "file/x.csv", "file is a file, not a folder"),
        ("--evaluations", "folder", "folder is a folder; name a file, as folder/rows.csv"),
        ("--evaluations", "file/new/x.csv", "file is a file, not a folder"),
        ("--snapshots", "file", "file is a file, not a folder"),
        ("--snapshots", "folder/../file/new", "folder/../file is a file, not a folder"),
    ],
)
def test_where_nothing_can_be_written_is_refused_before_training(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str], option: str, place: str, message: str
) -> None:
    Path("folder").mkdir()
    Path("file").touch()
    assert said(options, *TRAIN, option, place) == 2
    assert capsys.readouterr().err == f"{option}: {message}\n"


def test_a_folder_without_permission_is_refused_before_training(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who runs the tests may be allowed everything.
    monkeypatch.setattr("os.access", lambda place, mode: (place, mode) != (Path(), os.W_OK))
    assert said(options, *TRAIN, "--snapshots", "new/folder") == 2
    assert capsys.readouterr().err == "--snapshots: . cannot be written to\n"


@pytest.fixture
def results(options: dict[str, Any]) -> Path:
    """Return the results folder of the small study, with the claims of a finished run."""
    folder = Path(options["results"])
    folder.mkdir(parents=True)
    (folder / "claims.csv").write_text("claim,verdict\ncausality,supported\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", ["verify", "reference"])
def test_the_reference_of_another_study_is_neither_compared_nor_replaced(
    options: dict[str, Any], results: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    reference = Path("reference")
    store(results, reference)
    mark(reference, load(options | {"name": "Another study"}))
    kept = {path: path.read_bytes() for path in reference.iterdir()}
    assert said(options, command) == 2
    message = capsys.readouterr().err
    assert message.startswith("reference is of the study 'Another study', and this one is 'A small study': ")
    assert "--reference FOLDER" in message
    assert message.count("\n") == 1
    assert {path: path.read_bytes() for path in reference.iterdir()} == kept


def test_a_study_has_a_reference_in_a_folder_of_its_own_and_replaces_it(
    options: dict[str, Any], results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verdict in ("supported", "refuted"):
        (results / "claims.csv").write_text(f"claim,verdict\ncausality,{verdict}\n", encoding="utf-8")
        assert said(options, "reference", "--reference", "kept/mine") == 0
        assert verdict in Path("kept/mine/claims.csv").read_text(encoding="utf-8")
    assert said(options, "verify", "--reference", "kept/mine") == 0
    assert "claims.csv: 1 agree bit for bit" in capsys.readouterr().out
