"""Pools of environments, and the messages that refuse illegal ones."""

from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.study.pooling import pooled_cells, pooled_environments, pools, shared_variants
from pg.study.validation import load


@pytest.fixture
def pooled(options: dict[str, Any]) -> dict[str, Any]:
    """Two experiments in different environments that share one of their variants."""
    options["environments"]["pendulum"] = {"id": "InvertedPendulum-v5", "threshold": 950, "horizon": 50}
    options["experiments"]["swing"] = options["experiments"]["learn"] | {
        "environments": ["pendulum", "chain"],
        "variants": ["to_go", "baseline"],
    }
    options["figures"]["across"] = {
        "kind": "performance_profiles",
        "experiment": "learn",
        "pooled": ["swing"],
        "section": "Introducing baselines",
    }
    return options


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


def test_an_experiment_with_two_thresholds_is_a_pool(pooled: dict[str, Any]) -> None:
    pooled["experiments"]["learn"]["environments"] = ["cartpole", "pendulum", "chain"]
    del pooled["figures"]["across"]

    assert pools(load(pooled)) == {"learn": ("learn",)}


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ({"pooled": []}, r"across\.experiment: needs 2 environments that declare a threshold; found: cartpole"),
        ({"pooled": ["swings"]}, r"across\.pooled: 'swings' is not known; did you mean 'swing'"),
        ({"pooled": ["gradients"]}, r"across\.pooled: performance_profiles draws train experiments, not probe"),
        ({"environments": ["cartpole"]}, r"across\.environments: performance_profiles pools every environment"),
        ({"variants": ["total"]}, r"across\.variants: 'total' is not known"),
        ({"kind": "learning_curves"}, r"across\.pooled: learning_curves draws one experiment; only performance_prof"),
        ({"pooled": ["learn"]}, r"across\.experiment: cartpole is in more than one of learn, learn"),
        ({"format": "eps"}, r"across\.format: "),
    ],
)
def test_an_illegal_pooled_figure_is_refused(pooled: dict[str, Any], figure: dict[str, Any], message: str) -> None:
    pooled["figures"]["across"] |= figure

    with pytest.raises(InvalidStudy, match=message):
        load(pooled)


@pytest.mark.parametrize(
    ("options_of_swing", "message"),
    [
        ({"sweep": {"variant.batch": [4, 8]}}, r"across\.experiment: swing and learn sweep different levels"),
        ({"variants": ["baseline"]}, r"across\.experiment: learn and swing share no variant to compare"),
    ],
)
def test_experiments_that_cannot_be_pooled_are_refused(
    pooled: dict[str, Any], options_of_swing: dict[str, Any], message: str
) -> None:
    pooled["experiments"]["swing"] = pooled["experiments"]["swing"] | options_of_swing

    with pytest.raises(InvalidStudy, match=message):
        load(pooled)
