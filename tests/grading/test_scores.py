"""Solutions of the lab get all points, wrong ones those that they deserve, and empty ones a clear message."""

from __future__ import annotations

from pathlib import Path

import pytest
from pg.checking.findings import Findings
from pg.checking.submissions import Fault
from pg.grading.rubric import Exercise, read
from pg.grading.scores import scores
from tests.checking.in_process import check_here
from tests.grading.wrong import WRONG

LAB = Path(__file__).parents[2] / "docs/lab"
EXERCISES = {one.file: one for one in read(LAB / "rubric.yaml").exercises.values()}
SEED = 4


def found(path: Path, exercise: Exercise) -> Findings:
    return check_here(path, exercise.name, seed=SEED, demand=exercise)


@pytest.mark.parametrize("file", EXERCISES)
def test_solutions_get_all_points_and_pass_the_check_of_a_student(file: str) -> None:
    findings = found(LAB / "solutions" / file, EXERCISES[file])
    assert [one for one in scores("", EXERCISES[file], findings) if not one.is_full] == []
    assert findings.passes
    assert findings.diagnosis is not None
    assert findings.diagnosis.is_wrong == (file == "exercise_1.py")  # the whole return costs variance


@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers_lose_the_points_of_what_is_wrong(tmp_path: Path, name: str) -> None:
    wrong = WRONG[name]
    solution = (LAB / "solutions" / wrong.file).read_text(encoding="utf-8")
    assert wrong.old in solution
    (tmp_path / wrong.file).write_text(solution.replace(wrong.old, wrong.new), encoding="utf-8")
    exercise = EXERCISES[wrong.file]
    findings = found(tmp_path / wrong.file, exercise)
    lost = [one for one in scores("", exercise, findings) if not one.is_full]
    assert tuple(one.name for one in lost) == wrong.lost
    assert wrong.words in "\n".join([one.reason for one in lost])


@pytest.mark.parametrize("file", EXERCISES)
def test_empty_exercises_say_what_to_fill_in(file: str) -> None:
    exercise = EXERCISES[file]
    with pytest.raises(Fault, match=f"fill in the function {exercise.name}") as caught:
        found(LAB / file, exercise)
    failed = Findings(file, exercise.name, fault=caught.value.sentence, line=caught.value.line)
    judged = list(scores("", exercise, failed))
    assert sum(one.points for one in judged) == 0
    assert f"{file}, line" in judged[0].reason


@pytest.mark.parametrize("file", EXERCISES)
def test_solutions_differ_from_the_exercises_in_the_body_alone(file: str) -> None:
    empty, solved = ((LAB / folder / file).read_text(encoding="utf-8") for folder in (".", "solutions"))
    head, _, _ = empty.partition("    raise NotImplementedError")
    assert solved.replace("import torch\n", "").startswith(head)


def test_a_loss_without_rewards_gets_no_points_for_its_properties(tmp_path: Path) -> None:
    (tmp_path / "exercise_1.py").write_text(
        "def loss(log_probs, rewards, mask):\n    return (log_probs * mask).sum()\n", encoding="utf-8"
    )
    exercise = EXERCISES["exercise_1.py"]
    judged = scores("", exercise, found(tmp_path / "exercise_1.py", exercise))
    assert {one.name for one in judged if one.points} == {"runs"}
