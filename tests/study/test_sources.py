"""Sources of the policies that are measured."""

from typing import Any

import pytest
from pg.experiments.cells import Block
from pg.study.sources import places_of, source_blocks, stages_of
from pg.study.validation import load


def test_policies_without_a_source_are_random(options: dict[str, Any]) -> None:
    study = load(options)
    assert study.experiments["exact"].policies_from is None
    assert stages_of(study, "exact") == ("random",)


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(1, 3, ["0-1", "2-3"]), (2, 3, ["2-3"]), (3, 4, ["2-3", "4-4"]), (0, 4, ["0-1", "2-3", "4-4"])],
)
def test_a_block_of_policies_lies_in_the_blocks_that_trained_any_of_them(
    options: dict[str, Any], first: int, last: int, found: list[str]
) -> None:
    study = load(options)
    source = study.experiments["gradients"].policies_from
    assert source is not None
    assert [str(block) for block in source_blocks(study, source, Block(first, last))] == found


def test_every_environment_is_measured_at_every_stage(options: dict[str, Any]) -> None:
    assert places_of(load(options), "gradients") == (("cartpole", "initial"), ("cartpole", "late"))
