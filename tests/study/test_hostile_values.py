"""Names become files, so that few characters are legal in them; text may have any."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pg.study.expansion import cells
from pg.study.validation import load
from tests.study.studies import assert_refused, put, refused
from tests.workflow.checkout import STUDY

HOSTILE = (
    *("a b", "it's", '"q"', "$(touch harm)", "`touch harm`", "a\nb", "a;b", "Zoë", "../up", "/up", "-x", "{a}", "a*"),
    *("", ".", "a\0b", "<script>", "x" * 300),
)
SECTIONS = ("environments", "variants", "experiments", "figures", "claims")
PLACES = (*SECTIONS, "claims/causality/parts", "experiments/learn/snapshots")


@pytest.fixture
def study() -> dict[str, Any]:
    options = copy.deepcopy(STUDY)
    options["experiments"]["learn"]["snapshots"] = {"late": 1.0}
    return options


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", [*HOSTILE, "_reuse", "a/b", "x" * 61])
def test_a_key_that_is_no_plain_name_is_refused(place: str, name: str, study: dict[str, Any]) -> None:
    held = study
    for key in place.split("/"):
        held = held[key]
    held[name] = copy.deepcopy(next(iter(held.values())))
    rule = "a name has 1 to 60 letters, digits, - and _, and begins with a letter or a digit; it is "
    message = f"{place.replace('/', '.')}.{name}: {rule}"
    assert any(problem.startswith(message) for problem in refused(study))


@pytest.mark.parametrize("folder", [*HOSTILE, "a//b", "a/../b", "a/", "a\n"])
def test_an_unusual_results_folder_is_refused(folder: str, study: dict[str, Any]) -> None:
    assert_refused(study, "results", folder, ": must be a relative folder")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_level_is_a_plain_name_in_file_names(name: str, study: dict[str, Any]) -> None:
    study["experiments"] = {"learn": {**study["experiments"]["learn"], "sweep": {"variant.label": [name, "other"]}}}
    study |= {"figures": {}, "claims": {}}
    names = {cell.variant_id for cell in cells(load(study), "learn")}
    assert len(names) == 4
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz_.-@=0123456789") for one in names)
    assert all(len(one) <= 100 for one in names)


def test_levels_that_make_too_long_a_name_are_refused(study: dict[str, Any]) -> None:
    study["variants"]["v" * 60] = study["variants"]["total"]
    put(study, "experiments/learn/variants", ["v" * 60])
    sweep = {
        "variant.policy.initial_std": [1.2345678901234567],
        "variant.optimizer.learning_rate": [0.001234567890123456],
        "variant.batch": [1],
        "variant.gradient_steps": [1],
        "variant.discount": [0.1234567890123456],
        "variant.normalise_advantages": [False],
        "variant.label": ["a_rather_long_label"],
    }
    assert_refused(study, "experiments/learn/sweep", sweep, ": names of folders would have 2…characters")
