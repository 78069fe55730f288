"""Numbers and names in words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pg.plotting import text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.04123, "0.0412"),
        (48_234.0, "48,200"),
        (12.0, "12.0"),
        (999.6, "1,000"),
        (-0.0314159, "−0.0314"),
        (3.1e-6, "3.1 × 10⁻⁶"),
        (0.0, "0"),
        (math.nan, "–"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_keep_three_significant_digits(value: float, written: str) -> None:
    assert text.number(value) == written


def test_a_note_has_two_digits_and_an_interval_if_there_is_one() -> None:
    assert text.noted(0.4567, 0.25, 0.75) == "0.46 (0.25–0.75)"
    assert text.noted(0.5, math.nan, math.nan) == "0.50"


def test_of_several_names_the_first_is_told_and_no_name_is_counted_that_is_as_short_to_tell() -> None:
    assert [text.first_of(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a and 2 more"]


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"steps": 6_000, "iterations": None}, "6,000 environment steps"),
        ({"steps": 1, "iterations": None}, "1 environment step"),
        ({"steps": 6_000, "iterations": 3}, "6,000 environment steps or 3 iterations, whichever comes first"),
    ],
)
def test_a_budget_names_its_iterations_where_it_has_them(budget: dict[str, Any], said: str) -> None:
    assert text.steps_of(**budget) == said


def test_words_are_joined_as_in_a_sentence() -> None:
    assert text.listed(["a"]) == "a"
    assert text.listed(["a", "b", "c"]) == "a, b and c"
    assert [text.counted(1, "policy"), text.counted(2_000, "seed")] == ["1 policy", "2,000 seeds"]
    assert text.counted(5, "policy") == "5 policies"


def test_a_level_is_named_by_its_option_and_value() -> None:
    assert text.in_words("variant.optimizer.learning_rate", 0.01) == "learning rate 0.01"
    assert text.in_words("environment.rewards.offset", -2) == "offset −2"
    assert text.in_words("environment.observations.normalise", value=True) == "observations normalise true"
    assert text.in_words("variant.discount_states", value=False) == "discount states false"
    assert text.in_words("environment.kwargs.is_slippery", value=False) == "is slippery false"
    assert text.in_words("environment.rewards.paid", "at_end") == "paid at end"
    assert text.in_words("environment.observations.hide", ["velocity", "angular_velocity"]) == (
        "hide velocity and angular velocity"
    )
    assert text.in_words("environment.observations.hide", []) == "hide nothing"
    assert text.in_words("variant.policy.hidden", [64, 64]) == "hidden [64, 64]"
    assert text.in_words("environment.observations", {"hide": ["angle"], "stack": 2}) == "hide angle, stack 2"
    assert text.in_words("environment.observations", {}) == "default observations"
