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
NO_TEXT = {
    **{"a\0b": "has the character U+0000", "\x1b[2J": "has the character U+001B", "\ud800": "has the character U+D800"},
    **{"</script>": "has '</'", "a<!--": "has '<!--'", "<script>": "has '<script'", "=1+1": "begins with '='"},
}
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


@pytest.mark.parametrize("name", sorted({*HOSTILE} - {*NO_TEXT}))
def test_a_level_is_a_plain_name_in_file_names(name: str, study: dict[str, Any]) -> None:
    study["experiments"] = {"learn": {**study["experiments"]["learn"], "sweep": {"variant.label": [name, "other"]}}}
    study |= {"figures": {}, "claims": {}}
    names = {cell.variant_id for cell in cells(load(study), "learn")}
    assert len(names) == 4
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz_.-@=0123456789") for one in names)
    assert all(len(one) <= 100 for one in names)


@pytest.mark.parametrize(("text", "problem"), NO_TEXT.items())
@pytest.mark.parametrize(
    "path", ["name", "variants/total/label", "claims/causality/statement", "figures/variance/section"]
)
def test_text_that_pages_or_tables_would_run_or_cannot_show_is_refused(
    study: dict[str, Any], path: str, text: str, problem: str
) -> None:
    assert_refused(study, path, text, f": {problem}")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("variants/total/optimizer/learning_rate", 1e300, "1e+300 overflows in single precision; allowed: up to 1e+15"),
        ("variants/total/baseline", {"name": "constant", "value": -1e308}, ".value: -1e+308 overflows"),
        ("variants/total/policy/initial_std", 1e-300, "1e-300 is 0 in single precision"),
        ("environments/cartpole/threshold", 1e308, "1e+308 overflows"),
        ("experiments/learn/sweep", {"variant.optimizer.learning_rate": [1.0, 1e300]}, "learning_rate.1: 1e+300 over"),
        ("environments/chain/kwargs/length", float("nan"), "should be a finite number; it is nan"),
        ("environments/chain/kwargs/lengths", [2, {"of": float("-inf")}], ".1.of: should be a finite number"),
        ("experiments/learn/sweep", {"environment.kwargs.a": [float("inf"), 1]}, "a.0: should be a finite number"),
    ],
)
def test_numbers_that_no_job_can_use_are_refused(study: dict[str, Any], path: str, value: Any, problem: str) -> None:
    assert_refused(study, path, value, f"{path.replace('/', '.')}…{problem}")


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
