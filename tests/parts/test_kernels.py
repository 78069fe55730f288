"""Compiled passes through perceptrons have the outputs and derivatives of torch."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pg.parts.activations.base import Activation
from pg.parts.activations.elu import Elu
from pg.parts.activations.relu import Relu
from pg.parts.activations.tanh import Tanh
from pg.parts.networks import affine_maps, network_outputs, perceptron
from pg.parts.optimizers.adam import Adam
from torch import Tensor, nn

SIZES = {
    "no hidden layer": (5, 3),
    "a wider layer": (3, 7, 2),
    "a narrower layer": (7, 3, 4),
    "two layers": (4, 9, 3, 1),
    "three layers": (5, 2, 8, 6, 3),
}
ROWS = (1, 127, 128, 129, 700)
"""Compiled passes take 128 rows at a time."""
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


class Cubic(Activation):
    """An activation that does not declare its derivative."""

    name: str = "cubic"

    def of_tensor(self, values: Tensor) -> Tensor:
        return values - 0.1 * values**3

    @staticmethod
    def of_number(value: float) -> float:
        return value - 0.1 * value**3


def network(sizes: Sequence[int], dtype: torch.dtype, rows: int) -> tuple[list[nn.Linear], list[Tensor], Tensor]:
    """Return affine maps, their parameters, and inputs that are not contiguous."""
    generator = torch.Generator().manual_seed(rows)
    affine = [one for one in affine_maps(sizes, 1.0, dtype, generator) if isinstance(one, nn.Linear)]
    for layer in affine:
        nn.init.normal_(layer.bias, generator=generator)
    inputs = torch.randn(sizes[0], rows, dtype=dtype, generator=generator).T
    return affine, [part for one in affine for part in (one.weight, one.bias)], inputs


def derivatives(outputs: Tensor, parameters: Sequence[Tensor]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Return the gradient of a function of the outputs, and the gradient of a function of that gradient."""
    value = outputs.sin().sum() / len(outputs)
    first = torch.autograd.grad(value, parameters, retain_graph=True)
    differentiable = torch.autograd.grad(value, parameters, create_graph=True)
    second = torch.autograd.grad(torch.stack([part.sin().sum() for part in differentiable]).sum(), parameters)
    assert_close(differentiable, first)
    return first, second


def assert_close(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        assert (one - other).norm() <= TOLERANCE[one.dtype] * other.norm()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("activation", [Tanh(), Relu(), Elu(), Cubic()], ids=lambda one: one.name)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_outputs_and_derivatives_are_those_of_torch(
    sizes: Sequence[int], activation: Activation, dtype: torch.dtype
) -> None:
    for rows in ROWS:
        affine, parameters, inputs = network(sizes, dtype, rows)
        found, expected = network_outputs(affine, activation, inputs), perceptron(affine, activation.of_tensor, inputs)
        assert (type(found.grad_fn).__name__ == "_CompiledPassBackward") == (not isinstance(activation, Cubic))
        assert_close([found], [expected])
        (first, second), (first_of_torch, second_of_torch) = (derivatives(one, parameters) for one in (found, expected))
        assert_close(first, first_of_torch)
        assert_close(second, second_of_torch)
        assert [part.stride() for part in first] == [parameter.stride() for parameter in parameters]


def test_slopes_and_gradients_by_the_inputs_are_those_of_torch() -> None:
    affine, parameters, inputs = network((4, 6, 3), torch.float64, 9)
    both = network_outputs(affine, Tanh(), inputs), perceptron(affine, Tanh().of_tensor, inputs)
    for slopes in (inputs[:, :3], inputs[:1, :3].expand(9, 3)):
        assert_close(*(torch.autograd.grad(one, parameters, slopes, retain_graph=True) for one in both))
    inputs.requires_grad_()
    both = network_outputs(affine, Tanh(), inputs), perceptron(affine, Tanh().of_tensor, inputs)
    assert_close(*(torch.autograd.grad(one.square().sum(), inputs) for one in both))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_fused_optimizer_moves_each_entry_along_its_own_slope(sizes: Sequence[int]) -> None:
    # It reads parameters and gradients in the order of memory.
    affine, parameters, inputs = network(sizes, torch.float64, 50)
    before = [one.detach().clone() for one in parameters]
    slopes, _ = derivatives(perceptron(affine, Tanh().of_tensor, inputs), parameters)
    optimizer = Adam().over(parameters, 0.1)
    value = network_outputs(affine, Tanh(), inputs).sin().sum() / len(inputs)
    for parameter, slope in zip(parameters, torch.autograd.grad(value, parameters), strict=True):
        parameter.grad = slope
    optimizer.step()
    # The first step of Adam has the same length for every entry.
    moved = [parameter.detach() - start for parameter, start in zip(parameters, before, strict=True)]
    torch.testing.assert_close(moved, [0.1 * slope.sign() for slope in slopes], rtol=1e-4, atol=0.0)


class Cubed(Tanh):
    """Inherits the slope of tanh, which is not its own."""

    name: str = "cubed"

    def of_tensor(self, values: Tensor) -> Tensor:
        return values**3

    @staticmethod
    def of_number(value: float) -> float:
        return value**3


def test_inherited_slope_of_another_function_is_not_used() -> None:
    activation, values = Cubed(), np.array([[2.0]], dtype=np.float32)
    assert Tanh().has_slope
    assert not activation.has_slope
    activation.compiled(values.dtype)(values)
    assert values.item() == 8
