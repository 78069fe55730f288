"""A claim that its tables could not answer is refused before any job, and no other."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pg.claims import judge as claims
from pg.claims.record import Claim
from pg.core.errors import InvalidStudy
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.tables import measurement_table
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.validation import load
from tests.claims.declared import write_relation
from tests.study.studies import put, with_reuse

PROBED = "claims/causality/parts/probed"
LEVELS = {"batch": 8, "environment.rewards.offset": 1.0}
SELECTIONS = [
    {"variant": "baseline", **{column: LEVELS[column] for column in named}}
    for count in range(len(LEVELS) + 1)
    for named in itertools.combinations(LEVELS, count)
]
NUMBER = {"relation": "less", "reference": 0.5}
RELATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a number": lambda _: NUMBER,
    "a tolerance": lambda _: {"relation": "exact", "margin": 9.0, "reference": 0.5},
    "a tolerance on pairs": lambda side: {"relation": "exact", "margin": 9.0, "b": side},
    "a tolerance on a share": lambda side: {
        "relation": "exact",
        "margin": 9.0,
        "reference": 0.5,
        "share_of": {"zero": side, "one": side},
    },
}


def table_of(study: Study) -> pd.DataFrame:
    """Return the table of the small study's probe, with numbers of no meaning."""
    generator = np.random.default_rng(0)
    experiment = study.experiments["gradients"]
    names = pd.DataFrame(
        itertools.product(range(1, 4), experiment.variants, (8, 16)), columns=["seed", "variant", "batch"]
    )
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
    part = {"experiment": "gradients", "metric": metric, "a": side, **RELATIONS[relation](side)}
    put(options, PROBED, part)
    claim = Claim.model_validate(options["claims"]["causality"])
    table = table_of(load(options | {"claims": {}}))
    try:
        claims.evaluate("causality", claim, {"gradients": table})
    except ValueError:
        with pytest.raises(InvalidStudy, match=r"selects no .*; add one of|measured over all of batch at once"):
            load(options)
    else:
        assert load(options)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (f"{PROBED}/a", {"variant": "baseline"}, r"parts\.probed\.a: selects no batch; add one of 8, 16$"),
        (f"{PROBED}/b", {"variant": "total"}, r"parts\.probed\.b: selects no batch; add one of 8, 16$"),
        (
            f"{PROBED}/metric",
            "log_variance_slope",
            r"a\.batch: log_variance_slope is measured over all of batch at once",
        ),
        ("claims/causality/parts/far/a", {"variant": "per_step"}, r"far\.a: selects no steps; add one of 0, 4$"),
        (
            "claims/causality/parts/long/b",
            {"variant": "per_step"},
            r"long\.b: selects no horizon; add one of 10, 50$",
        ),
        (
            "experiments/stale/sweep",
            {"variant.batch": [4, 8]},
            r"parts\.far\.a: selects no variant\.batch; add one of 4, 8\n",
        ),
    ],
)
def test_open_level_is_named_with_its_values(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(with_reuse(options), path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(options)


def test_single_level_need_not_be_named(options: dict[str, Any]) -> None:
    options["experiments"]["gradients"]["sample"]["batches"] = [8]
    options["experiments"]["gradients"]["sweep"] = {"environment.rewards.offset": [1.0]}
    put(options, f"{PROBED}/a", {"variant": "baseline"})
    assert load(options)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            f"{PROBED}/a/variant",
            "to_go",
            "a.variant: to_go is declared, but not in experiments.gradients.variants: total, baseline; add it there",
        ),
        (
            PROBED,
            {"experiment": "learn", "metric": "area", "a": {"variant": "to_go"}, "stages": ["late"]} | NUMBER,
            "stages: late: learn trains, and training has no stages; leave stages out",
        ),
        (f"{PROBED}/a/variant", ["to_go"], "a.variant: ['to_go'] is not one of the experiment's total, baseline"),
    ],
)
def test_absence_from_an_experiment_is_not_absence_from_the_study(
    options: dict[str, Any], path: str, value: Any, message: str
) -> None:
    put(options, path, value)
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    assert refused.value.problems == (f"{PROBED.replace('/', '.')}.{message}",)


@pytest.mark.parametrize(
    ("options_of_part", "message"),
    [
        (
            {"experiment": "exact", "metric": "variance_ratio", "a": {"variant": "to_go", "variant.batch": 2}},
            "metric: variance_ratio is measured on sampled batches, and exact declares none; add sampled_batches",
        ),
        (
            {"experiment": "gradients", "metric": "log_variance_slope", "a": {"variant": "total"}},
            "metric: log_variance_slope needs two sizes above 0, and gradients has batch: 8",
        ),
        (
            {"experiment": "stale", "metric": "state_part", "a": {"variant": "per_step", "steps": 4}},
            "metric: state_part is computed from tables, and short (CartPole-v1) has none",
        ),
        (
            {"experiment": "gradients", "metric": "explained_variance", "a": {"variant": "total"}},
            "a.variant: explained_variance needs a value network, and total has none; give it baseline: value_network",
        ),
        (
            {
                "experiment": "exact",
                "metric": "total_variance",
                "a": {"variant": "to_go", "variant.batch": 2, "metric": "sampled_variance"},
            },
            "a.metric: sampled_variance is measured on sampled batches, and exact declares none; add sampled_batches",
        ),
        (
            {
                "experiment": "learn",
                "metric": "solved",
                "a": {"variant": "total"},
                "environments": ["catpole"],
            },
            "environments: 'catpole' is not known; did you mean 'cartpole'?; allowed: cartpole, short",
        ),
    ],
)
def test_unmet_need_of_a_metric_is_named(
    options: dict[str, Any], options_of_part: dict[str, Any], message: str
) -> None:
    with_reuse(options)["experiments"]["gradients"]["sample"]["batches"] = [8]
    assert load(options)
    put(options, PROBED, options_of_part | NUMBER)
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    assert refused.value.problems == (f"{PROBED.replace('/', '.')}.{message}",)


def test_problem_of_both_sides_is_named_once(options: dict[str, Any]) -> None:
    del options["environments"]["cartpole"]["threshold"]
    side = {"variant": "total"}
    put(options, PROBED, {"experiment": "learn", "metric": "solved", "a": side, "b": side, "relation": "less"})
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    (problem,) = refused.value.problems
    assert problem.endswith("probed.metric: solved needs a threshold, and cartpole declares none")


def test_metric_of_tables_needs_tables_in_named_environments(options: dict[str, Any]) -> None:
    options = with_reuse(options)
    options["experiments"]["learn"]["environments"].append("chain")
    options["experiments"]["stale"]["environments"] = ["short", "chain"]
    part = {"experiment": "stale", "metric": "state_part", "a": {"variant": "per_step", "steps": 4}} | NUMBER
    put(options, PROBED, part)
    assert load(options)
    put(options, PROBED, part | {"environments": ["chain", "short"]})
    with pytest.raises(InvalidStudy, match=r"metric: state_part is computed from tables, and short "):
        load(options)


def test_stages_need_partners_in_the_experiment_of_b(options: dict[str, Any]) -> None:
    late = options["experiments"]["gradients"] | {"source": options["experiments"]["gradients"]["source"].copy()}
    late["source"]["stages"] = ["late"]
    options["experiments"]["late_gradients"] = late
    put(options, f"{PROBED}/against", "late_gradients")
    with pytest.raises(
        InvalidStudy, match=r"against: late_gradients: stages: 'initial' is not known.*; allowed: late$"
    ):
        load(options)
    put(options, f"{PROBED}/stages", ["late"])
    assert load(options)
    put(options, f"{PROBED}/stages", [])
    for side, stage in (("a", "initial"), ("b", "late")):
        put(options, f"{PROBED}/{side}/stage", stage)
    assert load(options)


def test_relation_from_outside_is_read_or_refused_with_the_nearest(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_relation(tmp_path, monkeypatch)
    put(options, f"{PROBED}/relation", "own_relations:FarAbove")
    assert load(options).claims["causality"].parts["probed"].relation == "own_relations:FarAbove"
    put(options, f"{PROBED}/relation", "own_relations:Far")
    with pytest.raises(InvalidStudy, match=r"relation: 'own_relations:Far' is no subclass of .*'FarAbove'"):
        load(options)
