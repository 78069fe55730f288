"""Demonstrators exist, were trained in the environment of the clone, and form no cycle."""

from typing import Any

import pytest
from pg.experiments.cells import Block
from pg.parts.starts.clone import Clone
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import measurement_job, train_job, tune_job
from pg.study.sources import imitated_policies
from pg.study.validation import load
from tests.study.studies import assert_refused, put, refusals, refused, with_added


@pytest.fixture
def options(options: dict[str, Any]) -> dict[str, Any]:
    """The small study, with a variant that imitates snapshots and one that imitates a controller."""
    return with_added(
        options,
        """
        variants:
          clone: {initialise: {clone: {experiment: learn, variant: to_go, stage: middle}, demonstrations: 5}}
          heuristic: {extends: clone, initialise: {clone: null, controller: lean}}
        experiments:
          begin:
            kind: train
            environments: [cartpole]
            variants: [total, clone, heuristic]
            seeds: {count: 7, first: 4, per_job: 4}
            budget: {steps: 100}
            tuning: {grid: [0.01, 0.1], seeds: 3, selections: 2}
        """,
    )


def cell_of(study: Study, variant: str) -> Any:
    return next(cell for cell in cells(study, "begin") if cell.variant_name == variant)


def test_an_extending_variant_replaces_the_demonstrator_alone(options: dict[str, Any]) -> None:
    study = load(options)
    assert study.variants["total"].initialise.name == "random"
    start = study.variants["heuristic"].initialise
    assert isinstance(start, Clone)
    assert (start.controller, start.clone, start.demonstrations) == ("lean", None, 5)


def test_seed_i_imitates_demonstrator_seed_i_modulo_their_count(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["seeds"] = {"count": 5, "first": 10, "per_job": 2}
    options["experiments"]["gradients"]["seeds"]["first"] = 10
    study = load(options)
    cell = cell_of(study, "clone")
    job, tuning = train_job(study, cell, Block(4, 7)), tune_job(study, cell)
    assert job.demonstrators is not None
    assert tuning.demonstrators is not None
    assert (job.demonstrators.seeds, tuning.demonstrators.seeds) == ((14, 10, 11, 12), (14, 10, 11, 12, 13, 14))
    assert job.demonstrators.stage == "middle"
    assert job.demonstrators.policy == study.variants["to_go"].policy
    for one in (job, tuning):
        assert [str(block) for _, block in imitated_policies(study, cell, one)] == ["10-11", "12-13", "14-14"]
    assert {trained.folder for trained, _ in imitated_policies(study, cell, job)} == {"learn/cartpole/to_go"}


def test_a_job_without_snapshots_to_imitate_names_none(options: dict[str, Any]) -> None:
    study = load(options)
    for variant in ("total", "heuristic"):
        job = train_job(study, cell_of(study, variant), Block(4, 7))
        assert job.demonstrators is None
        assert imitated_policies(study, cell_of(study, variant), job) == ()


def test_measurements_do_not_depend_on_starts(options: dict[str, Any]) -> None:
    options["experiments"]["exact"]["variants"] = ["to_go", "clone"]
    job = measurement_job(load(options), "exact", "chain", "random", Block(0, 1))
    assert len(job.variants) == 4
    assert all(variant.initialise.name == "random" for variant in job.variants.values())


def test_a_demonstrator_may_imitate_in_the_same_experiment(options: dict[str, Any]) -> None:
    clone = {"experiment": "begin", "variant": "clone", "stage": "late"}
    options["variants"]["chain"] = {"extends": "clone", "initialise": {"clone": clone}}
    options["experiments"]["begin"]["variants"].append("chain")
    assert load(options)


@refusals(
    """
variants/clone/initialise: rnadom => : 'rnadom' is not known; did you mean 'random'?; allowed
variants/clone/initialise: null => : should be a name, or a mapping
variants/clone/initialise/demonstratoins: 3 => : unknown key; did you mean 'demonstrations'
variants/clone/initialise/demonstrations: 1 => : …greater than or equal to 2
variants/clone/initialise/validation_share: 0.05 => clone.initialise: validation_share: 0.05 leaves 0 of
variants/clone/initialise/validation_share: 0.95 => leaves 5 of demonstrations: 5 to validate on
variants/clone/initialise/controller: lean => initialise: give exactly one of clone and controller; set
variants/clone/initialise/clone: null => initialise: give exactly one of clone and controller; set
variants/clone/initialise/clone/stagee: late => : unknown key; did you
variants/clone/initialise/clone/stage: midle => : 'midle' is not known; did you mean 'middle'
variants/clone/initialise/clone/variant: togo => : 'togo' is not known; did you mean 'to_go'
variants/clone/initialise/clone/experiment: lern => : 'lern' … did you mean 'learn'
variants/clone/initialise/clone/experiment: exact => : 'exact' is not known; …learn
variants/heuristic/initialise/controller: leen => : 'leen' is not known; did you mean 'lean'?; allowed: lean
variants/heuristic/initialise/controller: upright
  => heuristic imitates the controller upright, which acts in InvertedPendulum-v5, not in cartpole …: lean,
environments/cartpole/observations: {hide: [1]}
  => begin.environments: heuristic imitates the controller lean, which needs whole, … cartpole hides or stacks
experiments/begin/environments: [cartpole, chain]
  => : 'chain' is not known; …cartpole; clone imitates learn, which trains only there
experiments/learn/sweep: {variant.batch: [4, 8]} => clone.experiment: learn has a sweep, and demonstrators must be
experiments/begin/sweep: {environment.horizon: [50, 100]}
  => : environment.horizon: the demonstrators of clone were trained in the environment as declared
experiments/begin/sweep: {variant.initialise.demonstrations: [5]}
  => : a level is not legal: initialise.demonstrations: unknown key; allowed: name
experiments/clones/sweep: {variant.initialise.demonstrations: [1]}
  => : a level is not legal: initialise.demonstrations: should be greater than or equal to 2
experiments/exact/sweep: {variant.batch: [2], variant.initialise: [random]}
  => : variant.initialise has no effect, because nothing is trained
experiments/begin/sweep: {variant.initialise: [random, {controller: leen, demonstrations: 5}]}
  => : variant.initialise.controller: 'leen' is not known; did you mean 'lean'
variants/clone/initialise/clone: {variant: clone, experiment: begin, stage: late}
  => : is part of a cycle: clone in begin → clone in begin
"""
)
def test_illegal_imitation_is_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    if path == "experiments/clones/sweep":
        options["experiments"]["clones"] = options["experiments"]["begin"] | {"variants": ["clone"]}
    if path == "experiments/learn/sweep":
        del options["experiments"]["gradients"], options["figures"], options["claims"]
    assert_refused(options, path, value, message)


def test_a_cycle_through_two_experiments_is_reported_once(options: dict[str, Any]) -> None:
    clone = {"variant": "clone", "experiment": "begin", "stage": "late"}
    options["variants"]["back"] = {"initialise": {"clone": clone, "demonstrations": 5}}
    options["experiments"]["learn"]["variants"].append("back")
    options["variants"]["clone"]["initialise"]["clone"]["variant"] = "back"
    path = "clone in begin → back in learn → clone in begin"
    assert refused(options) == (f"variants.clone.initialise.clone: is part of a cycle: {path}",)


def test_options_of_demonstrations_and_rewards_are_swept(options: dict[str, Any]) -> None:
    put(options, "experiments/begin/variants", ["clone", "heuristic"])
    put(options, "experiments/begin/sweep", {"variant.initialise.demonstrations": [5, 10]})
    starts = [cell.variant.initialise for cell in cells(load(options), "begin")]
    assert [start.demonstrations for start in starts if isinstance(start, Clone)] == [5, 10, 5, 10]
    put(options, "experiments/begin/sweep", {"environment.rewards.offset": [0.0, 1.0]})
    assert len(cells(load(options), "begin")) == 4


def test_a_metric_of_imitation_needs_a_demonstrator(options: dict[str, Any]) -> None:
    part = {"experiment": "begin", "metric": "clone_minus_demonstrator", "a": {"variant": "clone"}}
    options["claims"]["causality"]["parts"]["imitation"] = part | {"reference": 0, "relation": "less"}
    assert load(options)
    message = ": clone_minus_demonstrator needs a demonstrator, and total starts with random weights"
    assert_refused(options, "claims/causality/parts/imitation/a", {"variant": "total"}, message)
