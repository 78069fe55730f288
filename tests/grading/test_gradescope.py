"""The file for Gradescope is what its autograder reads, and a submission cannot write it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pg.__main__ import main
from pg.grading.gradescope import results
from pg.grading.scores import Score
from tests.checking.planted import ON_POLICY

HEAD = "def loss(log_probs, rewards, mask):\n"
WRITES = "open({path!r}, 'w').write('{{\"score\": 100}}')"
# Each tries to get points without an answer.
FORGERIES = {
    "prints": 'print(\'{{"score": 100, "tests": []}}\')\n' + HEAD + "    return -(log_probs * rewards).sum()\n",
    "writes": f"{WRITES}\n{HEAD}    {WRITES}\n    return -(log_probs * rewards).sum()\n",
    "exits": f"import os\n{HEAD}    {WRITES}\n    os._exit(0)\n",
    "patches": (
        "import pg.grading.scores\npg.grading.scores.scores = lambda *a: iter(())\n"
        "import pg.checking.findings\npg.checking.findings.Findings.passes = True\n"
        "pg.checking.findings.Findings.is_unbiased = True\n"
        f"{HEAD}    return -(log_probs * rewards).sum()\n"
    ),
    "lies": (
        "import sys\nsys.modules['__main__']._answered = lambda *a: ({{}}, {{'weights': a[2]['rewards']}})\n"
        f"{HEAD}    return -(log_probs * rewards).sum()\n"
    ),
    "lives_on": (
        f"import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(4)\n    {WRITES}\n    os._exit(0)\n"
        f"{HEAD}    return -(log_probs * rewards).sum()\n"
    ),
}


def rubric(names: list[str]) -> str:
    one = "  {0}: {{file: {0}.py, name: loss, kind: estimator, points: {{runs: 1, unbiased: 5}}}}\n"
    return "exercises:\n" + "".join(one.format(name) for name in names)


def graded(folder: Path, sources: dict[str, str], names: list[str], *options: str) -> dict[str, Any]:
    submission = folder / "submission"
    submission.mkdir()
    for name, source in sources.items():
        (submission / f"{name}.py").write_text(source, encoding="utf-8")
    (folder / "rubric.yaml").write_text(rubric(names), encoding="utf-8")
    output = folder / "results.json"
    given = ["--gradescope", str(folder / "rubric.yaml"), "--submission", str(submission), "--output", str(output)]
    assert main(["check", *given, "--seed", "11", *options]) == 0
    return json.loads(output.read_text(encoding="utf-8"))


def points(record: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in record["tests"]:
        name = one["name"].partition(":")[0]
        found[name] = found.get(name, 0) + one["score"]
    return found


def test_results_have_the_fields_of_gradescope() -> None:
    scores = [Score("a", "runs", 1, 1, "It runs."), Score("a", "unbiased", 0, 4, "no"), Score("b", "runs", 2, 2, "")]
    record = results(scores, seconds=1.6, visibility="after_due_date")
    assert json.loads(json.dumps(record)) == record
    assert (record["score"], record["execution_time"], record["visibility"]) == (3, 2, "after_due_date")
    assert record["stdout_visibility"] == "hidden"
    assert [one["number"] for one in record["tests"]] == ["1.1", "1.2", "2.1"]
    assert [one["status"] for one in record["tests"]] == ["passed", "failed", "passed"]
    assert record["tests"][1] == {
        "number": "1.2",
        "name": "a: unbiased",
        "score": 0,
        "max_score": 4,
        "status": "failed",
        "output": "no",
        "output_format": "text",
        "visibility": "after_due_date",
    }


@pytest.mark.long
def test_points_cannot_be_forged_and_a_bad_file_leaves_the_others_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "results.json")
    names = ["prints", "writes", "exits", "patches", "lies"]
    sources = {name: FORGERIES[name].format(path=path) for name in names}
    (tmp_path / "solution.py").write_text(ON_POLICY, encoding="utf-8")
    record = graded(tmp_path, {**sources, "right": ON_POLICY}, [*names, "missing", "right"])
    assert points(record) == {"prints": 1, "writes": 1, "exits": 0, "patches": 1, "lies": 0, "missing": 0, "right": 6}
    assert record["score"] == 9
    shown = capsys.readouterr().out
    assert "exits.py ended the process (exit status 0)" in shown
    assert "missing.py is missing from the submission" in shown
    assert "all: 9 of 42 points" in shown


def nobody_may_run() -> bool:
    """Tell whether another user can run the tests' Python, which may be in a private folder."""
    try:
        return subprocess.run([sys.executable, "-c", "import torch"], user="nobody", check=False).returncode == 0
    except PermissionError:
        return False


@pytest.mark.long
def test_a_process_of_another_user_that_lives_on_cannot_write_results(tmp_path: Path) -> None:
    if not nobody_may_run():
        pytest.skip("needs root, and a Python that other users may run")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    sources = {"lives_on": FORGERIES["lives_on"].format(path=str(tmp_path / "results.json"))}
    record = graded(tmp_path, sources, ["lives_on"], "--user", "nobody")
    time.sleep(5)
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == record
    assert points(record) == {"lives_on": 1}


@pytest.mark.long
@pytest.mark.skipif(os.getuid() != 0, reason="the message is another one without the rights of root")
def test_an_unknown_user_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.py").write_text(ON_POLICY, encoding="utf-8")
    assert main(["check", str(tmp_path / "one.py"), "--user", "no_such_user"]) == 2
    assert "--user: there is no user 'no_such_user' on this machine" in capsys.readouterr().err


@pytest.mark.long
def test_a_link_out_of_the_submission_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_text(ON_POLICY, encoding="utf-8")
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission/one.py").symlink_to(tmp_path / "solution.py")
    (tmp_path / "rubric.yaml").write_text(rubric(["one"]), encoding="utf-8")
    given = ["--gradescope", str(tmp_path / "rubric.yaml"), "--submission", str(tmp_path / "submission")]
    assert main(["check", *given, "--output", str(tmp_path / "results.json")]) == 0
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert record["score"] == 0
    assert record["tests"][0]["output"] == "one.py is a link out of the submission"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the file to be checked"),
        (["--gradescope", "rubric.yaml"], "--submission: should be the folder"),
        (["--gradescope", "nowhere.yaml", "--submission", "."], "the rubric is illegal"),
        (["--gradescope", "nowhere.yaml", "--submission", ".", "--output", "."], "--output: . is a folder"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    assert message in capsys.readouterr().err
