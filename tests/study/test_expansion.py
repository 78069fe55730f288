"""Sweeps become cells, seeds become blocks, and heirs inherit what they do not say."""

from pathlib import Path
from typing import Any

import pytest
from pg.study.code import code_digest
from pg.study.cost import estimate
from pg.study.expansion import Block, ExtensionError, blocks, cells, extended, solvable
from pg.study.jobs import TrainJob
from pg.study.model.experiments import Seeds
from pg.study.model.study import Study
from pg.study.slicing import part_of, train_job
from pg.study.validation import load, read


def test_an_heir_inherits_options_but_not_the_label_and_nested_ones_are_merged() -> None:
    variants = extended(
        {
            "a": {"label": "A", "policy": {"hidden": [8], "activation": "relu"}},
            "b": {"extends": "a", "batch": 4, "policy": {"hidden": [2]}},
            "c": {"extends": "b"},
        }
    )
    assert variants["c"] == {"batch": 4, "policy": {"hidden": [2], "activation": "relu"}}


def test_extending_in_a_circle_is_refused() -> None:
    with pytest.raises(ExtensionError, match="goes in a circle"):
        extended({"a": {"extends": "a"}})


def test_seeds_are_cut_into_blocks_that_stay_when_seeds_are_added() -> None:
    assert blocks(Seeds(count=5, first=3, per_job=2)) == (Block(3, 4), Block(5, 6), Block(7, 7))
    assert blocks(Seeds(count=6, first=3, per_job=2))[:2] == (Block(3, 4), Block(5, 6))


def test_lists_cross_and_each_level_has_a_name_and_its_values(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["sweep"] = {
        "variant.batch": [2, 4],
        "environment.horizon": [10],
        "variant.policy.hidden": [[4, 4]],
    }
    options["experiments"] = {"learn": options["experiments"]["learn"]}
    found = cells(load({**options, "figures": {}, "claims": {}}), "learn")
    assert [cell.variant_name for cell in found] == ["total", "total", "to_go", "to_go"]
    assert [cell.variant.batch for cell in found] == [2, 4, 2, 4]
    assert {cell.environment.horizon for cell in found} == {10}
    assert {cell.environment_id for cell in found} == {"cartpole@horizon=10"}
    assert len({cell.variant_id for cell in found}) == 4
    assert found[0].variant_id.startswith("total@batch=2,hidden=")
    assert found[0].levels["variant.policy.hidden"] == [4, 4]


def test_the_estimate_counts_every_run_and_tuning(options: dict[str, Any]) -> None:
    study = load(options)
    # Two variants, five seeds and two rates on two tuning seeds each, 100 steps per run.
    assert estimate(study, ("learn",)).steps == 2 * (5 + 4) * 100
    assert estimate(study).core_minutes > 0


def test_a_job_does_not_know_what_does_not_change_it(options: dict[str, Any]) -> None:
    def job(study: Study) -> str:
        return train_job(study, cells(study, "learn")[0], Block(0, 1)).canonical()

    before = job(load(options))
    options["environments"]["cartpole"] |= {"threshold": 100, "label": "another name"}
    options["experiments"]["learn"]["seeds"]["count"] = 7
    options["variants"]["to_go"]["batch"] = 3
    options["variants"]["total"]["label"] = "renamed"
    assert job(load(options)) == before
    options["variants"]["total"]["batch"] = 3
    assert job(load(options)) != before


def test_evaluations_belong_to_a_job_and_the_level_that_judges_them_does_not(options: dict[str, Any]) -> None:
    def job() -> TrainJob:
        study = load(options)
        return train_job(study, cells(study, "learn")[0], Block(0, 1))

    without = job()
    options["experiments"]["learn"]["evaluate"] = {"every_steps": 50, "episodes": 3}
    with_evaluations = job()
    assert with_evaluations.canonical() != without.canonical()
    assert set(with_evaluations.code) - set(without.code) == {"learning.evaluation"}
    options["experiments"]["learn"]["evaluate"]["passed_at"] = 90
    assert job() == with_evaluations
    options["experiments"]["learn"]["evaluate"]["horizon"] = 70
    assert job() != with_evaluations
    del options["experiments"]["learn"]["evaluate"]["horizon"]
    options["experiments"]["learn"]["evaluate"]["deterministic"] = False
    assert job() != with_evaluations


def test_the_estimate_counts_evaluations_as_if_all_episodes_were_full(options: dict[str, Any]) -> None:
    before = estimate(load(options), ("learn",))
    options["experiments"]["learn"]["evaluate"] = {"every_steps": 40, "episodes": 3}
    after = estimate(load(options), ("learn",))
    # Two variants, five seeds; evaluations at 0, 40 and 80 steps of three episodes of 500 steps.
    assert after.steps - before.steps == 2 * 5 * 3 * 3 * 500
    assert after.core_minutes > before.core_minutes
    options["experiments"]["learn"]["evaluate"] |= {"horizon": 70, "passed_at": 60}
    assert estimate(load(options), ("learn",)).steps - before.steps == 2 * 5 * 3 * 3 * 70


def test_a_figures_study_keeps_the_places_of_variants(options: dict[str, Any]) -> None:
    part = part_of(load(options), ["gradients"])
    assert list(part.variants) == ["total", "to_go", "baseline"]
    assert part.variants["to_go"].label is None
    assert list(part.experiments) == ["gradients"]
    assert not part.claims


def test_code_digests_differ_between_modules_and_know_packages() -> None:
    one, other = code_digest(["estimators.returns"]), code_digest(["estimators.baselines"])
    assert one != other
    assert code_digest(["estimators.returns", "estimators.returns"]) == one
    assert code_digest(["estimators"]) not in (one, other)


def test_environments_with_a_threshold_have_a_common_scale(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["environments"] = ["chain", "cartpole"]
    assert solvable(load(options), "learn") == ("cartpole",)
    options["environments"]["chain"]["threshold"] = 0.0
    assert solvable(load(options), "learn") == ("chain", "cartpole")


def test_a_part_of_a_study_knows_the_variant_whose_steps_it_follows() -> None:
    study = read(Path(__file__).parents[2] / "config.yaml")
    part = part_of(study, ["staleness"])
    assert list(study.variants).index("walker") > list(study.variants).index("stale_per_step")
    assert part.variants["walker"] == study.variants["walker"]
