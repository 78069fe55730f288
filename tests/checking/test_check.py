"""Correct estimators pass, and each planted mistake is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pg.parts
import pytest
from pg.checking.findings import Findings
from pg.checking.table import on_average
from tests.checking.planted import (
    BASELINE,
    BOOTSTRAPPING,
    DISCOUNTED,
    MISTAKES,
    NEXT_FIVE,
    OFF_POLICY,
    ON_POLICY,
    PAIRS,
    PER_DECISION,
    TRIMMED,
    TRIMMED_OTHERS,
    UNBIASED,
)

Checked = Callable[..., Findings]
TWO = (2,)
PART = """\
from pg.parts.baselines.base import Baseline


class Mine(Baseline):
    name: str = "mine:Mine"

    def __call__(self, batch):
        return {}
"""


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


def said_of(found: Findings) -> str:
    return " ".join(str(found).split())


FURTHER = {
    "trajectories": (
        TRIMMED,
        "right with up to 4 trajectories: look at what it does from N = 5 on",
        "baseline leave one out",
    ),
    "steps": (NEXT_FIVE, "right in episodes of up to 3 steps: look at what it does in longer ones", "no baseline"),
}


@pytest.mark.parametrize("name", FURTHER)
def test_a_mistake_that_begins_with_more_trajectories_or_steps_is_found(checked: Checked, name: str) -> None:
    source, beginning, nearest = FURTHER[name]
    found = checked(source)
    assert not found.passes
    assert beginning in on_average(found)
    assert found.diagnosis is not None
    assert f"In small batches of short episodes it equals a known estimator: {nearest}. In larger" in said_of(found)


def test_what_differs_in_larger_batches_alone_passes_and_is_said_to_differ(checked: Checked) -> None:
    found = checked(TRIMMED_OTHERS)
    assert found.passes
    known = "it equals a known estimator: baseline leave one out. In larger ones it does not: weights differ by up to"
    assert f"In small batches of short episodes {known}" in said_of(found)
    assert "same weights" not in said_of(found)


def test_what_bootstraps_in_long_episodes_alone_is_noticed(checked: Checked) -> None:
    # The rewards of five steps, and the value of the state after them.
    found = checked(
        NEXT_FIVE.replace("to_go - later\n", "to_go - later + after\n")
        .replace(
            "        return",
            "        after = torch.zeros_like(to_go)\n"
            "        after[..., :-5] = batch.state_values.along[..., 5:]\n        return",
        )
        .replace("def __call__", "needs_values = True\n\n    def __call__")
    )
    assert found.passes
    assert found.bootstraps


def test_what_was_tried_is_said(checked: Checked) -> None:
    said = said_of(checked(ON_POLICY))
    assert "batches of N = 2 with T ≤ 12; 3, 4 with T ≤ 3; 5 with T ≤ 2; 8 with T ≤ 1, and random ones of" in said
    assert "32 trajectories of up to 100 steps, with the same weights as the estimator named above. What it" in said


PROPERTIES = {
    "same batch, same weights": "numpy.random.default_rng().normal() + to_go",
    "order of trajectories": "to_go * torch.arange(1, len(rewards) + 1)[:, None]",
    "padding": "to_go * mask.shape[1]",
    "finite": "to_go / (rewards.sum(-1, keepdim=True) > 0)",
    "equal returns": "to_go / rewards.abs().max()",
    "large batches": "to_go / (rewards.shape[1] < 40)",
    "float32": "1e6 * to_go.sum() + to_go - 1e6 * to_go.sum()",
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_that_does_not_hold_is_named(checked: Checked, name: str) -> None:
    source = ON_POLICY.replace("advantages = to_go - baseline", f"advantages = {PROPERTIES[name]}")
    found = checked(f"import numpy\n{source}", sizes=TWO)
    assert not found.passes
    assert name in [one.name for one in found.properties if not one.holds]


def test_what_bootstraps_is_right_with_exact_values_alone(checked: Checked) -> None:
    for source, bootstraps in ((BOOTSTRAPPING, True), (BOOTSTRAPPING.replace("0.95", "1.0"), False)):
        found = checked(source, sizes=TWO)
        assert found.is_unbiased
        assert found.bootstraps == bootstraps
        (other,) = (bias for bias in found.biases if not bias.is_required)
        assert (other.relative > 0.01) == bootstraps


def test_an_expectation_means_nothing_if_two_calls_differ(checked: Checked) -> None:
    found = checked(
        f"import numpy\n{ON_POLICY.replace('to_go - baseline', 'to_go + numpy.random.default_rng().normal()')}"
    )
    assert [one.name for one in found.properties if not one.holds] == ["same batch, same weights"]
    assert found.biases == ()
    assert not found.passes


def test_a_part_that_mixes_batches_is_told_its_dimensions(checked: Checked) -> None:
    found = checked(PART.format("batch.returns.mean(0, keepdim=True)"))
    (failed,) = (one for one in found.properties if not one.holds)
    assert failed.name == "separate batches"
    assert "-2 the trajectories and -1 the steps" in failed.sentence


def test_a_multiple_of_the_gradient_is_said(checked: Checked) -> None:
    # A constant within each batch, but not one that is known.
    found = checked(ON_POLICY.replace("-(log_probs", "-(1 + 1 / len(rewards) ** 2) * (log_probs"), sizes=(2, 3))
    assert not found.passes
    assert found.hint == "On average it is a multiple of what it should be: 1.25 times at N = 2, 1.111 times at N = 3."


def test_a_baseline_that_looks_ahead_is_said(checked: Checked) -> None:
    longer = "(rewards.sum(-1) * mask.sum(-1)).median().expand_as(rewards)"
    found = checked(ON_POLICY.replace(BASELINE, longer), sizes=TWO)
    assert not found.passes
    assert found.hint.startswith(
        "The rewards-to-go less its weights, a baseline if it has one, depend on what the trajectory"
    )


def test_no_mistake_is_named_of_an_estimate_without_rewards(checked: Checked) -> None:
    found = checked(ON_POLICY.replace("advantages = to_go - baseline", "advantages = to_go * 0"), sizes=TWO)
    assert found.diagnosis is None
    assert not found.depends_on_rewards


def test_ratios_that_err_where_a_trajectory_has_ended_are_noticed(checked: Checked) -> None:
    source = OFF_POLICY.replace("((log_probs - old_log_probs) * mask)", "(log_probs - old_log_probs)")
    assert not checked(source, sizes=TWO).is_unbiased


def test_other_weights_are_compared_with_those_of_trajectories(checked: Checked) -> None:
    found = checked(OFF_POLICY.replace("(to_go - baseline)", "to_go"), sizes=TWO)
    assert [one.own for one in found.spreads] == pytest.approx([one.trajectory for one in found.spreads])
    found = checked(PER_DECISION, sizes=TWO)
    assert [one.own for one in found.spreads] == pytest.approx([one.per_decision for one in found.spreads])


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
    assert [bias for bias in found.biases if bias.is_required and not bias.holds] == []
    assert found.bootstraps == (path.stem == "gae")
    assert [one for one in found.properties if not one.holds] == []
