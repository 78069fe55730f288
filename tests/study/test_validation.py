"""Every message names the key, the value, what is allowed, and the nearest valid name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pg.study.expansion import candidates, cells
from pg.study.model.claim import Claim, Family
from pg.study.slicing import canonical
from pg.study.validation import InvalidStudy, load, read

ROOT = Path(__file__).parents[2]


def put(options: dict[str, Any], path: str, value: Any) -> None:
    *parents, key = path.split("/")
    for parent in parents:
        options = options.setdefault(parent, {})
    options[key] = value


@pytest.mark.parametrize("file", ["config.yaml", *sorted((ROOT / "workflow/studies").glob("*.yaml"))])
def test_the_studies_of_the_repository_are_legal(file: Path | str) -> None:
    assert read(ROOT / file).experiments


def test_a_legal_study_is_read(options: dict[str, Any]) -> None:
    study = load(options)
    assert study.variants["baseline"].policy.hidden == (8,)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("variants/total/retruns", "total", r"variants\.total\.retruns: unknown key; did you mean 'returns'"),
        (
            "variants/total/returns",
            "togo",
            r"variants\.total\.returns: .*'total', 'to_go' or 'gae'; it is 'togo'; did you mean 'to_go'",
        ),
        ("variants/total/discount", 1.5, r"variants\.total\.discount: should be less than or equal to 1; it is 1\.5"),
        ("variants/total/discount_states", True, r"variants\.total: discount_states: true changes nothing"),
        ("variants/to_go/extends", "totl", r"variants\.to_go\.extends: 'totl' is not a variant"),
        ("variants/total/extends", "to_go", r"extends: goes in a circle: total → to_go → total"),
        ("variants/baseline/batch", 1, r"variants\.baseline: baseline: average_reward .* needs batch: 2"),
        (
            "variants/total/optimizer",
            {"learning_rate": -0.1},
            r"optimizer\.learning_rate: should be greater than 0 or ",
        ),
        ("variants/total/optimizer", {"learning_rate": "3e-4"}, r"YAML reads 3e-4 as text: write it .* 3\.0e-04"),
        ("variants/total/policy/hidden", [8, 0], r"policy\.hidden\.1: should be greater than 0; it is 0"),
        ("variants/total/policy/hidden", 8, r"policy\.hidden: should be a list; it is 8"),
        ("environments/cartpole/id", "CartPole-v9", r"environments\.cartpole\.id: .*did you mean 'CartPole-v"),
        ("environments/cartpole/id", "nowhere:CartPole-v1", r"environments\.cartpole\.id: .*not known"),
        ("environments/cartpole/kwargs", {"gravity": 3}, r"environments\.cartpole\.kwargs: .*gravity"),
        ("environments/chain/kwargs", {"lenght": 3}, r"environments\.chain\.kwargs: .*lenght"),
        ("environments/cartpole/id", "CliffWalking-v1", r"environments\.cartpole\.id: .*declare a horizon"),
        ("environments/cartpole/id", "Blackjack-v1", r"environments\.cartpole\.id: .*declare a horizon"),
        ("environments/cartpole/horizon", 0, r"environments\.cartpole\.horizon: should be greater than 0"),
        ("experiments/learn/kind", "trian", r"experiments\.learn: kind: 'trian' is not known; did you mean 'train'"),
        ("experiments/learn/seeds/count", 0, r"experiments\.learn\.seeds\.count: should be greater than 0; it is 0"),
        ("experiments/learn/seeds", {}, r"experiments\.learn\.seeds\.count: is missing"),
        ("experiments/learn/seeds", [], r"experiments\.learn\.seeds: should be"),
        ("experiments/learn/sedes", {}, r"experiments\.learn\.sedes: unknown key; did you mean 'seeds'"),
        ("experiments/learn/variants", ["totall"], r"experiments\.learn\.variants: 'totall' .* did you mean 'total'"),
        ("experiments/learn/variants", [], r"experiments\.learn\.variants: .*at least 1 item"),
        ("experiments/learn/environments", ["cart"], r"experiments\.learn\.environments: 'cart' .*'cartpole'"),
        ("experiments/learn/tuning", None, r"experiments\.learn\.tuning: is missing, but the learning rate of to_go"),
        ("experiments/learn/tuning/grid", [], r"experiments\.learn\.tuning\.grid: .*at least 1 item"),
        ("experiments/learn/budget/steps", "many", r"experiments\.learn\.budget\.steps: .*integer; it is 'many'"),
        (
            "experiments/learn/snapshots",
            {"initial": 0.0, "late": 1.5},
            r"snapshots\.late: should be less than or equal",
        ),
        ("experiments/learn/sweep", {"batch": [1]}, r"experiments\.learn\.sweep: 'batch' must begin with"),
        ("experiments/learn/sweep", {"variant.bach": [1]}, r"'variant\.bach' names no option; did you mean 'batch'"),
        ("experiments/learn/sweep", {"variant.batch": [0]}, r"experiments\.learn\.sweep: a level is not legal: batch"),
        ("experiments/gradients/source/experiment", "exact", r"gradients\.source\.experiment: 'exact' is not known"),
        ("experiments/gradients/source/variant", "baseline", r"source\.variant: 'baseline' is not known"),
        ("experiments/gradients/source/stages", ["ltae"], r"source\.stages: 'ltae' .* did you mean 'late'"),
        (
            "experiments/gradients/seeds",
            {"count": 9},
            r"gradients\.seeds: 0 to 8 are asked for, but learn trains 0 to 4",
        ),
        ("experiments/gradients/sample/batches", [48], r"gradients\.sample: batches: 48 does not cut trajectories: 64"),
        ("experiments/gradients/sweep", {"variant.batch": [2]}, r"gradients\.sweep: variant\.batch has no effect"),
        ("experiments/exact/environments", ["cartpole"], r"exact\.environments: cartpole .* has no tables"),
        (
            "environments/chain/horizon",
            9,
            r"exact\.limit: chain has [\d,]+ trajectories, and batches of 3 make .* 200,000",
        ),
        ("figures/variance/kind", "varience", r"figures\.variance\.kind: 'varience' .* did you mean 'variance'"),
        ("figures/variance/experiment", "learn", r"figures\.variance\.experiment: variance draws probe"),
        ("figures/variance/variants", ["to_go"], r"figures\.variance\.variants: 'to_go' is not known"),
        ("claims/causality/figure", "varianc", r"claims\.causality\.figure: 'varianc' .* did you mean 'variance'"),
        ("claims/causality/primary", "probe", r"claims\.causality: primary: probe is not one of the parts"),
        ("claims/causality/parts/probed/metric", "variance", r"parts\.probed\.metric: 'variance' .*total_variance"),
        ("claims/causality/parts/probed/metric", "area", r"parts\.probed\.metric: area is measured by train"),
        ("claims/causality/parts/probed/a", {"batch": 8}, r"parts\.probed\.a: names no variant"),
        ("claims/causality/parts/probed/a/batch", 9, r"parts\.probed\.a\.batch: 9 is not one of 8, 16"),
        ("claims/causality/parts/probed/a/bach", 8, r"parts\.probed\.a\.bach: is no column .* did you mean 'batch'"),
        ("claims/causality/parts/probed/b", None, r"parts\.probed: give either b or reference"),
        ("claims/causality/parts/probed/relation", "equal", r"parts\.probed: relation: equal needs a margin"),
        ("claims/causality/parts/probed/stages", ["lat"], r"parts\.probed\.stages: 'lat' .* did you mean 'late'"),
        (
            "experiments/learn/evaluate",
            {"every_steps": 101, "episodes": 3},
            r"learn: evaluate\.every_steps: 101 is never reached with budget\.steps: 100; allowed: 1 to 100",
        ),
        ("experiments/learn/evaluate", {"every_steps": 9}, r"learn\.evaluate\.episodes: is missing"),
        (
            "experiments/learn/evaluate",
            {"every_steps": 9, "episodes": 0},
            r"evaluate\.episodes: should be greater than 0",
        ),
        (
            "experiments/learn/evaluate",
            {"every_steps": 9, "episodes": 2, "pass_at": 1.0},
            r"evaluate\.pass_at: unknown key; did you mean 'passed_at'",
        ),
        ("experiments/gradients/evaluate", {"every_steps": 9, "episodes": 2}, r"gradients\.evaluate: unknown key"),
        ("results", "../elsewhere", r"results: .*pattern"),
        ("name", None, r"name: should be a valid string; it is None"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(options, path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def with_evaluations(options: dict[str, Any]) -> dict[str, Any]:
    """Add evaluations, and a claim on them."""
    options["experiments"]["learn"]["evaluate"] = {"every_steps": 50, "episodes": 2}
    options["claims"]["causality"]["parts"]["passes"] = {
        "experiment": "learn",
        "metric": "steps_to_pass",
        "a": {"variant": "to_go"},
        "reference": 80,
        "relation": "less",
    }
    return options


def test_a_level_takes_the_place_of_a_threshold(options: dict[str, Any]) -> None:
    assert load(with_evaluations(options)).claims["causality"].parts["passes"].reference == 80
    del options["environments"]["cartpole"]["threshold"]
    with pytest.raises(InvalidStudy, match=r"learn\.evaluate\.passed_at: is missing, and cartpole declares no thresh"):
        load(options)
    options["experiments"]["learn"]["evaluate"]["passed_at"] = 90
    assert load(options).claims


def test_a_threshold_is_of_trajectories_as_long_as_those_trained_on(options: dict[str, Any]) -> None:
    evaluate = with_evaluations(options)["experiments"]["learn"]["evaluate"]
    evaluate["horizon"] = 500
    assert load(options).claims
    evaluate["horizon"] = 501
    with pytest.raises(
        InvalidStudy,
        match=r"learn\.evaluate\.passed_at: is missing, and the threshold of cartpole is of trajectories of 500 steps "
        r"where evaluate\.horizon: 501; give the return",
    ):
        load(options)
    evaluate["passed_at"] = 501
    assert load(options).claims


def test_a_figure_of_evaluations_needs_some(options: dict[str, Any]) -> None:
    with_evaluations(options)["figures"]["passing"] = {
        "kind": "steps_to_pass",
        "experiment": "learn",
        "section": "Baselines",
    }
    assert load(options).figures["passing"]
    options["claims"] = {}
    del options["experiments"]["learn"]["evaluate"]
    with pytest.raises(InvalidStudy, match=r"figures\.passing\.experiment: learn declares no evaluate to draw"):
        load(options)


@pytest.mark.parametrize("metric", ["steps_to_pass", "passed"])
def test_a_claim_on_evaluations_needs_some(options: dict[str, Any], metric: str) -> None:
    del with_evaluations(options)["experiments"]["learn"]["evaluate"]
    options["claims"]["causality"]["parts"]["passes"]["metric"] = metric
    with pytest.raises(
        InvalidStudy,
        match=rf"passes\.metric: {metric} is measured on evaluations, and learn declares none; add evaluate",
    ):
        load(options)


def with_reuse(options: dict[str, Any]) -> dict[str, Any]:
    """Add experiments on data of an earlier policy, and a claim on one of them."""
    options["environments"]["short"] = {"id": "CartPole-v1", "horizon": 50}
    options["variants"] |= {
        "walker": {"optimizer": {"name": "sgd", "learning_rate": 0.1}},
        "per_step": {"importance": "per_step"},
        "exact_state": {"importance": "exact_state"},
        "natural": {"kl": {"limit": 0.01, "hold_by": "natural_gradient"}},
    }
    options["experiments"]["learn"]["environments"] = ["cartpole", "short"]
    measured = {"environments": ["short"], "variants": ["per_step"], "seeds": {"count": 2}}
    measured["source"] = {"experiment": "learn", "variant": "to_go", "stages": ["late"]}
    options["experiments"] |= {
        "stale": {
            "kind": "staleness",
            **measured,
            "walk": {"variant": "walker", "steps": [0, 4]},
            "sample": {"trajectories": 64, "batches": [8], "reference": 64, "reference_limit": 64},
        },
        "weights": {"kind": "horizon", **measured, "horizons": [10, 50], "kl": 0.01},
    }
    options["claims"]["causality"]["parts"] |= {
        "far": {
            "experiment": "stale",
            "metric": "cosine",
            "a": {"variant": "per_step", "steps": 4},
            "b": {"variant": "per_step", "steps": 0},
            "relation": "less",
        },
        "long": {
            "experiment": "weights",
            "metric": "effective_share",
            "a": {"variant": "per_step", "horizon": 50},
            "b": {"variant": "per_step", "horizon": 10},
            "relation": "less",
        },
    }
    return options


def test_a_legal_study_of_reuse_is_read(options: dict[str, Any]) -> None:
    side = load(with_reuse(options)).claims["causality"].parts["far"].a
    assert not isinstance(side, Family)
    assert side["steps"] == 4


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "experiments/learn/variants",
            ["to_go", "exact_state"],
            r"learn\.variants: exact_state weights by exact ratios of state probabilities, and cartpole .* no tables",
        ),
        (
            "experiments/stale/variants",
            ["exact_state"],
            r"stale\.variants: exact_state weights by exact ratios .* short \(CartPole-v1\) has no tables",
        ),
        ("experiments/stale/walk/variant", "walkre", r"stale\.walk\.variant: 'walkre' .* did you mean 'walker'"),
        (
            "experiments/stale/walk/variant",
            "total",
            r"stale\.walk\.variant: the learning rate of total is 'tuned', and a walk tunes nothing; give",
        ),
        (
            "experiments/stale/walk/variant",
            "natural",
            r"stale\.walk\.variant: natural goes as far as its limit in a single step",
        ),
        (
            "variants/walker/baseline",
            "exact",
            r"stale\.walk\.variant: walker subtracts exact values, and short \(CartPole-v1\) has no tables",
        ),
        (
            "experiments/weights/horizons",
            [10, 51],
            r"weights\.horizons: trajectories of short end after 50 steps, .* cut off at 51; allowed: 1 to 50",
        ),
        ("claims/causality/parts/far/a/steps", 3, r"parts\.far\.a\.steps: 3 is not one of 0, 4"),
        ("claims/causality/parts/far/a/step", 4, r"parts\.far\.a\.step: is no column .* did you mean 'steps'"),
        ("claims/causality/parts/far/a/horizon", 10, r"parts\.far\.a\.horizon: is no column of this experiment"),
        ("claims/causality/parts/long/b/horizon", 11, r"parts\.long\.b\.horizon: 11 is not one of 10, 50"),
    ],
)
def test_what_is_wrong_with_reuse_is_said(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(with_reuse(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


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


def test_a_legal_study_of_families_is_read_and_survives_its_canonical_text(options: dict[str, Any]) -> None:
    claim = load(with_families(options)).claims["causality"]
    side = claim.parts["best"].b
    assert isinstance(side, Family)
    assert [one["variant"] for one in side.best_of] == ["total", "to_go"]
    assert Claim.model_validate_json(canonical(claim)) == claim


def test_the_candidates_of_a_part_are_cells_of_its_environments(options: dict[str, Any]) -> None:
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


BEST = "claims/causality/parts/best"


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
            r"best\.a\.best_of\.0: leaves variant\.gradient_steps open; name one level of each",
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
            r"best\.a\.best_of\.0\.variant: 'togo' is not one of (.|\n)*\.1\.variant\.gradient_steps: 3 is not one",
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
            r"best\.ratio_of_means: needs a metric that is never negative, not area; allowed: st",
        ),
        (f"{BEST}/b", None, r"parts\.best: give either b or reference"),
        (f"{BEST}/relation", "exact", r"parts\.best: relation: exact needs a margin"),
    ],
)
def test_what_is_wrong_with_families_is_said(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(with_families(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_meaningless_uses_of_families_and_ratios_are_refused(options: dict[str, Any]) -> None:
    part = with_families(options)["claims"]["causality"]["parts"]["best"]
    put(options, BEST, {**part, "relation": "exact", "margin": 0.1})
    with pytest.raises(InvalidStudy, match=r"ratio_of_means: true compares a with b in a test; give b, and a relation"):
        load(options)
    put(options, BEST, {**part, "b": None, "reference": 1.0})
    with pytest.raises(InvalidStudy, match=r"ratio_of_means: true compares a with b"):
        load(options)
    ends = {"zero": {"variant": "total"}, "one": {"variant": "to_go"}}
    put(options, BEST, {**part, "b": None, "reference": 1.0, "share_of": ends, "ratio_of_means": False})
    with pytest.raises(InvalidStudy, match=r"parts\.best: share_of judges stated rows; give a without best_of"):
        load(options)


def test_a_family_may_be_held_against_a_number(options: dict[str, Any]) -> None:
    part = with_families(options)["claims"]["causality"]["parts"]["best"]
    put(options, BEST, {**part, "b": None, "reference": 50.0, "ratio_of_means": False})
    assert load(options).claims["causality"].parts["best"].reference == 50


def test_horizons_may_be_as_long_as_the_environments_own_limit(options: dict[str, Any]) -> None:
    put(with_reuse(options), "experiments/weights/environments", ["cartpole"])
    put(options, "experiments/weights/horizons", [10, 50, 500])
    assert load(options).experiments["weights"].kind == "horizon"
    put(options, "experiments/weights/horizons", [10, 50, 501])
    with pytest.raises(InvalidStudy, match="trajectories of cartpole end after 500 steps"):
        load(options)


def test_a_natural_gradient_trains_without_tuning(options: dict[str, Any]) -> None:
    put(with_reuse(options), "experiments/learn/variants", ["total", "natural"])
    for other in ("gradients", "stale", "weights"):
        put(options, f"experiments/{other}/source/variant", "total")
    del options["experiments"]["learn"]["tuning"]
    with pytest.raises(InvalidStudy, match="the learning rate of total is 'tuned'") as refused:
        load(options)
    assert len(refused.value.problems) == 1


def test_a_mistake_is_reported_where_it_was_written_and_not_where_it_was_inherited(options: dict[str, Any]) -> None:
    options["variants"]["total"]["retruns"] = "total"
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    assert len(refused.value.problems) == 1


def test_a_file_that_is_not_yaml_is_named_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("name: x\nvariants: [1,\nresults: y\n")
    with pytest.raises(InvalidStudy, match=r"study\.yaml is not YAML: .*line 4, column 1: expected"):
        read(file)
    file.write_text("- a list\n")
    with pytest.raises(InvalidStudy, match="should hold a mapping of keys to values, not list"):
        read(file)
    with pytest.raises(InvalidStudy, match="No such file"):
        read(tmp_path / "absent.yaml")


def test_the_schema_that_editors_use_is_the_models_own() -> None:
    from pg.study.schema import text

    written = (ROOT / "workflow/schemas/study.schema.json").read_text(encoding="utf-8")
    assert written == text(), "write it anew with: python -m pg schema > workflow/schemas/study.schema.json"


def test_comments_and_the_order_of_keys_mean_nothing(options: dict[str, Any]) -> None:
    text = "# a comment\n" + yaml.safe_dump(options, sort_keys=True)
    again = load(yaml.safe_load(text))
    assert again.experiments == load(options).experiments


def test_the_other_side_of_a_claim_may_come_from_another_experiment(options: dict[str, Any]) -> None:
    with_families(options)
    options["experiments"]["again"] = {**options["experiments"]["reuse"], "sweep": {"variant.gradient_steps": [1]}}
    put(options, f"{BEST}/against", "again")
    study = load(options)
    experiments = [cell.experiment for cell in candidates(study, study.claims["causality"].parts["best"])]
    assert experiments == ["reuse", "reuse", "again", "again"]


def test_partners_need_the_same_seeds_and_the_same_chances(options: dict[str, Any]) -> None:
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


def test_against_without_b_names_nothing(options: dict[str, Any]) -> None:
    part = with_families(options)["claims"]["causality"]["parts"]["best"]
    part.update({"a": {"variant": "to_go", "variant.gradient_steps": 4}, "reference": 0.0, "against": "learn"})
    del part["b"], part["ratio_of_means"]
    with pytest.raises(InvalidStudy, match="against names the experiment of b; give b"):
        load(options)


def with_figures_of_reuse(options: dict[str, Any]) -> dict[str, Any]:
    """Add a sweep and single updates that a limit holds, figures of both, and a claim on the limit."""
    with_reuse(options)
    optimizer = {"name": "sgd", "learning_rate": 0.1}
    options["variants"] |= {
        "free": {"importance": "per_step", "gradient_steps": 4, "optimizer": optimizer},
        "held": {"extends": "free", "kl": {"limit": 0.01, "hold_by": "early_stop"}},
    }
    shared = {"environments": ["cartpole"], "variants": ["free", "held"], "seeds": {"count": 2}}
    source = {"experiment": "learn", "variant": "to_go", "stages": ["late"]}
    options["experiments"] |= {
        "swept": {"kind": "train", **shared, "budget": {"steps": 100}, "sweep": {"variant.gradient_steps": [1, 4]}},
        "updates": {"kind": "update", **shared, "source": source},
    }
    options["figures"] |= {
        "levels": {
            "kind": "against_level",
            "experiment": "swept",
            "metrics": ["steps_to_threshold", "collapsed"],
            "section": "Off-policy policy gradient",
        },
        "limits": {"kind": "realised_kl", "experiment": "updates", "section": "KL constraint"},
    }
    options["claims"]["causality"]["parts"]["held"] = {
        "experiment": "updates",
        "metric": "fresh_kl_over_limit",
        "a": {"variant": "held"},
        "relation": "less",
        "reference": 1.5,
    }
    return options


def test_legal_figures_of_reuse_are_read(options: dict[str, Any]) -> None:
    figures = load(with_figures_of_reuse(options)).figures
    assert figures["levels"].metrics == ("steps_to_threshold", "collapsed")
    assert figures["variance"].metrics == ()
    put(options, "experiments/swept/sweep/variant.batch", [16])
    assert load(options).experiments["swept"].sweep["variant.batch"] == (16,)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("figures/levels/metrics", [], r"figures\.levels\.metrics: is missing: name what to draw; .*final_return"),
        ("figures/levels/metrics", ["colapsed"], r"levels\.metrics: 'colapsed' .* did you mean 'collapsed'"),
        (
            "figures/levels/metrics",
            ["cosine"],
            r"levels\.metrics: 'cosine' is not known.*allowed: final_return",
        ),
        ("figures/limits/metrics", ["collapsed"], r"limits\.metrics: realised_kl draws metrics of its own; leave them"),
        (
            "environments/cartpole",
            {"id": "CartPole-v1"},
            r"figures\.levels\.metrics: steps_to_threshold needs a threshold, and cartpole declares none",
        ),
        (
            "experiments/swept/sweep",
            {},
            r"figures\.levels\.experiment: against_level draws one swept option, and swept sweeps nothing",
        ),
        (
            "experiments/swept/sweep/variant.batch",
            [8, 16],
            r"levels\.experiment: .* one swept option, and swept sweeps variant\.gradient_steps and variant\.batch",
        ),
        (
            "experiments/swept/sweep",
            {"variant.normalise_advantages": [False, True]},
            r"levels\.experiment: variant\.normalise_advantages: False has no place .*axis; sweep positive numbers",
        ),
        (
            "experiments/swept/sweep",
            {"variant.returns": ["total", "to_go"]},
            r"levels\.experiment: variant\.returns: 'total' has no place on a logarithmic axis",
        ),
        (
            "figures/levels/experiment",
            "updates",
            r"levels\.experiment: against_level draws train experiments, not update",
        ),
        ("figures/limits/experiment", "swept", r"limits\.experiment: realised_kl draws update experiments, not train"),
        ("figures/limits/variants", ["free"], r"limits\.variants: .* with a limit; give one of free an option kl"),
        (
            "claims/causality/parts/held/a/variant",
            "free",
            r"parts\.held\.a\.variant: fresh_kl_over_limit needs a limit, and free has no kl",
        ),
    ],
)
def test_what_is_wrong_with_figures_of_reuse_is_said(
    options: dict[str, Any], path: str, value: Any, message: str
) -> None:
    put(with_figures_of_reuse(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


NETWORK: dict[str, Any] = {"returns": "gae", "lambda": 0.9, "baseline": "value_network"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"returns": "gae", "lambda": 0.9}, r"returns: gae .* needs baseline: value_network or exact, not none"),
        (NETWORK | {"baseline": "per_step"}, r"needs baseline: value_network or exact, not per_step"),
        (NETWORK | {"lambda": None}, r"returns: gae needs lambda: a number from 0 to 1"),
        ({"lambda": 0.5}, r"lambda: 0\.5 needs returns: gae; it weights nothing in returns: total"),
        (NETWORK | {"lambda": 1.5}, r"total\.lambda: should be less than or equal to 1; it is 1\.5"),
        (NETWORK | {"lamda": 0.5}, r"total\.lamda: unknown key; did you mean 'lambda'"),
        (NETWORK | {"lambda_": 0.5}, r"total\.lambda_: unknown key; did you mean 'lambda'"),
        (NETWORK | {"bootstrap_at_truncation": True}, r"bootstrap_at_truncation: true needs discount below 1"),
        (
            {"baseline": "value_network", "discount": 0.9, "bootstrap_at_truncation": True},
            r"bootstrap_at_truncation: true needs returns: gae; returns: total counts rewards alone",
        ),
        (
            NETWORK | {"baseline": "exact", "discount": 0.9, "bootstrap_at_truncation": True},
            r"bootstrap_at_truncation: true needs baseline: value_network; exact values are those of a return that",
        ),
        (NETWORK | {"importance": "per_decision"}, r"importance: per_decision needs returns: to_go"),
        (
            NETWORK | {"importance": "per_step", "future_correction": True},
            r"future_correction: true needs importance: per_step or exact_state, and returns: to_go",
        ),
        ({"critic": {}}, r"critic needs baseline: value_network; baseline: none fits none"),
        (NETWORK | {"baseline": "exact", "critic": {"fit_steps": 5}}, r"critic needs baseline: value_network"),
        (NETWORK | {"critic": {"learning_rate": "tuned"}}, r"critic\.learning_rate: should be a valid number"),
        (NETWORK | {"critic": {"fit_steps": 0}}, r"critic\.fit_steps: should be greater than 0"),
        (NETWORK | {"critic": {"fitsteps": 9}}, r"critic\.fitsteps: unknown key; did you mean 'fit_steps'"),
    ],
)
def test_values_without_meaning_are_refused(options: dict[str, Any], parts: dict[str, Any], message: str) -> None:
    options["variants"]["total"] |= parts
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_values_with_meaning_are_read_and_dumped_as_they_were_written(options: dict[str, Any]) -> None:
    parts = NETWORK | {"discount": 0.9, "discount_states": True, "bootstrap_at_truncation": True, "critic": {}}
    options["variants"]["actor_critic"] = parts
    options["variants"]["exact"] = NETWORK | {"baseline": "exact", "discount": 0.9, "importance": "trajectory"}
    study = load(options)
    for name in ("actor_critic", "exact"):
        dumped = study.variants[name].model_dump(mode="json")
        assert dumped["lambda"] == 0.9
        assert load(options | {"variants": options["variants"] | {name: dumped}}) == study


def with_lambda(options: dict[str, Any]) -> dict[str, Any]:
    """Add a probe that sweeps λ, a figure of it, and experiments that know nothing of value networks."""
    options["variants"] |= {"gae": NETWORK, "linear": {"returns": "to_go", "policy": {"hidden": []}}}
    measured = {"seeds": {"count": 2}, "variants": ["gae"]}
    source = {"experiment": "learn", "variant": "to_go", "stages": ["late"]}
    options["experiments"] |= {
        "lambdas": {
            **measured,
            "kind": "probe",
            "environments": ["cartpole"],
            "sweep": {"variant.lambda": [0, 0.5, 1]},
            "source": source,
            "sample": {"trajectories": 64, "batches": [8]},
        },
        "withheld": {
            "kind": "support",
            "environments": ["chain"],
            "variants": ["linear"],
            "seeds": {"count": 1},
            "left": [0.1],
        },
        "weights": {
            "kind": "horizon",
            "environments": ["cartpole"],
            "variants": ["linear"],
            "seeds": {"count": 2},
            "source": source,
            "horizons": [10],
            "kl": 0.01,
        },
    }
    options["figures"]["lambda"] = {"kind": "bias_and_variance", "experiment": "lambdas", "section": "Next time"}
    return options


def test_lambda_is_swept_by_its_name_in_the_file(options: dict[str, Any]) -> None:
    study = load(with_lambda(options))
    found = {cell.variant_id: cell.variant.lambda_ for cell in cells(study, "lambdas")}
    assert found == {"gae@lambda=0": 0, "gae@lambda=0.5": 0.5, "gae@lambda=1": 1}


def test_an_option_of_a_record_that_is_left_out_can_be_swept(options: dict[str, Any]) -> None:
    put(with_lambda(options), "experiments/lambdas/sweep", {"variant.critic.fit_steps": [5, 10]})
    found = [cell.variant.critic for cell in cells(load(options), "lambdas")]
    assert [critic.fit_steps for critic in found if critic is not None] == [5, 10]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("experiments/lambdas/sweep", {"variant.lambda_": [1]}, r"'variant\.lambda_' names no option; .* 'lambda'"),
        ("experiments/lambdas/sweep", {"variant.lambda": [2]}, r"lambdas\.sweep: a level is not legal: lambda"),
        ("experiments/lambdas/variants", ["gae", "linear"], r"a level is not legal: lambda: 0 needs returns: gae"),
        (
            "experiments/lambdas/sweep",
            {"variant.lambda": [0.5], "variant.discount": [0.9]},
            r"figures\.lambda\.experiment: .* over numbers, as variant\.lambda; lambdas sweeps variant\.lambda, ",
        ),
        ("experiments/lambdas/sweep", {}, r"figures\.lambda\.experiment: .*; lambdas sweeps nothing"),
        (
            "experiments/lambdas/sweep",
            {"variant.discount_states": [False]},
            r"figures\.lambda\.experiment: .*; lambdas sweeps variant\.discount_states",
        ),
        (
            "experiments/lambdas/sample/critic_trajectories",
            40,
            r"sample\.critic_trajectories: should be a multiple of 16; it is 40",
        ),
        (
            "experiments/withheld/variants",
            ["gae"],
            r"withheld\.variants: gae has a value network, which is fitted to trajectories .* baselines none, constant",
        ),
        (
            "experiments/weights/variants",
            ["gae"],
            r"weights\.variants: gae has a value network, which knows one horizon, .* any other baseline is allowed",
        ),
    ],
)
def test_what_is_wrong_with_value_networks_is_said(
    options: dict[str, Any], path: str, value: Any, message: str
) -> None:
    put(with_lambda(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)
