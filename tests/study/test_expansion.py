"""Sweeps become cells, seeds become blocks, and heirs inherit what they do not say."""

from typing import Any

import pytest
from pg.study.expansion import Block, ExtensionError, blocks, cells, extended, solvable
from pg.study.model.experiments import Seeds
from pg.study.validation import load


def test_an_heir_inherits_options_but_not_the_label_and_nested_ones_are_merged() -> None:
    variants = extended(
        {
            "a": {"label": "A", "policy": {"hidden": [8], "activation": "relu"}},
            "b": {"extends": "a", "batch": 4, "policy": {"hidden": [2]}},
            "c": {"extends": "b"},
        }
    )
    assert variants["c"] == {"batch": 4, "policy": {"hidden": [2], "activation": "relu"}}


def test_extending_in_a_circle_is_refused() -> None:
    with pytest.raises(ExtensionError, match="goes in a circle"):
        extended({"a": {"extends": "a"}})


def test_seeds_are_cut_into_blocks_that_stay_when_seeds_are_added() -> None:
    assert blocks(Seeds(count=5, first=3, per_job=2)) == (Block(3, 4), Block(5, 6), Block(7, 7))
    assert blocks(Seeds(count=6, first=3, per_job=2))[:2] == (Block(3, 4), Block(5, 6))


def test_lists_cross_and_each_level_has_a_name_and_its_values(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["sweep"] = {
        "variant.batch": [2, 4],
        "environment.horizon": [10],
        "variant.policy.hidden": [[4, 4]],
    }
    options["experiments"] = {"learn": options["experiments"]["learn"]}
    found = cells(load({**options, "figures": {}, "claims": {}}), "learn")
    assert [cell.variant_name for cell in found] == ["total", "total", "to_go", "to_go"]
    assert [cell.variant.batch for cell in found] == [2, 4, 2, 4]
    assert {cell.environment.horizon for cell in found} == {10}
    assert {cell.environment_id for cell in found} == {"cartpole@horizon=10"}
    assert len({cell.variant_id for cell in found}) == 4
    assert found[0].variant_id.startswith("total@batch=2,hidden=")
    assert found[0].levels["variant.policy.hidden"] == [4, 4]


def test_environments_with_a_threshold_have_a_common_scale(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["environments"] = ["chain", "cartpole"]
    assert solvable(load(options), "learn") == ("cartpole",)
    options["environments"]["chain"]["threshold"] = 0.0
    assert solvable(load(options), "learn") == ("chain", "cartpole")
