"""A results folder belongs to one study, and lies where no other study writes."""

import json
from pathlib import Path

import pytest
from pg.runs.ownership import MARK, problem_of_folder, take
from pg.study.record import Study


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def study(name: str = "One", results: str = "results") -> Study:
    return Study.model_validate(
        {
            "name": name,
            "results": results,
            "environments": {"cartpole": {"id": "CartPole-v1"}},
            "variants": {"plain": {"optimizer": {"learning_rate": 0.01}}},
            "experiments": {
                "learn": {
                    "kind": "train",
                    "environments": ["cartpole"],
                    "variants": ["plain"],
                    "seeds": {"count": 1},
                    "budget": {"steps": 1},
                }
            },
        }
    )


def test_a_folder_that_a_study_has_taken_is_its_own_and_refused_to_another() -> None:
    assert problem_of_folder(study()) is None
    take(study())
    assert problem_of_folder(study()) is None
    problem = problem_of_folder(study("Other"))
    assert problem is not None
    assert "results: results holds what the study 'One' has made, and this study is 'Other'" in problem
    assert f"delete results/{MARK}" in problem
    assert problem_of_folder(study("Other", "results/other")) is None


def test_names_of_any_kind_are_told_apart() -> None:
    name = "'Zoë' $(x)\n\"<b>\""
    take(study(name))
    assert problem_of_folder(study(name)) is None
    assert problem_of_folder(study(name + "\n")) is not None


@pytest.mark.parametrize("said", ["", "{", "[]", '{"name": 3}', "\0"])
def test_a_mark_that_says_nothing_is_written_anew(said: str) -> None:
    Path("results").mkdir()
    Path("results", MARK).write_text(said, encoding="utf-8")
    assert problem_of_folder(study()) is None
    take(study())
    assert json.loads(Path("results", MARK).read_text(encoding="utf-8")) == {"name": "One"}


@pytest.mark.parametrize("results", ["pg", "workflow/studies", "tests", "reference", "profiles"])
def test_results_do_not_lie_in_folders_of_the_code(results: str) -> None:
    assert "lies in a folder of the code" in str(problem_of_folder(study(results=results)))


@pytest.mark.parametrize("results", ["results/tables", "results/one/runs/x"])
def test_results_do_not_lie_in_folders_that_another_study_fills(results: str) -> None:
    assert "is a folder that a study makes in its results" in str(problem_of_folder(study(results=results)))
    assert problem_of_folder(study(results="tables")) is None
