"""Jobs that repeat an earlier one are found, also through the jobs whose results they read."""

import copy
from typing import Any

import pytest
from pg.study.expansion import blocks, cells
from pg.study.repeats import Repeats
from pg.study.validation import load
from tests.study.studies import put


def firsts(options: dict[str, Any], variant: str = "to_go") -> tuple[str, str]:
    """Return the experiments whose tuning and training a variant of the experiment `again` repeats."""
    study = load(options)
    repeats = Repeats(study)
    cell = next(one for one in cells(study, "again") if one.variant_name == variant)
    block = blocks(study.experiments["again"].seeds)[0]
    return repeats.first_tuning(cell).experiment, repeats.first_training(cell, block)[0].experiment


@pytest.fixture
def repeated(options: dict[str, Any]) -> dict[str, Any]:
    """The small study with a copy of its training experiment."""
    options["experiments"]["again"] = copy.deepcopy(options["experiments"]["learn"])
    return options


def test_an_equal_experiment_repeats_the_first(repeated: dict[str, Any]) -> None:
    assert firsts(repeated) == ("learn", "learn")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("experiments/again/seeds/count", 4, ("learn", "learn")),
        ("experiments/again/seeds/per_job", 3, ("learn", "again")),
        ("experiments/again/snapshots", {"end": 1.0}, ("learn", "again")),
        ("experiments/again/evaluate", {"every_steps": 50, "episodes": 2}, ("learn", "again")),
        ("experiments/again/tuning/seeds", 3, ("again", "again")),
        ("experiments/again/budget/steps", 200, ("again", "again")),
        ("variants/to_go/label", "another", ("learn", "learn")),
    ],
)
def test_only_equal_slices_are_repeats(
    repeated: dict[str, Any], path: str, value: object, expected: tuple[str, str]
) -> None:
    put(repeated, path, value)
    assert firsts(repeated) == expected


def test_clones_repeat_if_their_demonstrators_do(repeated: dict[str, Any]) -> None:
    experiments, environments = repeated["experiments"], repeated["environments"]
    del experiments["gradients"], repeated["figures"], repeated["claims"]
    environments["paid_more"] = environments["cartpole"] | {"rewards": {"offset": 1}}
    experiments["shown"] = copy.deepcopy(experiments["learn"]) | {"environments": ["cartpole", "paid_more"]}
    clone = {"experiment": "shown", "variant": "total", "stage": "late"}
    repeated["variants"]["clone"] = {"extends": "to_go", "initialise": {"clone": clone, "demonstrations": 5}}
    experiments["learn"] |= {"variants": ["to_go", "clone"], "sweep": {"environment.rewards.offset": [0, 1]}}
    experiments["again"] |= {"variants": ["to_go", "clone"], "environments": ["cartpole"]}
    assert firsts(repeated, "clone") == ("learn", "learn")
    experiments["again"]["environments"] = ["paid_more"]
    assert firsts(repeated, "to_go") == ("learn", "learn")
    assert firsts(repeated, "clone") == ("again", "again"), "demonstrators of the level are trained without the offset"
