"""Each study has its own results folder, outside the code and outside another study's results."""

from pathlib import Path
from typing import Any

import pytest
from pg.runs.results_folder import MARK, mark
from pg.study.problems.results import problem_of_results
from pg.study.validation import load


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problem(options: dict[str, Any], results: str, name: str = "One") -> str | None:
    return problem_of_results(load(options | {"results": results, "name": name}))


def test_folder_of_another_study_is_refused(options: dict[str, Any]) -> None:
    assert problem(options, "results") is None
    mark(Path("results"), "One")
    assert problem(options, "results") is None
    assert problem(options, "results/other", "Other") is None
    message = problem(options, "results", "Other")
    assert message is not None
    assert "results: results belongs to the study 'One', and this study is 'Other'" in message
    assert f"delete results/{MARK}" in message


def test_the_recommended_folder_is_not_there_yet(options: dict[str, Any]) -> None:
    mark(Path("results/mine"), "One")
    assert "use another folder, for example results: results/mine_2." in str(problem(options, "results/mine", "Other"))
    mark(Path("results/mine_2"), "Two")
    assert "use another folder, for example results: results/mine_3." in str(problem(options, "results/mine", "Other"))


@pytest.mark.parametrize("results", ["pg", "workflow/studies", "tests", "reference"])
def test_folder_of_the_code_is_refused(results: str, options: dict[str, Any]) -> None:
    assert "is in a folder of the code" in str(problem(options, results))


@pytest.mark.parametrize("results", ["results/tables", "results/one/runs/x"])
def test_folder_that_studies_make_in_results_is_refused(results: str, options: dict[str, Any]) -> None:
    assert "studies store results in folders named" in str(problem(options, results))
    assert problem(options, "tables") is None


@pytest.mark.parametrize("results", ["mine", "mine/one", "mine/one/two"])
def test_folder_that_is_a_file_is_refused(results: str, options: dict[str, Any]) -> None:
    Path("mine").write_text("notes")
    assert problem(options, results) == f"results: {results!r}: mine is a file; delete it, or use another folder"
    assert Path("mine").read_text() == "notes"
