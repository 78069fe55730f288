"""Sweeps become cells, and seeds become blocks."""

from typing import Any

from pg.experiments.cells import Block
from pg.experiments.kind import Seeds
from pg.study.expansion import cells
from pg.study.validation import load


def test_seeds_are_cut_into_blocks_that_stay_when_seeds_are_added() -> None:
    assert Seeds(count=5, first=3, per_job=2).blocks == (Block(3, 4), Block(5, 6), Block(7, 7))
    assert Seeds(count=6, first=3, per_job=2).blocks[:2] == (Block(3, 4), Block(5, 6))


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
