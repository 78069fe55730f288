"""A variant without a label is named by its parts."""

from typing import Any

import pytest
from pg.parts.equation import label_of
from pg.parts.variant import Variant
from pg.study.validation import load


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({}, "to-go"),
        ({"returns": "total", "baseline": "average_reward"}, "total − mean R"),
        ({"baseline": {"name": "constant", "value": 2.0}, "optimizer": {"name": "sgd"}}, "to-go − constant, SGD"),
        (
            {"baseline": "per_step", "normalise_advantages": True, "importance": "per_step", "batch": 8},
            "to-go − per-step mean, normalised, per-step ratios, N = 8",
        ),
        (
            {"gradient_steps": 4, "discount": 0.99, "kl": {"limit": 0.1, "hold_by": "line_search"}},
            "to-go, KL line search, γ = 0.99, K = 4",
        ),
        ({"kl": {"limit": 0.1, "hold_by": "natural_gradient"}}, "to-go, natural gradient"),
    ],
)
def test_a_label_names_the_parts(options: dict[str, Any], label: str) -> None:
    assert label_of(Variant.model_validate(options)) == label


def test_of_equal_parts_the_first_has_the_label(options: dict[str, Any]) -> None:
    options["variants"]["slow"] = {"extends": "to_go", "optimizer": {"learning_rate": 0.001}}
    options["variants"]["named"] = {"label": "to-go − mean R"}
    labels = {name: variant.label for name, variant in load(options).variants.items()}
    assert labels == {
        "total": "total return",
        "to_go": "to-go",
        "baseline": None,
        "slow": None,
        "named": "to-go − mean R",
    }
