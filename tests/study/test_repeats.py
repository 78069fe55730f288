"""Jobs that repeat an earlier one are found, also through the jobs that they depend on."""

import copy
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pg.experiments.train.tuning import tune
from pg.learning.job import TuneJob
from pg.parts.corrections.per_step import PerStep
from pg.parts.variant import Variant
from pg.runs.recorder import RunRecorder
from pg.study.expansion import cells
from pg.study.repeats import first_runs
from pg.study.validation import load
from tests.study.studies import put


def firsts(options: dict[str, Any], variant: str = "to_go") -> tuple[str, str]:
    """Return the experiments that a variant of the experiment `again` repeats, in tuning and in training."""
    study = load(options)
    first = first_runs(study)
    cell = next(one for one in cells(study, "again") if one.variant_name == variant)
    block = study.experiments["again"].seeds.blocks[0]
    return first[cell, None][0].experiment, first[cell, block][0].experiment


@pytest.fixture
def repeated(options: dict[str, Any]) -> dict[str, Any]:
    """The small study with a copy of its training experiment."""
    options["experiments"]["again"] = copy.deepcopy(options["experiments"]["learn"])
    return options


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("experiments/again/seeds/count", 5, ("learn", "learn")),
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


def test_a_window_of_one_batch_trains_once(options: dict[str, Any]) -> None:
    learn = options["experiments"]["learn"]
    options["variants"]["again"] = {"extends": "to_go", "importance": "trajectory", "window": {"batches": 1}}
    options["experiments"]["again"] = {**learn, "variants": ["again"]}
    assert firsts(options, "again") == ("learn", "learn")
    options["variants"]["again"]["window"]["batches"] = 2
    assert firsts(options, "again") == ("again", "again")


def test_corrections_train_once_for_single_steps(options: dict[str, Any]) -> None:
    learn = options["experiments"]["learn"]
    options["variants"]["again"] = {"extends": "to_go", "importance": {"name": "trajectory", "truncate_at": 5}}
    options["experiments"]["again"] = {**learn, "variants": ["again"]}
    assert firsts(options, "again") == ("learn", "learn")
    options["variants"]["again"]["gradient_steps"] = 2
    assert firsts(options, "again") == ("again", "again")


class DoubleRatios(PerStep):
    """A part of a user's own."""


CORRECTIONS = (
    *(
        {"name": name, **options}
        for name in ("trajectory", "per_decision", "per_step", "exact_state")
        for options in ({}, {"self_normalised": True}, {"truncate_at": 2.0})
    ),
    {"name": "per_step", "clip": 0.2},
)


@pytest.mark.parametrize("correction", CORRECTIONS, ids=lambda one: "-".join(map(str, one.values())))
def test_idle_corrections_change_no_row(correction: dict[str, Any]) -> None:
    def rows(variant: Variant) -> pd.DataFrame:
        job = {"environment": {"id": "pg/Chain-v0", "horizon": 4}, "variant": variant, "budget": {"steps": 150}}
        recorder = RunRecorder(1)
        tune(TuneJob.model_validate(job | {"tuning": {"grid": [0.1, 1.0], "seeds": 2, "selections": 1}}), recorder)
        return recorder.frame()

    learner = {"batch": 5, "discount": 0.9, "baseline": "per_step", "policy": {"hidden": [4]}}
    variant = Variant.model_validate(learner | {"importance": correction})
    assert variant.without_idle_correction.importance.name == "none"
    assert_frame_equal(rows(variant), rows(variant.without_idle_correction), check_exact=True)


def test_corrections_that_are_not_idle_are_kept() -> None:
    assert Variant(importance=DoubleRatios()).without_idle_correction.importance == DoubleRatios()
    for options in (
        {"gradient_steps": 2},
        {"minibatches": 2},
        {"window": {"batches": 2}},
        {"importance": {"name": "per_step", "future_correction": True}},
    ):
        variant = Variant.model_validate({"batch": 4, "importance": "per_step"} | options)
        assert variant.without_idle_correction is variant
