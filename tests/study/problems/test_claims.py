"""A claim that its tables could not answer is refused before any job, and no other."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pg.claims import judge
from pg.claims.record import Claim, Family
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.tables import measurement_table
from pg.study.expansion import candidates, cells
from pg.study.record import Study
from pg.study.validation import load
from tests.claims.declared import write_relation
from tests.study.studies import assert_refused, changed, put, refusals, refused, with_reuse

PROBED = "claims/causality/parts/probed"
BEST = "claims/causality/parts/best"
LEVELS = {"batch": 8, "environment.rewards.offset": 1.0}
SELECTIONS = [
    {"variant": "baseline", **{column: LEVELS[column] for column in named}}
    for count in range(len(LEVELS) + 1)
    for named in itertools.combinations(LEVELS, count)
]
NUMBER = {"relation": "less", "reference": 0.5}
TOTAL, TO_GO = {"variant": "total"}, {"variant": "to_go"}
RELATIONS = ("a number", "a tolerance", "a tolerance on pairs", "a tolerance on a share")


def relation_to(kind: str, side: dict[str, Any]) -> dict[str, Any]:
    if kind == "a number":
        return NUMBER
    exact = {"relation": "exact", "margin": 9.0}
    # A side must not be a copy of another.
    total, to_go = ({**side, "variant": name} if "variant" in side else side for name in ("total", "to_go"))
    if kind == "a tolerance on pairs":
        return exact | {"b": total}
    ends = {"share_of": {"zero": total, "one": to_go}} if kind == "a tolerance on a share" else {}
    return exact | {"reference": 0.5} | ends


def table_of(study: Study) -> pd.DataFrame:
    """Return the table of the small study's probe, with numbers of no meaning."""
    generator = np.random.default_rng(0)
    product = itertools.product(range(1, 4), study.experiments["gradients"].variants, (8, 16))
    names = pd.DataFrame(product, columns=["seed", "variant", "batch"])
    rows = {
        (cell.environment_id, stage): names.assign(total_variance=generator.uniform(1, 2, len(names)))
        for cell in cells(study, "gradients")
        for stage in ("initial", "late")
    }
    return measurement_table(cells(study, "gradients"), ProbeExperiment, rows)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("metric", ["total_variance", "log_variance_slope"])
@pytest.mark.parametrize("side", SELECTIONS, ids=lambda side: "+".join(side))
def test_part_is_refused_exactly_if_it_could_not_be_judged(
    options: dict[str, Any], side: dict[str, Any], metric: str, relation: str
) -> None:
    options["experiments"]["gradients"]["sweep"] = {"environment.rewards.offset": [0.0, 1.0]}
    options["experiments"]["gradients"]["variants"].append("to_go")
    put(options, PROBED, {"experiment": "gradients", "metric": metric, "a": side, **relation_to(relation, side)})
    claim = Claim.model_validate(options["claims"]["causality"])
    table = table_of(load(options | {"claims": {}}))
    try:
        judge.evaluate("causality", claim, {"gradients": table})
    except ValueError:
        refused(options, r"selects no .*; add one of|measured over all of batch at once")
    else:
        assert load(options)


@refusals(
    """
claims/causality/parts/probed/a: {variant: baseline} => : selects no batch; add one of 8, 16
claims/causality/parts/probed/b: {variant: total} => : selects no batch; add one of 8, 16
claims/causality/parts/probed/metric: log_variance_slope => a.batch: log_variance_slope is measured over all of batch at
  once; leave it out
claims/causality/parts/far/a: {variant: per_step} => : selects no steps; add one of 0, 4
claims/causality/parts/long/b: {variant: per_step} => : selects no horizon; add one of 10, 50
experiments/stale/sweep: {variant.batch: [4, 8]} => parts.far.a: selects no variant.batch; add one of 4, 8
claims/causality/parts/probed/a/variant: to_go => : to_go is declared, but not in experiments.gradients.variants: total,
  baseline; add it there
claims/causality/parts/probed/a/variant: [to_go] => : ['to_go'] is not one of the experiment's total, baseline
claims/causality/parts/probed/relation: own_relations:Far => : 'own_relations:Far' is no subclass of … 'FarAbove'
"""
)
def test_selection_that_an_experiment_lacks_is_named(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, value: Any, message: str
) -> None:
    write_relation(tmp_path, monkeypatch)
    assert_refused(with_reuse(options), path, value, message)


def test_single_levels_need_no_name_and_relations_may_be_own(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_relation(tmp_path, monkeypatch)
    options["experiments"]["gradients"]["sample"]["batches"] = [8]
    options["experiments"]["gradients"]["sweep"] = {"environment.rewards.offset": [1.0]}
    put(options, f"{PROBED}/a", {"variant": "baseline"})
    put(options, f"{PROBED}/relation", "own_relations:FarAbove")
    assert load(options).claims["causality"].parts["probed"].relation == "own_relations:FarAbove"


@refusals(
    """
claims/causality/parts/probed: {experiment: learn, metric: area, a: {variant: to_go}, stages: [late]}
  => .stages: late: learn trains, and training has no stages; leave stages out
claims/causality/parts/probed: {experiment: learn, metric: solved, a: {variant: total}, environments: [catpole]}
  => .environments: 'catpole' is not known; did you mean 'cartpole'?; allowed: cartpole, short
claims/causality/parts/probed: {experiment: learn, metric: solved, a: {variant: total}, environments: [short]}
  => .metric: solved needs threshold, and short declares none
claims/causality/parts/probed: {experiment: learn, metric: failed, a: {variant: to_go}, environments: [cartpole]}
  => .metric: failed needs failed_below, and cartpole declares none
claims/causality/parts/probed: {experiment: exact, metric: variance_ratio, a: {variant: to_go, variant.batch: 2}}
  => .metric: variance_ratio is measured on sampled batches, and exact declares none; add sampled_batches
claims/causality/parts/probed:
  {experiment: exact, metric: shrinkage, a: {variant: to_go, variant.batch: 2, metric: sampled_variance}}
  => .a.metric: sampled_variance is measured on sampled batches, and exact declares none; add sampled_batches
claims/causality/parts/probed: {experiment: gradients, metric: log_variance_slope, a: {variant: total}}
  => .metric: log_variance_slope needs two sizes above 0, and gradients has batch: 8
claims/causality/parts/probed: {experiment: gradients, metric: explained_variance, a: {variant: total}}
  => .a.variant: explained_variance needs a value network, and total has none; give it baseline: value_network
claims/causality/parts/probed: {experiment: stale, metric: state_part, a: {variant: per_step, steps: 4}}
  => .metric: state_part is computed from tables, and short (CartPole-v1) has none
"""
)
def test_unmet_need_of_a_metric_is_named(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    with_reuse(options)["experiments"]["gradients"]["sample"]["batches"] = [8]
    assert_refused(options, path, value | NUMBER, f"one problem:\n  {path.replace('/', '.')}{message}")


def test_problem_of_both_sides_is_named_once(options: dict[str, Any]) -> None:
    del options["environments"]["cartpole"]["threshold"]
    put(options, PROBED, {"experiment": "learn", "metric": "solved", "a": TOTAL, "b": TO_GO, "relation": "less"})
    assert len(refused(options)) == 1


def test_metric_of_tables_needs_tables_in_named_environments(options: dict[str, Any]) -> None:
    options = with_reuse(options)
    options["experiments"]["learn"]["environments"].append("chain")
    options["experiments"]["stale"]["environments"] = ["short", "chain"]
    part = {"experiment": "stale", "metric": "state_part", "a": {"variant": "per_step", "steps": 4}} | NUMBER
    put(options, PROBED, part)
    assert load(options)
    put(options, PROBED, part | {"environments": ["chain", "short"]})
    refused(options, r"metric: state_part is computed from tables, and short ")


def test_stages_need_partners_in_the_experiment_of_b(options: dict[str, Any]) -> None:
    late = options["experiments"]["gradients"] | {"source": options["experiments"]["gradients"]["source"].copy()}
    late["source"]["stages"] = ["late"]
    options["experiments"]["late_gradients"] = late
    put(options, f"{PROBED}/against", "late_gradients")
    refused(options, r"against: late_gradients: stages: 'initial' is not known.*; allowed: late$")
    assert load(changed(options, f"{PROBED}/stages", "[late]"))
    changed(options, f"{PROBED}/stages", "[]")
    for side, stage in (("a", "initial"), ("b", "late")):
        put(options, f"{PROBED}/{side}/stage", stage)
    assert load(options)


# Shown cases, conditions and copies -----------------------------------------------------------------------------------


@refusals(
    """
claims/causality/parts/probed/shown: {environment: catpole} => .environment: 'catpole' is not known; did you mean
  'cartpole'?; allowed: cartpole
claims/causality/parts/probed/shown: {stage: lat} => .stage: 'lat' is not known; did you mean 'late'?; allowed: initial,
  late
claims/causality/parts/probed: {experiment: learn, metric: area, a: {variant: total}, reference: 0, relation: less,
  shown: {stage: late}} => .shown.stage: late: the cases of this part have no stage; leave it out
claims/causality/parts/probed: {experiment: gradients, metric: cosine, a: {variant: total, batch: 8}, reference: 0,
  relation: exact, margin: 1, shown: {stage: late}} => : relation: exact shows the largest deviation; leave shown out
claims/causality/parts/probed/provided: {metric: cosin, relation: less, reference: 0} => .metric: 'cosin' is not known;
  did you mean 'cosine'
claims/causality/parts/probed/provided: {metric: area, relation: less, reference: 0} => .metric: area is measured by
  train experiments, not probe
claims/causality/parts/probed/provided: {metric: cosine, relation: less, reference: 0, a: {variant: total}} => .a:
  selects no batch; add one of 8, 16
claims/causality/parts/probed/provided: {metric: cosine, relation: less} => probed: provided: give either b or reference
claims/causality/parts/probed/provided: {metric: cosine, relation: equal, reference: 0} => probed: provided: relation:
  equal needs a margin
claims/causality/parts/probed/provided: {metric: cosine, relation: less, b: {variant: baseline, batch: 8}} => .b:
  baseline has the same runs in cartpole as a: baseline; choose another variant or level
claims/causality/parts/probed/b: {variant: baseline, batch: 8} => : baseline has the same runs in cartpole as a:
  baseline; choose another variant or level
"""
)
def test_illegal_case_condition_or_copy_is_named(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(options, path, value, message)


def test_case_and_condition_are_kept(options: dict[str, Any]) -> None:
    put(options, f"{PROBED}/shown", {"stage": "late"})
    put(options, f"{PROBED}/provided", {"metric": "cosine", "relation": "less", "reference": 0.9})
    study = load(options)
    part = study.claims["causality"].parts["probed"]
    condition = part.condition
    assert part.shown is not None
    assert condition is not None
    assert (part.shown.stage, condition.a, condition.metric, condition.provided) == ("late", part.a, "cosine", None)
    assert Claim.model_validate_json(study.claims["causality"].canonical()) == study.claims["causality"]


def test_learner_is_not_compared_with_its_copy_of_another_name(options: dict[str, Any]) -> None:
    idle = {"extends": "to_go", "importance": "per_step"}
    options["variants"] |= {"idle": idle, "reuse": idle | {"gradient_steps": 2}}
    options["experiments"]["again"] = {**options["experiments"]["learn"], "variants": ["idle", "reuse"]}
    part = {"experiment": "learn", "against": "again", "metric": "area", "relation": "less", "a": TO_GO}
    put(options, PROBED, part | {"b": {"variant": "idle"}})
    refused(
        options, r"parts\.probed\.b: idle has the same runs in cartpole as a: to_go; choose another variant or level$"
    )
    put(options, PROBED, part | {"b": {"variant": "reuse"}})
    assert load(options)
    put(options, f"{PROBED}/b", {"variant": "idle", "metric": "final_return"})
    assert load(options), "two metrics of one run may be compared"


def test_copies_are_one_candidate(families: dict[str, Any]) -> None:
    families["variants"]["idle"] = {"extends": "to_go", "importance": "per_step"}
    families["experiments"]["reuse"]["variants"].append("idle")
    families["claims"]["causality"]["parts"]["best"]["b"]["best_of"][0]["variant"] = "idle"
    refused(families, r"b\.best_of\.1: is the same as b\.best_of\.0: to_go@gradient_steps=1")


# Families of candidates -----------------------------------------------------------------------------------------------


@pytest.fixture
def families(options: dict[str, Any]) -> dict[str, Any]:
    """Add a sweep over gradient steps, and a claim on the best of two with many steps and with one."""
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


def test_family_survives_the_canonical_text_of_its_claim(families: dict[str, Any]) -> None:
    claim = load(families).claims["causality"]
    side = claim.parts["best"].b
    assert isinstance(side, Family)
    assert [one["variant"] for one in side.best_of] == ["total", "to_go"]
    assert Claim.model_validate_json(claim.canonical()) == claim


def test_candidates_of_a_part_are_cells_of_its_environments(families: dict[str, Any]) -> None:
    families["environments"]["short"] = {"id": "CartPole-v1", "horizon": 50, "threshold": 20}
    put(families, "experiments/reuse/environments", ["cartpole", "short"])
    study = load(families)
    part = study.claims["causality"].parts["best"]
    ids = [(cell.environment_name, cell.variant_name, cell.variant.gradient_steps) for cell in candidates(study, part)]
    assert len(ids) == 8
    assert ids[:3] == [("cartpole", "total", 4), ("cartpole", "to_go", 4), ("short", "total", 4)]
    study = load(changed(families, f"{BEST}/environments", "[short]"))
    assert len(candidates(study, study.claims["causality"].parts["best"])) == 4
    assert candidates(study, study.claims["causality"].parts["probed"]) == ()


def test_side_b_may_come_from_another_experiment(families: dict[str, Any]) -> None:
    families["experiments"]["again"] = {**families["experiments"]["reuse"], "sweep": {"variant.gradient_steps": [1]}}
    study = load(changed(families, f"{BEST}/against", "again"))
    experiments = [cell.experiment for cell in candidates(study, study.claims["causality"].parts["best"])]
    assert experiments == ["reuse", "reuse", "again", "again"]
    families["experiments"]["again"]["tuning"] = {"grid": [0.01, 0.03, 0.1], "seeds": 2}
    message = r"b\.best_of: has 2 × 3 learning rates as candidates, and a has 2 × 2"
    refused(changed(families, f"{BEST}/against", "again"), message)


def test_family_may_be_compared_with_a_reference(families: dict[str, Any]) -> None:
    part = families["claims"]["causality"]["parts"]["best"]
    put(families, BEST, {**part, "b": None, "reference": 50.0, "ratio_of_means": False})
    assert load(families).claims["causality"].parts["best"].reference == 50


TOTAL_4, TOTAL_1 = "{variant: total, variant.gradient_steps: 4}", "{variant: total, variant.gradient_steps: 1}"


@refusals(
    """
best/a: {best_of: []} => .best_of: is empty, and needs at least 1 item
best/a/variant: to_go => : unknown key; allowed: best_of
best/a/best_of: [{variant: to_go, variant.gradient_steps: 4}] => best.b.best_of: has 2 × 2 learning rates as candidates,
  and a has 1 × 2 learning rates; both need equally many
best/b/best_of: [{variant: to_go, variant.gradient_steps: 1}] => : has 1 × 2 learning rates as candidates, and a has
  2 × 2 learning rates; both need equally many
best/against: reusse => : 'reusse' … did you mean 'reuse'
best/against: gradients => : gradients is of kind probe; reuse is of kind train
best/b: {variant: to_go, variant.gradient_steps: 1} => : a is the best of several candidates; give side b a
  best_of
best/a: {variant: to_go, variant.gradient_steps: 4} => : b is the best of several candidates; give side a a
  best_of
best/a/best_of: [{variant: to_go}, {variant: total, variant.gradient_steps: 4}] => .0: selects no
  variant.gradient_steps; add one of 1, 4
best/a/best_of: [{variant: to_go, variant.gradient_steps: 4}, {variant: to_go, variant.gradient_steps: 4}] => .1: is the
  same as a.best_of.0: to_go@gradient_steps=4
best/b/best_of: [{variant: to_go, variant.gradient_steps: 4, variant.batch: 16}, {variant: total}] => .0: is the same as
  a.best_of.1: to_go@gradient_steps=4
best/a/best_of: [{variant: togo, variant.gradient_steps: 4}] => .0.variant: 'togo' is not one of the experiment's
best/a/best_of: [{variant: total, variant.gradient_steps: 3}] => .0.variant.gradient_steps: 3 is not one
best/a/best_of: [{variant: to_go, variant.gradient_steps: 4, metric: area}] => .0.metric: tuning ranks candidates by one
  score; judge them by the part's metric, steps_to_threshold
probed/a: {best_of: [{variant: baseline, batch: 8}]} => .best_of: candidates are ranked by tuning, and gradients trains
  none
best/metric: area => best.ratio_of_means: needs a metric that is never negative, not area; allowed:
best/b: null => parts.best: give either b or reference
best/relation: exact => parts.best: relation: exact needs a margin
"""
)
def test_problem_of_a_family_is_named(families: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(families, f"claims/causality/parts/{path}", value, message)


def test_candidate_with_a_learning_rate_of_its_own_is_refused(families: dict[str, Any]) -> None:
    put(families, "variants/to_go/optimizer", {"learning_rate": 0.1})
    refused(families, r"best\.a\.best_of\.1: to_go has no tuned learning rate, so it has no score")


@pytest.mark.parametrize(
    ("options_of_part", "message"),
    [
        ("{relation: exact, margin: 0.1}", r"ratio_of_means: true compares a with b in a test; give b, and a relation"),
        ("{b: null, reference: 1.0}", r"ratio_of_means: true compares a with b"),
        (
            f"{{b: null, reference: 1.0, ratio_of_means: false, share_of: {{zero: {TOTAL_1}, one: {TOTAL_4}}}}}",
            r"parts\.best: share_of needs a selection of rows in a; best_of is not allowed",
        ),
        (
            f"{{a: {TOTAL_4}, b: null, reference: 0.0, against: learn, ratio_of_means: false}}",
            "against names the experiment of b; give b",
        ),
    ],
)
def test_meaningless_options_of_a_part_are_refused(
    families: dict[str, Any], options_of_part: str, message: str
) -> None:
    families["claims"]["causality"]["parts"]["best"] |= yaml.safe_load(options_of_part)
    refused(families, message)


def test_partners_need_equal_seeds_and_learning_rates(families: dict[str, Any]) -> None:
    other = {"seeds": {"count": 1}, "tuning": {"grid": [0.1, 0.2, 0.3], "seeds": 2}}
    families["experiments"]["again"] = families["experiments"]["reuse"] | other
    put(families, f"{BEST}/against", "again")
    refused(families, r"rows are paired by seed, and again has seeds 0 to 0(.|\n)*has 2 × 3")
