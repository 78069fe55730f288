"""An activation is one function, of tensors and of arrays, with its own derivatives."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pg.parts.networks import ACTIVATIONS, affine_map, perceptron
from torch import Tensor

FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "elu": torch.nn.functional.elu}
VALUES = torch.linspace(-4, 4, 51, dtype=torch.float64)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_torchs_for_tensors_and_arrays(name: str) -> None:
    expected = FUNCTIONS[name](VALUES)
    torch.testing.assert_close(ACTIVATIONS[name].of_tensor(VALUES.clone()), expected)
    np.testing.assert_allclose(ACTIVATIONS[name].of_array(VALUES.numpy().copy()), expected.numpy(), rtol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_has_torchs_derivatives(name: str) -> None:
    def derivatives(function: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        values = VALUES.clone().requires_grad_()
        # A tensor that needs a gradient may not be overwritten: a layer's output may.
        (slope,) = torch.autograd.grad(function(values * 1).square().sum(), values, create_graph=True)
        return slope, torch.autograd.grad(slope.square().sum(), values)[0]

    for found, expected in zip(derivatives(ACTIVATIONS[name].of_tensor), derivatives(FUNCTIONS[name]), strict=True):
        torch.testing.assert_close(found, expected)


def test_perceptron_activates_all_but_the_last_layer() -> None:
    assert perceptron([lambda x: x + 1, lambda x: x * 10], lambda x: -x, 2) == -30
    assert perceptron([lambda x: x + 1], lambda x: -x, 2) == 3


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 5), (5, 2), (4, 4)])
def test_affine_map_equals_torchs(inputs: int, outputs: int) -> None:
    layer = affine_map(inputs, outputs, torch.float64)
    torch.nn.init.ones_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    values = torch.randn(7, inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    layer(values).sum().backward()
    torch.testing.assert_close(layer(values), values.sum(-1, keepdim=True).expand(7, outputs))
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, values.sum(0).expand(outputs, inputs))


def test_affine_map_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    affine_map(3, 4, torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
