"""Sweeps become cells, seeds become blocks, and both become jobs that hold only what their results depend on."""

from typing import Any

import pytest
from pg.experiments.cells import Block
from pg.experiments.kind import Seeds
from pg.learning.job import TrainJob
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import numbers_of, part_of, train_job, tune_job
from pg.study.sources import measured_policies, places_of, stages_of
from pg.study.validation import load
from tests.study.studies import changed, put, study_of


def first_job(study: Study) -> TrainJob:
    return train_job(study, cells(study, "learn")[0], Block(0, 1))


def test_blocks_of_seeds_stay_when_seeds_are_added() -> None:
    assert Seeds(count=5, first=3, per_job=2).blocks == (Block(3, 4), Block(5, 6), Block(7, 7))
    assert Seeds(count=6, first=3, per_job=2).blocks[:2] == (Block(3, 4), Block(5, 6))


def test_lists_cross_and_each_level_has_a_name_and_its_values(options: dict[str, Any]) -> None:
    sweep = {"variant.batch": [2, 4], "environment.horizon": [10], "variant.policy.hidden": [[4, 4]]}
    options["experiments"] = {"learn": options["experiments"]["learn"] | {"sweep": sweep}}
    found = cells(load({**options, "figures": {}, "claims": {}}), "learn")
    assert [(cell.variant_name, cell.variant.batch) for cell in found] == [
        *(("total", 2), ("total", 4), ("to_go", 2), ("to_go", 4))
    ]
    assert {(cell.environment.horizon, cell.environment_id) for cell in found} == {(10, "cartpole@horizon=10")}
    assert len({cell.variant_id for cell in found}) == 4
    assert found[0].variant_id.startswith("total@batch=2,hidden=")
    assert found[0].levels["variant.policy.hidden"] == [4, 4]


def test_equal_studies_with_other_levels_have_their_own_cells(options: dict[str, Any]) -> None:
    options |= {"experiments": {"learn": options["experiments"]["learn"]}, "figures": {}, "claims": {}}
    studies = [load(changed(options, "experiments/learn/sweep", f"{{variant.discount: [{one}]}}")) for one in (1, 1.0)]
    assert studies[0] == studies[1]
    assert [cells(study, "learn")[0].variant_id for study in studies] == ["total@discount=1", "total@discount=1.0"]


def test_a_job_counts_the_steps_of_all_its_runs(options: dict[str, Any]) -> None:
    study = load(options)
    cell = cells(study, "learn")[0]
    assert train_job(study, cell, Block(1, 3)).total_steps == 3 * 100
    # Five selections, each of two rates on two tuning seeds.
    assert tune_job(study, cell).total_steps == 5 * 2 * 2 * 100


def job_of(**variant: Any) -> TrainJob:
    options = {"environment": {"id": "CartPole-v1"}, "variant": variant, "budget": {"steps": 100}, "seeds": [4, 5]}
    return TrainJob.model_validate(options)


def test_a_job_is_read_in_words_of_a_study_file_and_as_json() -> None:
    job = job_of(baseline="leave_one_out", optimizer={"learning_rate": 0.01})
    assert (job.seeds, job.snapshots, job.declared_rates) == ((4, 5), {}, {4: 0.01, 5: 0.01})
    assert TrainJob.model_validate_json(job.canonical()) == job


def test_rates_that_are_tuned_or_not_needed_are_not_declared() -> None:
    with pytest.raises(
        ValueError, match="learning_rate: tuned: no job has chosen the rate yet; give the variant a number"
    ):
        _ = job_of().declared_rates
    assert job_of(kl={"limit": 0.01, "hold_by": "natural_gradient"}).declared_rates == {4: 0.0, 5: 0.0}


@pytest.mark.parametrize(
    ("path", "value", "changes"),
    [
        ("environments/cartpole/threshold", 100, False),
        ("environments/cartpole/failed_below", 20, False),
        ("environments/cartpole/label", "another name", False),
        ("experiments/learn/seeds/count", 7, False),
        ("variants/to_go/batch", 3, False),
        ("variants/total/label", "renamed", False),
        ("variants/total/batch", 3, True),
        ("experiments/learn/evaluate", {}, True),
        ("experiments/learn/evaluate", {"every_steps": 50, "episodes": 4}, True),
        ("experiments/learn/evaluate/threshold", 90, False),
        ("experiments/learn/evaluate/horizon", 70, True),
        ("experiments/learn/evaluate/deterministic", True, True),
    ],
)
def test_a_job_holds_only_what_changes_its_results(
    options: dict[str, Any], path: str, value: Any, changes: bool
) -> None:
    options["experiments"]["learn"]["evaluate"] = {"every_steps": 50, "episodes": 3, "threshold": 80}
    before = first_job(load(options)).canonical()
    put(options, path, value)
    assert (first_job(load(options)).canonical() != before) == changes


def test_a_part_of_a_study_has_what_its_experiments_use_alone(options: dict[str, Any]) -> None:
    before = part_of(load(options), ["gradients"])
    assert list(before.variants) == ["total", "baseline"]
    assert list(before.experiments) == ["gradients"]
    assert not before.claims
    options["variants"] = {"first": {"returns": "to_go"}, **options["variants"]}
    assert part_of(load(options), ["gradients"]).canonical() == before.canonical()


def test_labels_change_no_table(options: dict[str, Any]) -> None:
    before = numbers_of(load(options), ["gradients"]).canonical()
    options["variants"]["total"]["label"] = "the whole return"
    next(iter(options["environments"].values()))["label"] = "another name"
    assert numbers_of(load(options), ["gradients"]).canonical() == before
    options["variants"]["total"]["discount"] = 0.9
    assert numbers_of(load(options), ["gradients"]).canonical() != before


def test_a_part_of_a_study_has_the_variant_that_its_policies_follow() -> None:
    study = study_of("config.yaml")
    assert list(study.variants).index("walker") > list(study.variants).index("stale_per_step")
    assert part_of(study, ["staleness"]).variants["walker"] == study.variants["walker"]


def test_measurements_take_place_in_every_environment_at_every_stage(options: dict[str, Any]) -> None:
    study = load(options)
    assert places_of(study, "gradients") == (("cartpole", "initial"), ("cartpole", "late"))
    assert stages_of(study, "exact") == ("random",)
    assert measured_policies(study, "exact", "chain", Block(0, 1)) == ()


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(1, 3, ["0-1", "2-3"]), (2, 3, ["2-3"]), (3, 4, ["2-3", "4-4"]), (0, 4, ["0-1", "2-3", "4-4"])],
)
def test_policies_come_from_all_blocks_that_trained_them(
    options: dict[str, Any], first: int, last: int, found: list[str]
) -> None:
    trained = measured_policies(load(options), "gradients", "cartpole", Block(first, last))
    assert [str(block) for _, block in trained] == found
    assert {cell.folder for cell, _ in trained} == {"learn/cartpole/to_go"}
