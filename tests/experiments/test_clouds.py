"""The cloud of gradient estimates, in coordinates along the true gradient and across it."""

import pytest
import torch
from pg.experiments.probe.clouds import clouds, direction_across

TRUTH = torch.tensor([0.0, 3.0, 4.0], dtype=torch.float64)
ALONG, SMALL = TRUTH / 5, torch.tensor([0.0, 4.0, -3.0], dtype=torch.float64) / 5
LARGE = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)


def estimates(*points: tuple[float, float, float]) -> torch.Tensor:
    """Make gradients with given parts along the truth, and in two directions across it."""
    return torch.tensor(points, dtype=torch.float64) @ torch.stack([ALONG, LARGE, SMALL])


def test_estimates_have_coordinates_in_units_of_the_truth() -> None:
    noisy, calm = estimates((5.0, 10.0, 1.0), (10.0, -10.0, 1.0)), estimates((5.0, 0.0, 0.0), (4.0, 1.0, 0.0))
    rows = clouds({(4, "noisy"): noisy, (8, "calm"): calm}, TRUTH)
    assert [(row["variant"], row["batch"]) for row in rows] == [("noisy", 4), ("noisy", 4), ("calm", 8), ("calm", 8)]
    assert [row["along"] for row in rows] == pytest.approx([1.0, 2.0, 1.0, 0.8])
    # The direction across tilts a little towards the smaller one, in which the noisy estimates differ from 0 as well.
    assert [row["across"] for row in rows] == pytest.approx([2.0, -2.0, 0.0, 0.2], abs=0.01)


def test_the_direction_across_is_that_of_the_largest_spread_with_a_fixed_sign() -> None:
    gradients = estimates((1.0, -7.0, 0.0), (2.0, 7.0, 0.0), (30.0, 0.0, 1.0))
    for one in (gradients, -gradients):
        torch.testing.assert_close(direction_across(one, ALONG), LARGE, atol=1e-12, rtol=0)


def test_nothing_is_across_where_all_is_along() -> None:
    rows = clouds({(4, "one"): estimates((5.0, 0.0, 0.0))}, TRUTH)
    assert (rows[0]["along"], rows[0]["across"]) == (1.0, 0.0)


def test_clouds_of_undefined_gradients_are_undefined() -> None:
    lost = clouds({(4, "one"): torch.full((1, 3), torch.nan)}, TRUTH) + clouds(
        {(4, "one"): estimates((1, 1, 1))}, 0 * TRUTH
    )
    assert [str(row["across"]) for row in lost] == ["nan", "nan"]
