"""Numbers in captions say what was measured."""

from __future__ import annotations

import math

import pytest
from pg.presentation import captions


@pytest.mark.parametrize(
    ("value", "text"),
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
def test_numbers_keep_three_significant_digits(value: float, text: str) -> None:
    assert captions.number(value) == text


def test_an_interval_stands_behind_its_estimate_where_there_is_one() -> None:
    assert captions.with_interval(0.5, 0.25, 0.75) == "0.500 (0.250 to 0.750)"
    assert captions.with_interval(0.5, math.nan, math.nan) == "0.500"
    assert captions.with_interval(0.5, -math.inf, math.inf) == "0.500 (interval unbounded)"


def test_words_are_joined_as_in_a_sentence() -> None:
    assert captions.listed(["a"]) == "a"
    assert captions.listed(["a", "b", "c"]) == "a, b and c"
    assert captions.itemised({"a, b": "1", "c": "2"}) == "a, b: 1; c: 2"
    assert (captions.counted(1, "seed"), captions.counted(2_000, "seed")) == ("1 seed", "2,000 seeds")


def test_a_level_is_named_by_its_option_and_value() -> None:
    assert captions.in_words("variant.optimizer.learning_rate", 0.01) == "learning rate 0.01"
    assert captions.in_words("environment.rewards.offset", -2) == "offset −2"
    assert captions.in_words("environment.rewards.paid", "at_end") == "paid at end"
    assert captions.in_words("environment.observations.hide", ["velocity", "angular_velocity"]) == (
        "hide velocity and angular velocity"
    )
    assert captions.in_words("environment.observations.hide", []) == "hide nothing"
    assert captions.in_words("variant.policy.hidden", [64, 64]) == "hidden [64, 64]"
    assert captions.in_words("environment.observations", {"hide": ["angle"], "stack": 2}) == "hide angle, stack 2"
    assert captions.in_words("environment.observations", {}) == "default observations"
