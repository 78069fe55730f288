"""Numbers in captions say what was measured."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from pg.experiments.records import Budget
from pg.experiments.summaries import summarise
from pg.plotting import captions


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
    alike = "sign test, all values equal"
    assert captions.with_interval(6.0, -math.inf, math.inf, alike) == "6.00 (the same for all seeds)"
    assert captions.with_interval(1.0, 0.0, math.inf, f"{alike} on logarithms") == "1.00 (the same for all seeds)"
    assert captions.with_interval(6.0, 6.0, 6.0, alike) == "6.00 (6.00 to 6.00)"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([6.0] * 3, "6.00 (the same for all seeds)"),
        ([6.0], "6.00 (interval unbounded)"),
        ([5.0, 7.0], "6.00 (−6.71 to 18.7)"),
    ],
)
def test_a_summary_is_quoted_with_what_bounds_it(values: list[float], said: str) -> None:
    names = {"environment": "cartpole", "variant": "total", "stage": "", "metric": "backward_passes"}
    long = pd.DataFrame([{**names, "seed": seed, "value": value} for seed, value in enumerate(values)])

    assert captions.quoted(summarise(long)) == said
    assert captions.quoted(summarise(long).iloc[:0]) == "–"


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"steps": 6_000}, "6,000 environment steps"),
        ({"steps": 1}, "1 environment step"),
        ({"steps": 6_000, "max_iterations": 3}, "6,000 environment steps or 3 iterations, whichever comes first"),
    ],
)
def test_a_budget_names_its_iterations_where_it_has_them(budget: dict[str, int], said: str) -> None:
    assert captions.steps_of(Budget(**budget)) == said


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
