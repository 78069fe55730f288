"""Demonstrators exist, were trained in the environment of the clone, and form no cycle."""

from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.experiments.cells import Block
from pg.parts.starts.clone import Clone
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import measurement_job, train_job, tune_job
from pg.study.sources import demonstrator_blocks, demonstrator_of
from pg.study.validation import load
from tests.study.studies import put

CLONE = {"experiment": "learn", "variant": "to_go", "stage": "middle"}


@pytest.fixture
def options(options: dict[str, Any]) -> dict[str, Any]:
    """The small study, with a variant that imitates snapshots and one that imitates a controller."""
    options["variants"] |= {
        "clone": {"initialise": {"clone": dict(CLONE), "demonstrations": 5}},
        "heuristic": {"extends": "clone", "initialise": {"clone": None, "controller": "lean"}},
    }
    options["experiments"]["begin"] = {
        "kind": "train",
        "environments": ["cartpole"],
        "variants": ["total", "clone", "heuristic"],
        "seeds": {"count": 7, "first": 4, "per_job": 4},
        "budget": {"steps": 100},
        "tuning": {"grid": [0.01, 0.1], "seeds": 3},
    }
    return options


def cell_of(study: Study, variant: str) -> Any:
    return next(cell for cell in cells(study, "begin") if cell.variant_name == variant)


def test_a_variant_begins_at_random_unless_told(options: dict[str, Any]) -> None:
    study = load(options)
    assert study.variants["total"].initialise.name == "random"
    assert isinstance(study.variants["clone"].initialise, Clone)


def test_an_heir_replaces_its_parents_demonstrator_and_keeps_the_rest(options: dict[str, Any]) -> None:
    start = load(options).variants["heuristic"].initialise
    assert isinstance(start, Clone)
    assert (start.controller, start.clone, start.demonstrations) == ("lean", None, 5)


def test_seed_i_is_shown_by_demonstrator_seed_i_modulo_their_count(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["seeds"] = {"count": 5, "first": 10, "per_job": 2}
    options["experiments"]["gradients"]["seeds"]["first"] = 10
    study = load(options)
    job = train_job(study, cell_of(study, "clone"), Block(4, 7))
    assert job.demonstrators is not None
    assert job.demonstrators.seeds == (14, 10, 11, 12)
    assert job.demonstrators.stage == "middle"
    assert job.demonstrators.policy == study.variants["to_go"].policy
    demonstrator = demonstrator_of(cell_of(study, "clone"))
    assert demonstrator is not None
    assert [str(block) for block in demonstrator_blocks(study, demonstrator, job)] == ["10-11", "12-13", "14-14"]
    tuning = tune_job(study, cell_of(study, "clone"))
    assert tuning.demonstrators is not None
    assert tuning.demonstrators.seeds == (10, 11, 12)
    assert [str(block) for block in demonstrator_blocks(study, demonstrator, tuning)] == ["10-11", "12-13"]


def test_a_job_without_snapshots_to_imitate_names_none(options: dict[str, Any]) -> None:
    study = load(options)
    for variant in ("total", "heuristic"):
        assert train_job(study, cell_of(study, variant), Block(4, 7)).demonstrators is None
        assert demonstrator_of(cell_of(study, variant)) is None


def test_the_laboratory_does_not_ask_how_its_variants_begin(options: dict[str, Any]) -> None:
    options["experiments"]["exact"]["variants"] = ["to_go", "clone"]
    study = load(options)
    job = measurement_job(study, "exact", "chain", "random", Block(0, 1))
    assert len(job.variants) == 4
    assert all(variant.initialise.name == "random" for variant in job.variants.values())


def test_a_demonstrator_may_stand_in_the_same_experiment_and_may_imitate_another(options: dict[str, Any]) -> None:
    options["variants"]["chain"] = {
        "extends": "clone",
        "initialise": {"clone": {"experiment": "begin", "variant": "clone", "stage": "late"}},
    }
    options["experiments"]["begin"]["variants"].append("chain")
    assert load(options)


CYCLE = {"variant": "clone", "experiment": "begin", "stage": "late"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "variants/clone/initialise",
            "rnadom",
            r"clone\.initialise: 'rnadom' is not known; did you mean 'random'\?; allowed",
        ),
        ("variants/clone/initialise", None, r"variants\.clone\.initialise: should be a name, or a mapping"),
        (
            "variants/clone/initialise/demonstratoins",
            3,
            r"clone\.initialise\.demonstratoins: unknown key; did you mean 'demonstrations'",
        ),
        ("variants/clone/initialise/demonstrations", 1, r"initialise\.demonstrations: .*greater than or equal to 2"),
        ("variants/clone/initialise/validation_share", 0.05, r"clone\.initialise: validation_share: 0\.05 leaves 0 of"),
        ("variants/clone/initialise/validation_share", 0.95, r"leaves 5 of demonstrations: 5 to validate on"),
        ("variants/clone/initialise/controller", "lean", r"initialise: give exactly one of clone and controller; null"),
        ("variants/clone/initialise/clone", None, r"initialise: give exactly one of clone and controller; null"),
        (
            "variants/clone/initialise/clone/stagee",
            "late",
            r"clone\.initialise\.clone\.stagee: unknown key; did you",
        ),
        (
            "variants/clone/initialise/clone/stage",
            "midle",
            r"clone\.stage: 'midle' is not known; did you mean 'middl",
        ),
        (
            "variants/clone/initialise/clone/variant",
            "togo",
            r"clone\.variant: 'togo' is not known; did you mean 'to_",
        ),
        ("variants/clone/initialise/clone/experiment", "lern", r"clone\.experiment: 'lern' .* did you mean 'learn'"),
        ("variants/clone/initialise/clone/experiment", "exact", r"clone\.experiment: 'exact' is not known; .*learn"),
        (
            "variants/heuristic/initialise/controller",
            "leen",
            r"variants\.heuristic\.initialise\.controller: 'leen' is not known; did you mean 'lean'\?; allowed: lean",
        ),
        (
            "variants/heuristic/initialise/controller",
            "upright",
            r"heuristic imitates the controller upright, which acts in InvertedPendulum-v5, not in cartpole .*: lean, ",
        ),
        (
            "environments/cartpole/observations",
            {"hide": [1]},
            r"begin\.environments: heuristic imitates the controller lean, which reads all .* cartpole hides or stac",
        ),
        (
            "experiments/begin/environments",
            ["cartpole", "chain"],
            r"begin\.environments: 'chain' is not known; .*cartpole; clone imitates learn, which trains in these",
        ),
        (
            "experiments/learn/sweep",
            {"variant.batch": [4, 8]},
            r"clone\.experiment: learn sweeps; a demonstrator is",
        ),
        (
            "experiments/begin/sweep",
            {"environment.horizon": [50, 100]},
            r"begin\.sweep: environment\.horizon: the demonstrators of clone were trained in the environment as decl",
        ),
        (
            "experiments/begin/sweep",
            {"variant.initialise.demonstrations": [5]},
            r"begin\.sweep: a level is not legal: initialise\.demonstrations: unknown key; allowed: name",
        ),
        (
            "experiments/begin",
            {
                "kind": "train",
                "environments": ["cartpole"],
                "variants": ["clone"],
                "sweep": {"variant.initialise.demonstrations": [1]},
                "seeds": {"count": 2},
                "budget": {"steps": 100},
            },
            r"begin\.sweep: a level is not legal: initialise\.demonstrations: should be greater than or equal to 2",
        ),
        (
            "experiments/exact/sweep",
            {"variant.batch": [2], "variant.initialise": ["random"]},
            r"exact\.sweep: variant\.initialise has no effect, because nothing is trained",
        ),
        (
            "experiments/begin/sweep",
            {"variant.initialise": ["random", {"controller": "leen", "demonstrations": 5}]},
            r"begin\.sweep: variant\.initialise\.controller: 'leen' is not known; did you mean 'lean'",
        ),
        (
            "variants/clone/initialise/clone",
            CYCLE,
            r"variants\.clone\.initialise\.clone: is a cycle: clone in begin → clone in begin",
        ),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(options, path, value)
    if path == "experiments/learn/sweep":
        del options["experiments"]["gradients"], options["figures"], options["claims"]
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_a_circle_through_two_experiments_is_said_once_with_its_path(options: dict[str, Any]) -> None:
    options["variants"]["back"] = {"initialise": {"clone": dict(CYCLE), "demonstrations": 5}}
    options["experiments"]["learn"]["variants"].append("back")
    options["variants"]["clone"]["initialise"]["clone"]["variant"] = "back"
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    path = "clone in begin → back in learn → clone in begin"
    assert refused.value.problems == (f"variants.clone.initialise.clone: is a cycle: {path}",)


def test_a_level_of_the_demonstrations_is_swept(options: dict[str, Any]) -> None:
    put(options, "experiments/begin/variants", ["clone", "heuristic"])
    put(options, "experiments/begin/sweep", {"variant.initialise.demonstrations": [5, 10]})
    starts = [cell.variant.initialise for cell in cells(load(options), "begin")]
    assert [start.demonstrations for start in starts if isinstance(start, Clone)] == [5, 10, 5, 10]


def test_rewards_are_swept_though_demonstrators_were_paid_as_declared(options: dict[str, Any]) -> None:
    put(options, "experiments/begin/sweep", {"environment.rewards.offset": [0.0, 1.0]})
    assert len(cells(load(options), "begin")) == 6


def test_a_metric_of_imitation_needs_a_demonstrator(options: dict[str, Any]) -> None:
    part = {
        "experiment": "begin",
        "metric": "clone_minus_demonstrator",
        "a": {"variant": "clone"},
        "reference": 0,
        "relation": "less",
    }
    options["claims"]["causality"]["parts"]["imitation"] = part
    assert load(options)
    part["a"] = {"variant": "total"}
    with pytest.raises(
        InvalidStudy, match=r"imitation\.a: clone_minus_demonstrator needs a demonstrator, and total begins at random"
    ):
        load(options)
