"""Whether the learning rates of a grid have distinct scores."""

from __future__ import annotations

import pytest
from pg.experiments.train.scores import all_tie


@pytest.mark.parametrize(
    ("by_rate", "tie"),
    [
        ({0.01: [0.0, 0.0], 0.1: [0.0, 0.0]}, True),
        ({0.01: [1.0, 3.0], 0.1: [2.0, 2.0]}, True),
        ({0.01: [0.1 + 0.2], 0.1: [0.3]}, True),
        ({0.01: [None, 1.0], 0.1: [2.0, None]}, True),
        ({0.01: [1.0, 1.0], 0.1: [1.0, 1.0], 1.0: [1.0, 1.0 + 1e-9]}, False),
        ({0.01: [1.0, 1.0], 0.1: [1.0, None]}, False),
        ({0.01: [1.0, 2.0]}, False),
    ],
    ids=["constant", "of means", "but for rounding", "all diverge", "a better one", "one diverges", "a grid of one"],
)
def test_rates_tie_where_their_mean_scores_are_equal(by_rate: dict[float, list[float | None]], tie: bool) -> None:
    scores = [
        {"learning_rate": rate, "seed": seed, "score": score}
        for rate, own in by_rate.items()
        for seed, score in enumerate(own)
    ]
    assert all_tie(scores) is tie
