"""Activations of tensors and arrays have the values and derivatives of torch."""

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


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_tensors_and_arrays_give_the_values_of_torch(kind: type[Activation]) -> None:
    activation, expected = kind(), FUNCTIONS[kind](VALUES)
    torch.testing.assert_close(activation.of_tensor(VALUES.clone()), expected)
    np.testing.assert_allclose(activation.of_array(VALUES.numpy().copy()), expected.numpy(), rtol=1e-14)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_first_and_second_derivatives_equal_those_of_torch(kind: type[Activation]) -> None:
    def derivatives(function: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        values = VALUES.clone().requires_grad_()
        # A leaf must not be overwritten; the output of a layer may be.
        (slope,) = torch.autograd.grad(function(values * 1).square().sum(), values, create_graph=True)
        return slope, torch.autograd.grad(slope.square().sum(), values)[0]

    for found, expected in zip(derivatives(kind().of_tensor), derivatives(FUNCTIONS[kind]), strict=True):
        torch.testing.assert_close(found, expected)
