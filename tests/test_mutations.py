"""No planted bug survives the tests."""

from dataclasses import replace

import pytest
from tests.mutations import FEW, MUTATIONS, ROOT, BrokenMutation, Mutation, mutated, survivors


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_planted_bug_is_code_that_differs(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    changed = mutated(text, mutation)
    compile(changed, mutation.file, "exec")
    assert changed != text


@pytest.mark.parametrize("text", ["nothing of the kind", "to_go = rewards * mask, and to_go = rewards * mask"])
def test_a_bug_that_cannot_be_planted_is_refused(text: str) -> None:
    mutation = next(one for one in MUTATIONS if one.old == "to_go = rewards * mask")
    with pytest.raises(BrokenMutation, match=r"rewards after the end count: .* stands there [02] times"):
        mutated(text, mutation)


@pytest.mark.long
def test_planted_bugs_are_noticed_and_a_change_that_is_none_survives() -> None:
    harmless = replace(MUTATIONS[0], new="    return +to_go\n", why="the reward-to-go has a sign that changes nothing")
    assert survivors([*MUTATIONS[:FEW], harmless]) == [harmless]


def test_tests_that_are_not_there_are_refused() -> None:
    with pytest.raises(BrokenMutation, match=r"there are no tests tests/no_such_room\.py"):
        survivors([replace(MUTATIONS[0], tests=("tests/no_such_room.py",))])


@pytest.mark.slow
def test_all_planted_bugs_are_noticed() -> None:
    assert len(MUTATIONS) >= 25
    assert survivors(MUTATIONS) == []
