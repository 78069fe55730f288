"""Tests of many claims at once, and of equivalence."""

import numpy as np
import pytest
from pg.statistics import decisions, estimates


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.2], [0.2]),
        ([0.01, 0.01, 0.01, 0.9], [0.04, 0.04, 0.04, 0.9]),
        ([], []),
    ],
)
def test_holm_steps_down(p, expected):
    assert decisions.holm(p) == pytest.approx(expected)


@pytest.mark.parametrize("shift", np.linspace(-2, 2, 41))
def test_equivalence_agrees_with_the_90_percent_interval(shift):
    x = np.array([-0.3, 0.1, 0.4, -0.2, 0.2, 0.05]) + shift
    within, outside = decisions.equivalence(lambda null: estimates.mean(x, null=null), 0, 1)
    interval = estimates.mean(x, level=0.9)
    assert (within < 0.05) == (interval.low > -1 and interval.high < 1)
    assert (outside < 0.05) == (interval.high < -1 or interval.low > 1)
