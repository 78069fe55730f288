"""Activations of tensors and numbers have the values and derivatives of torch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pg.parts.activations.base import Activation
from pg.parts.activations.elu import Elu
from pg.parts.activations.registry import ACTIVATIONS
from pg.parts.activations.relu import Relu
from pg.parts.activations.tanh import Tanh
from torch import Tensor

FUNCTIONS = {Tanh: torch.tanh, Relu: torch.relu, Elu: torch.nn.functional.elu}
VALUES = torch.linspace(-4, 4, 51, dtype=torch.float64)
WIDE = torch.cat([torch.linspace(-12, 12, 100_001), torch.logspace(-30, -1, 5_001), -torch.logspace(-30, -1, 5_001)])


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_tensors_and_numbers_give_the_values_of_torch(kind: type[Activation]) -> None:
    activation, expected = kind(), FUNCTIONS[kind](VALUES)
    torch.testing.assert_close(activation.of_tensor(VALUES.clone()), expected)
    found = VALUES.numpy().reshape(3, 17).copy()
    activation.compiled(found.dtype)(found)
    np.testing.assert_allclose(found.reshape(-1), expected.numpy(), rtol=1e-14)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_single_precision_is_accurate_and_the_same_in_acting_and_learning(kind: type[Activation]) -> None:
    learning, acting = kind().of_tensor(WIDE.clone()), WIDE.numpy().reshape(1, -1).copy()
    kind().compiled(acting.dtype)(acting)
    np.testing.assert_allclose(acting[0], FUNCTIONS[kind](WIDE.double()).numpy(), rtol=2e-6, atol=1e-38)
    if kind is Tanh:
        assert np.array_equal(learning.numpy(), acting[0])
        assert abs(acting).max() <= 1


def test_compiled_tanh_is_accurate_in_double_precision() -> None:
    values = torch.cat([WIDE.double(), torch.linspace(-30, 30, 100_001, dtype=torch.float64)])
    found = values.numpy().reshape(1, -1).copy()
    Tanh().compiled(found.dtype)(found)
    np.testing.assert_allclose(found[0], values.tanh().numpy(), rtol=2e-15, atol=0)
    assert abs(found).max() <= 1


@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nan_stays_nan_and_infinity_is_a_limit(kind: type[Activation], dtype: torch.dtype) -> None:
    values = torch.tensor([[torch.nan, torch.inf, -torch.inf]], dtype=dtype)
    found = values.numpy().copy()
    kind().compiled(found.dtype)(found)
    for given in (torch.from_numpy(found), kind().of_tensor(values.clone())):
        torch.testing.assert_close(given, FUNCTIONS[kind](values), equal_nan=True, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_first_and_second_derivatives_equal_those_of_torch(kind: type[Activation]) -> None:
    def derivatives(function: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        values = VALUES.clone().requires_grad_()
        # A leaf must not be overwritten; the output of a layer may be.
        (slope,) = torch.autograd.grad(function(values * 1).square().sum(), values, create_graph=True)
        return slope, torch.autograd.grad(slope.square().sum(), values)[0]

    for found, expected in zip(derivatives(kind().of_tensor), derivatives(FUNCTIONS[kind]), strict=True):
        torch.testing.assert_close(found, expected)
