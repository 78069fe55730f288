"""Compiled passes through perceptrons have the outputs and derivatives of torch."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch
from pg.parts.activations.base import Activation
from pg.parts.activations.elu import Elu
from pg.parts.activations.relu import Relu
from pg.parts.activations.tanh import Tanh
from pg.parts.kernels import Network
from pg.parts.networks import affine_maps, initial_parameters, network_outputs, perceptron
from pg.parts.optimizers.adam import Adam
from torch import Tensor, nn

SIZES = {
    "no hidden layer": (5, 3),
    "a wider layer": (3, 7, 2),
    "a narrower layer": (7, 3, 4),
    "two layers": (4, 9, 3, 1),
    "three layers": (5, 2, 8, 6, 3),
    "every width of tiles": (5, 31, 2),
    "usual sizes": (4, 64, 64, 2),
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


def network(sizes: Sequence[int], dtype: torch.dtype, rows: int) -> tuple[Tensor, Tensor]:
    """Return the parameters of a perceptron, and inputs that are not contiguous."""
    generator = torch.Generator().manual_seed(rows)
    vector = initial_parameters(sizes, 1.0, dtype, generator)
    for layer in affine_maps(vector, sizes):
        nn.init.normal_(layer.biases, generator=generator)
    return vector.requires_grad_(), torch.randn(sizes[0], rows, dtype=dtype, generator=generator).T


def outputs(vector: Tensor, sizes: Sequence[int], activation: Activation, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outputs of a perceptron: those of `network_outputs` and those of torch."""
    of_torch = perceptron(affine_maps(vector, sizes), activation.of_tensor, inputs)
    return network_outputs(vector, sizes, activation, inputs), of_torch


def derivatives(found: Tensor, vector: Tensor, sizes: Sequence[int]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Return the parts of the gradient of a function of the outputs, and of that of a function of that gradient."""
    value = found.sin().sum() / len(found)
    (first,) = torch.autograd.grad(value, vector, retain_graph=True)
    (differentiable,) = torch.autograd.grad(value, vector, create_graph=True)
    (second,) = torch.autograd.grad(differentiable.sin().sum(), vector)
    assert_close(parts(differentiable, sizes), parts(first, sizes))
    return parts(first, sizes), parts(second, sizes)


def parts(vector: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
    """Return the matrices and biases of all layers."""
    return [part for layer in affine_maps(vector, sizes) for part in layer]


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
        vector, inputs = network(sizes, dtype, rows)
        found, expected = outputs(vector, sizes, activation, inputs)
        assert (type(found.grad_fn).__name__ == "_CompiledPassBackward") == (not isinstance(activation, Cubic))
        assert_close([found], [expected])
        for of_found, of_torch in zip(*(derivatives(one, vector, sizes) for one in (found, expected)), strict=True):
            assert_close(of_found, of_torch)


def test_slopes_and_gradients_by_the_inputs_are_those_of_torch() -> None:
    sizes = (4, 6, 3)
    vector, inputs = network(sizes, torch.float64, 9)
    for slopes in (inputs[:, :3], inputs[:1, :3].expand(9, 3)):
        gradients = [torch.autograd.grad(one, vector, slopes)[0] for one in outputs(vector, sizes, Tanh(), inputs)]
        assert_close(*(parts(one, sizes) for one in gradients))
    inputs.requires_grad_()
    assert_close(*(torch.autograd.grad(one.square().sum(), inputs) for one in outputs(vector, sizes, Tanh(), inputs)))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_fused_optimizer_moves_each_entry_along_its_own_slope(sizes: Sequence[int]) -> None:
    vector, inputs = network(sizes, torch.float64, 50)
    before = vector.detach().clone()
    compiled, of_torch = (one.sin().sum() / len(inputs) for one in outputs(vector, sizes, Tanh(), inputs))
    (slopes,) = torch.autograd.grad(of_torch, vector)
    (vector.grad,) = torch.autograd.grad(compiled, vector)
    Adam().over([vector], 0.1).step()
    # The first step of Adam has the same length for every entry, except where the slope is as small as its epsilon.
    found, expected = vector.detach() - before, 0.1 * slopes / (slopes.abs() + 1e-8)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("create_graph", [False, True])
def test_parameters_that_changed_since_the_forward_pass_have_no_gradient(create_graph: bool) -> None:
    sizes = (4, 6, 3)
    vector, inputs = network(sizes, torch.float64, 9)
    value = network_outputs(vector, sizes, Tanh(), inputs).sum()
    with torch.no_grad():
        affine_maps(vector, sizes)[0].biases.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(value, vector, create_graph=create_graph)


def test_backward_pass_after_a_fused_step_is_at_the_earlier_parameters() -> None:
    # Fused optimizers change parameters without torch noticing.
    sizes = (4, 6, 3)
    vector, inputs = network(sizes, torch.float64, 9)
    value = network_outputs(vector, sizes, Tanh(), inputs).sin().sum()
    (before,) = torch.autograd.grad(value, vector, retain_graph=True)
    vector.grad = before
    Adam().over([vector], 0.1).step()
    assert torch.equal(torch.autograd.grad(value, vector)[0], before)


def test_sums_are_chains_of_fused_steps_in_order() -> None:
    """The definition, in exact arithmetic: every processor has to round as it does."""
    sizes, draws = (5, 31), np.random.default_rng(0)
    parameters, inputs = draws.standard_normal(6 * 31), draws.standard_normal((7, 5))
    one = Network.of(parameters, sizes, Tanh())
    found = one.forward(inputs, one.hidden(len(inputs)))
    matrix, biases = parameters[: 5 * 31].reshape(5, 31), parameters[5 * 31 :]
    for row, column in np.ndindex(found.shape):
        chain = float(biases[column])
        for step in range(5):
            chain = float(Fraction(inputs[row, step]) * Fraction(matrix[step, column]) + Fraction(chain))
        assert found[row, column] == chain


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
