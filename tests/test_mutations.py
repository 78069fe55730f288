"""No planted bug survives the tests."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from tests import mutations
from tests.mutations import BUGS, ROOT, BrokenBug, Bug, plant, survivors


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_each_planted_bug_changes_the_code_and_has_tests(bug: Bug) -> None:
    path, source = plant(bug)
    compile(source, path, "exec")
    assert source != ast.unparse(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    assert mutations.tests_of(bug) != []


def test_every_bug_of_the_file_is_planted() -> None:
    """YAML keeps the last of two equal keys, so each function may have one entry."""
    written = Path(ROOT, "tests/mutations.yaml").read_text(encoding="utf-8").count("\n- {old: ")
    assert len(BUGS) == written


@pytest.mark.parametrize(
    ("function", "old", "times"),
    [("reward_to_go", "return nothing", 0), ("no_such_function", "return", 0), ("reward_to_go", "reach", 5)],
)
def test_bug_that_is_not_found_once_is_refused(function: str, old: str, times: int) -> None:
    with pytest.raises(BrokenBug, match=f"wrong: .* is found {times} times"):
        plant(Bug(function, old, "0", "wrong"))


@pytest.mark.long
def test_bugs_are_noticed_and_harmless_changes_survive() -> None:
    harmless = replace(BUGS[0], new="return +to_go", why="nothing")
    assert survivors([BUGS[0], harmless]) == [harmless]


def test_missing_tests_are_refused() -> None:
    with pytest.raises(BrokenBug, match=r"there are no tests tests/no_such_file\.py"):
        survivors([replace(BUGS[0], tests=("tests/no_such_file.py",))])


@pytest.mark.slow
def test_all_bugs_are_noticed() -> None:
    assert len(BUGS) >= 25
    assert survivors(BUGS) == []
