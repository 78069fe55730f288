"""Pools of environments, and the messages that refuse illegal ones."""

from typing import Any

import pytest
from pg.study.pooling import pooled_cells, pooled_environments, pools, shared_variants
from pg.study.validation import load
from tests.study.studies import assert_refused, refusals, with_added


@pytest.fixture
def pooled(options: dict[str, Any]) -> dict[str, Any]:
    """Two experiments in different environments that share one of their variants."""
    return with_added(
        options,
        """
        environments:
          pendulum: {id: InvertedPendulum-v5, threshold: 950, horizon: 50}
        experiments:
          swing:
            kind: train
            environments: [pendulum, chain]
            variants: [to_go, baseline]
            seeds: {count: 5, per_job: 2}
            budget: {steps: 100}
            tuning: {grid: [0.01, 0.1], seeds: 2}
        figures:
          across: {kind: performance_profiles, experiment: learn, pooled: [swing], section: Introducing baselines}
        """,
    )


def test_a_pool_has_shared_variants_and_thresholds(pooled: dict[str, Any]) -> None:
    study = load(pooled)
    pool = study.figures["across"].pool
    assert pools(study) == {"learn+swing": ("learn", "swing")}
    assert pooled_environments(study, pool) == ("cartpole", "pendulum")
    assert shared_variants(study, pool) == ("to_go",)
    assert [cell.names for cell in pooled_cells(study, pool)] == [
        {"environment": "cartpole", "variant": "to_go"},
        {"environment": "pendulum", "variant": "to_go"},
    ]


def test_a_variant_is_shared_if_all_experiments_train_it(pooled: dict[str, Any]) -> None:
    pooled["experiments"]["third"] = pooled["experiments"]["swing"] | {"variants": ["baseline", "to_go"]}
    study = load(pooled)
    assert shared_variants(study, ("third", "swing", "learn")) == ("to_go",)
    assert shared_variants(study, ("third", "swing")) == ("baseline", "to_go")


def test_a_threshold_of_evaluations_counts_for_a_pool(pooled: dict[str, Any]) -> None:
    pooled["experiments"]["swing"]["evaluate"] = {"threshold": 1.0}
    assert pooled_environments(load(pooled), ("learn", "swing")) == ("cartpole", "pendulum", "chain")


def test_an_environment_under_two_names_counts_once(pooled: dict[str, Any]) -> None:
    pooled["environments"]["again"] = pooled["environments"]["cartpole"] | {"threshold": 30, "label": "another"}
    pooled["experiments"]["swing"]["environments"] = ["again", "pendulum"]
    study = load(pooled)
    assert pooled_environments(study, ("learn", "swing")) == ("cartpole", "pendulum")
    assert [cell.environment_name for cell in pooled_cells(study, ("learn", "swing"))] == ["cartpole", "pendulum"]


def test_an_experiment_with_two_thresholds_is_a_pool(pooled: dict[str, Any]) -> None:
    pooled["experiments"]["learn"]["environments"] = ["cartpole", "pendulum", "chain"]
    del pooled["figures"]["across"]
    assert pools(load(pooled)) == {"learn": ("learn",)}


@refusals(
    """
figures/across/pooled: [] => figures.across.experiment: needs 2 environments that declare a threshold; found: cartpole
figures/across/pooled: [swings] => figures.across.pooled: 'swings' is not known; did you mean 'swing'
figures/across/pooled: [gradients] => figures.across.pooled: performance_profiles draws train experiments, not probe
figures/across/environments: [cartpole] => figures.across.environments: performance_profiles pools every environment
figures/across/variants: [total] => figures.across.variants: 'total' is not known
figures/across/kind: learning_curves => figures.across.pooled: learning_curves draws one experiment; these draw several
figures/across/pooled: [learn] => figures.across.experiment: cartpole is in more than one of learn, learn
figures/across/format: eps => figures.across.format:
experiments/swing/sweep: {variant.batch: [4, 8]} => across.experiment: swing and learn sweep different levels
experiments/swing/variants: [baseline] => across.experiment: learn and swing share no variant to compare
"""
)
def test_an_illegal_pool_is_refused(pooled: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(pooled, path, value, message)
