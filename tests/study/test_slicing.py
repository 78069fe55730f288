"""A slice holds what its job or figure needs, and nothing that leaves it as it is."""

from typing import Any

from pg.experiments.cells import Block
from pg.learning.job import TrainJob
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import canonical, part_of, train_job
from pg.study.validation import load
from tests.study.studies import study_of


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
    options["experiments"]["learn"]["evaluate"]["passed_at"] = 90
    assert job() == with_evaluations
    options["experiments"]["learn"]["evaluate"]["horizon"] = 70
    assert job() != with_evaluations
    del options["experiments"]["learn"]["evaluate"]["horizon"]
    options["experiments"]["learn"]["evaluate"]["deterministic"] = False
    assert job() != with_evaluations


def test_a_figures_study_keeps_the_places_of_variants(options: dict[str, Any]) -> None:
    part = part_of(load(options), ["gradients"])
    assert list(part.variants) == ["total", "to_go", "baseline"]
    assert part.variants["to_go"].label is None
    assert list(part.experiments) == ["gradients"]
    assert not part.claims


def test_tables_do_not_ask_where_a_variant_stands(options: dict[str, Any]) -> None:
    before = part_of(load(options), ["gradients"], coloured=False)
    assert list(before.variants) == ["total", "baseline"]
    options["variants"] = {"first": {"returns": "to_go"}, **options["variants"]}
    assert canonical(part_of(load(options), ["gradients"], coloured=False)) == canonical(before)


def test_a_part_of_a_study_knows_the_variant_whose_steps_it_follows() -> None:
    study = study_of("config.yaml")
    part = part_of(study, ["staleness"])
    assert list(study.variants).index("walker") > list(study.variants).index("stale_per_step")
    assert part.variants["walker"] == study.variants["walker"]
