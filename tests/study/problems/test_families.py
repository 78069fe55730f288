"""Families of candidates: equal chances on both sides, and a message for every other case."""

from typing import Any

import pytest
from pg.claims.record import Claim, Family
from pg.core.errors import InvalidStudy
from pg.study.expansion import candidates
from pg.study.slicing import canonical
from pg.study.validation import load
from tests.study.studies import put


def with_families(options: dict[str, Any]) -> dict[str, Any]:
    """Add a sweep over gradient steps, and a claim on the best of two candidates with many steps and with one."""
    options["experiments"]["reuse"] = {
        **options["experiments"]["learn"],
        "variants": ["total", "to_go"],
        "sweep": {"variant.gradient_steps": [1, 4], "variant.batch": [16]},
    }
    options["claims"]["causality"]["parts"]["best"] = {
        "experiment": "reuse",
        "metric": "steps_to_threshold",
        "ratio_of_means": True,
        "a": {"best_of": [{"variant": name, "variant.gradient_steps": 4} for name in ("total", "to_go")]},
        "b": {"best_of": [{"variant": name, "variant.gradient_steps": 1} for name in ("total", "to_go")]},
        "relation": "less",
    }
    return options


BEST = "claims/causality/parts/best"


def test_family_survives_the_canonical_text_of_its_claim(options: dict[str, Any]) -> None:
    claim = load(with_families(options)).claims["causality"]
    side = claim.parts["best"].b
    assert isinstance(side, Family)
    assert [one["variant"] for one in side.best_of] == ["total", "to_go"]
    assert Claim.model_validate_json(canonical(claim)) == claim


def test_candidates_of_a_part_are_cells_of_its_environments(options: dict[str, Any]) -> None:
    options["environments"]["short"] = {"id": "CartPole-v1", "horizon": 50, "threshold": 20}
    put(with_families(options), "experiments/reuse/environments", ["cartpole", "short"])
    study = load(options)
    part = study.claims["causality"].parts["best"]
    ids = [(cell.environment_name, cell.variant_name, cell.variant.gradient_steps) for cell in candidates(study, part)]
    assert len(ids) == 8
    assert ids[:3] == [("cartpole", "total", 4), ("cartpole", "to_go", 4), ("short", "total", 4)]
    put(options, "claims/causality/parts/best/environments", ["short"])
    study = load(options)
    assert len(candidates(study, study.claims["causality"].parts["best"])) == 4
    assert candidates(study, study.claims["causality"].parts["probed"]) == ()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (f"{BEST}/a", {"best_of": []}, r"parts\.best\.a\.best_of: .*at least 1 item"),
        (f"{BEST}/a/variant", "to_go", r"parts\.best\.a\.variant: unknown key; allowed: best_of"),
        (
            f"{BEST}/a/best_of",
            [{"variant": "to_go", "variant.gradient_steps": 4}],
            r"best\.b\.best_of: has 2 × 2 learning rates as candidates, and a has 1 × 2 .*; both need equally many",
        ),
        (
            f"{BEST}/b/best_of",
            [{"variant": "to_go", "variant.gradient_steps": 1}],
            r"best\.b\.best_of: has 1 × 2 learning rates as candidates, and a has 2 × 2 .*; both need equally many",
        ),
        (f"{BEST}/against", "reusse", r"best\.against: 'reusse' .*did you mean 'reuse'"),
        (f"{BEST}/against", "gradients", r"best\.against: gradients is of kind probe; reuse is of kind train"),
        (
            f"{BEST}/b",
            {"variant": "to_go", "variant.gradient_steps": 1},
            r"best\.b: a is the best of several candidates; give b as best_of equally many",
        ),
        (
            f"{BEST}/a",
            {"variant": "to_go", "variant.gradient_steps": 4},
            r"best\.a: b is the best of several candidates; give a as best_of equally many",
        ),
        (
            f"{BEST}/a/best_of",
            [{"variant": "to_go"}, {"variant": "total", "variant.gradient_steps": 4}],
            r"best\.a\.best_of\.0: selects no variant\.gradient_steps; add one of 1, 4",
        ),
        (
            f"{BEST}/a/best_of",
            [{"variant": "to_go", "variant.gradient_steps": 4}] * 2,
            r"best\.a\.best_of\.1: is the same as a\.best_of\.0: to_go@gradient_steps=4",
        ),
        (
            f"{BEST}/b/best_of",
            [
                {"variant": "to_go", "variant.gradient_steps": 4, "variant.batch": 16},
                {"variant": "total", "variant.gradient_steps": 1},
            ],
            r"best\.b\.best_of\.0: is the same as a\.best_of\.1: to_go@gradient_steps=4",
        ),
        (
            f"{BEST}/a/best_of",
            [{"variant": "togo", "variant.gradient_steps": 4}, {"variant": "total", "variant.gradient_steps": 3}],
            r"best\.a\.best_of\.0\.variant: 'togo' is not one of the (.|\n)*\.1\.variant\.gradient_steps: 3 is not one",
        ),
        (
            f"{BEST}/a/best_of",
            [
                {"variant": "to_go", "variant.gradient_steps": 4, "metric": "area"},
                {"variant": "total", "variant.gradient_steps": 4},
            ],
            r"best\.a\.best_of\.0\.metric: tuning ranks candidates by one score; .* metric, steps_to_threshold",
        ),
        (
            "variants/to_go/optimizer",
            {"learning_rate": 0.1},
            r"best\.a\.best_of\.1: to_go has no tuned learning rate, so that no score ranks it",
        ),
        (
            "claims/causality/parts/probed/a",
            {"best_of": [{"variant": "baseline", "batch": 8}]},
            r"parts\.probed\.a\.best_of: candidates are ranked by tuning, and gradients trains none",
        ),
        (
            f"{BEST}/metric",
            "area",
            r"best\.ratio_of_means: needs a metric that is never negative, not area; allowed:\s+st",
        ),
        (f"{BEST}/b", None, r"parts\.best: give either b or reference"),
        (f"{BEST}/relation", "exact", r"parts\.best: relation: exact needs a margin"),
    ],
)
def test_problem_of_a_family_is_named(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(with_families(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_meaningless_uses_of_families_are_refused(options: dict[str, Any]) -> None:
    part = with_families(options)["claims"]["causality"]["parts"]["best"]
    put(options, BEST, {**part, "relation": "exact", "margin": 0.1})
    with pytest.raises(InvalidStudy, match=r"ratio_of_means: true compares a with b in a test; give b, and a relation"):
        load(options)
    put(options, BEST, {**part, "b": None, "reference": 1.0})
    with pytest.raises(InvalidStudy, match=r"ratio_of_means: true compares a with b"):
        load(options)
    ends = {"zero": {"variant": "total"}, "one": {"variant": "to_go"}}
    put(options, BEST, {**part, "b": None, "reference": 1.0, "share_of": ends, "ratio_of_means": False})
    with pytest.raises(InvalidStudy, match=r"parts\.best: share_of needs a selection of rows in a"):
        load(options)


def test_family_may_be_compared_with_a_reference(options: dict[str, Any]) -> None:
    part = with_families(options)["claims"]["causality"]["parts"]["best"]
    put(options, BEST, {**part, "b": None, "reference": 50.0, "ratio_of_means": False})
    assert load(options).claims["causality"].parts["best"].reference == 50


def test_side_b_may_come_from_another_experiment(options: dict[str, Any]) -> None:
    with_families(options)
    options["experiments"]["again"] = {**options["experiments"]["reuse"], "sweep": {"variant.gradient_steps": [1]}}
    put(options, f"{BEST}/against", "again")
    study = load(options)
    experiments = [cell.experiment for cell in candidates(study, study.claims["causality"].parts["best"])]
    assert experiments == ["reuse", "reuse", "again", "again"]


def test_partners_need_equal_seeds_and_learning_rates(options: dict[str, Any]) -> None:
    with_families(options)
    learn = options["experiments"]["reuse"]
    options["experiments"]["again"] = {
        **learn,
        "seeds": {"count": 1},
        "tuning": {"grid": [0.1, 0.2, 0.3], "seeds": 2},
    }
    put(options, f"{BEST}/against", "again")
    with pytest.raises(InvalidStudy, match=r"rows are paired by seed, and again has seeds 0 to 0(.|\n)*has 2 × 3"):
        load(options)


def test_against_needs_b(options: dict[str, Any]) -> None:
    part = with_families(options)["claims"]["causality"]["parts"]["best"]
    part.update({"a": {"variant": "to_go", "variant.gradient_steps": 4}, "reference": 0.0, "against": "learn"})
    del part["b"], part["ratio_of_means"]
    with pytest.raises(InvalidStudy, match="against names the experiment of b; give b"):
        load(options)
