"""Fits of parabolas."""

import numpy as np
from pg.statistics.parabola import parabola

LEVELS = np.array([-2.0, 0.0, 1.0, 4.0])


def test_points_on_a_parabola_are_fitted_exactly() -> None:
    at = np.linspace(-2, 4, 7)

    np.testing.assert_allclose(parabola(LEVELS, 3 + LEVELS + 2 * LEVELS**2, at), 3 + at + 2 * at**2, rtol=1e-12)


def test_relative_errors_have_equal_weight() -> None:
    """The fit minimises the sum of squared relative errors: its gradient by each coefficient vanishes."""
    values = 3 + LEVELS + 2 * LEVELS**2 + 0.1 * np.abs(LEVELS) ** 3
    errors = parabola(LEVELS, values, LEVELS) / values - 1

    for power in range(3):
        assert abs((errors * LEVELS**power / values).sum()) < 1e-12


def test_values_of_0_are_left_out() -> None:
    levels, values = np.array([-1.0, 0.0, 1.0, 3.0]), np.array([0.0, 1.0, 4.0, 16.0])

    np.testing.assert_allclose(parabola(levels, values, np.array([2.0])), [9.0])
    assert np.isnan(parabola(levels[:3], values[:3], levels)).all(), "two points are too few"


def test_a_fit_that_is_not_positive_is_undefined() -> None:
    assert np.isnan(parabola(np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.01, 2.0]), np.array([0.7]))).all()
