"""Correct estimators pass, and each planted mistake is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pg.parts
import pytest
from pg.checking.findings import Findings
from tests.checking.planted import DISCOUNTED, MISTAKES, OFF_POLICY, ON_POLICY, PAIRS, UNBIASED

Checked = Callable[..., Findings]
TWO = (2,)


@pytest.mark.parametrize("source", [ON_POLICY, DISCOUNTED, OFF_POLICY], ids=["on-policy", "discounted", "off-policy"])
def test_a_correct_estimator_passes(checked: Checked, source: str) -> None:
    found = checked(source)
    assert [bias for bias in found.biases if not bias.holds] == []
    assert [one for one in found.properties if not one.holds] == []
    assert found.passes
    assert found.diagnosis is not None
    assert found.diagnosis.mistakes == ()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_named(checked: Checked, name: str) -> None:
    found = checked(MISTAKES[name].source, sizes=TWO)
    assert found.passes == (name in UNBIASED)
    assert found.diagnosis is not None
    assert found.diagnosis.is_exact
    assert MISTAKES[name].words in found.diagnosis.words
    assert len(found.diagnosis.mistakes) + (found.diagnosis.factor != 1) == 1


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_planted_mistakes_are_named_together(checked: Checked, first: str, second: str) -> None:
    one, other = MISTAKES[first], MISTAKES[second]
    assert other.old in one.source
    found = checked(one.source.replace(other.old, other.new), sizes=TWO)
    assert not found.passes
    assert found.diagnosis is not None
    assert found.diagnosis.is_exact
    assert one.words in found.diagnosis.words
    assert other.words in found.diagnosis.words


PROPERTIES = {
    "same batch, same weights": "numpy.random.default_rng().normal() + to_go",
    "order of trajectories": "to_go * torch.arange(1, len(rewards) + 1)[:, None]",
    "padding": "to_go * mask.shape[1]",
    "finite": "to_go / (rewards.sum(-1, keepdim=True) > 0)",
    "equal returns": "to_go / rewards.abs().max()",
    "float32": "1e6 * to_go.sum() + to_go - 1e6 * to_go.sum()",
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_that_does_not_hold_is_named(checked: Checked, name: str) -> None:
    source = ON_POLICY.replace("advantages = to_go - baseline", f"advantages = {PROPERTIES[name]}")
    found = checked(f"import numpy\n{source}", sizes=TWO)
    assert not found.passes
    assert name in [one.name for one in found.properties if not one.holds]


def test_an_unknown_mistake_is_found_where_it_is(checked: Checked) -> None:
    wrong = "to_go + (torch.arange(to_go.shape[1]) == 1) * (log_probs > -0.5) * 3"
    found = checked(ON_POLICY.replace("advantages = to_go - baseline", f"advantages = {wrong}"))
    assert not found.passes
    assert found.diagnosis is None
    assert all(bias.worst.startswith("step 1") for bias in found.biases if bias.world.startswith("process"))


_PARTS = [
    path
    for folder in ("baselines", "returns", "corrections")
    for path in sorted((Path(pg.parts.__path__[0]) / folder).glob("*.py"))
    if path.stem not in ("__init__", "base", "registry", "weights", "future")
]


@pytest.mark.parametrize("path", _PARTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_built_in_parts_pass(checked: Checked, path: Path) -> None:
    options = {"constant": {"value": 0.7}, "gae": {"lambda": 0.8}}.get(path.stem, {})
    found = checked(path.read_text(encoding="utf-8"), **options)
    assert [bias for bias in found.biases if not bias.holds] == []
    assert [one for one in found.properties if not one.holds] == []
