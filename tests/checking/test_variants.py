"""No correct estimator is refused, however it is written."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pg.checking.findings import Findings
from tests.checking import variants
from tests.checking.variants import source_of

Checked = Callable[..., Findings]
FEW, ALL = 8, 200


def alarms(found: Findings) -> list[str]:
    """Return what a check says against an estimator."""
    biases = [f"{bias.world}, N = {bias.n}: {bias.relative:.1g}" for bias in found.biases if not bias.holds]
    return biases + [one.sentence for one in found.properties if one.is_required and not one.holds]


@pytest.mark.parametrize("seed", range(FEW))
def test_a_correct_variant_passes_for_every_legal_number_of_trajectories(checked: Checked, seed: int) -> None:
    source = source_of(seed)
    found = checked(source)
    assert found.passes, (alarms(found), source)
    # The others' average needs another trajectory; everything else is legal, and checked, with one.
    needs_another = re.search(r"\(n - 1\)|total\[i \+ 1 :\]|np\.delete|half = ", source)
    assert {bias.n for bias in found.biases} - {1} == {2, 3, 4, 5, 8}
    assert (1 in {bias.n for bias in found.biases}) == (needs_another is None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FEW, ALL))
def test_each_of_many_correct_variants_passes(checked: Checked, seed: int) -> None:
    found = checked(source_of(seed))
    assert found.passes, (alarms(found), source_of(seed))


def test_every_way_of_writing_is_among_them() -> None:
    ways = [way for name, group in vars(variants).items() if name.isupper() for way in group.values()]
    written = "\n".join(source_of(seed).replace("\n    ", "\n") for seed in range(ALL))
    assert len(ways) > 60
    assert [way for way in ways if way not in written] == []
