"""Perceptrons, their affine maps and their initial parameters."""

from collections.abc import Sequence

import pytest
import torch
from pg.parts.networks import affine_maps, initial_parameters, perceptron


def test_perceptron_activates_all_but_the_last_layer() -> None:
    assert perceptron([lambda x: x + 1, lambda x: x * 10], lambda x: -x, 2) == -30
    assert perceptron([lambda x: x + 1], lambda x: -x, 2) == 3


def test_affine_maps_are_views_of_the_vector_layer_by_layer() -> None:
    vector = torch.arange(17.0)
    first, last = affine_maps(vector, (2, 3, 2))
    assert first.matrix.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert first.biases.tolist() == [6, 7, 8]
    assert last.matrix.tolist() == [[9, 10], [11, 12], [13, 14]]
    assert last.biases.tolist() == [15, 16]
    first.matrix[1, 0] = last.biases[1] = -1
    assert vector[[3, 16]].tolist() == [-1, -1]


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 5), (5, 2), (4, 4)])
def test_affine_map_multiplies_by_its_matrix_and_adds_its_biases(inputs: int, outputs: int) -> None:
    generator = torch.Generator().manual_seed(0)
    vector, values, slopes = (
        torch.randn(shape, dtype=torch.float64, generator=generator)
        for shape in ((inputs + 1) * outputs, (7, inputs), (7, outputs))
    )
    (layer,) = affine_maps(vector.requires_grad_(), (inputs, outputs))
    torch.testing.assert_close(layer(values), values @ layer.matrix + layer.biases)
    (gradient,) = torch.autograd.grad(layer(values), vector, slopes)
    torch.testing.assert_close(gradient, torch.cat([(values.T @ slopes).flatten(), slopes.sum(0)]))


@pytest.mark.parametrize("sizes", [(2, 5), (5, 2), (4, 4), (3, 8, 2)])
def test_initial_matrices_are_orthogonal_and_biases_zero(sizes: Sequence[int]) -> None:
    affine = affine_maps(initial_parameters(sizes, 0.3, torch.float64, torch.Generator().manual_seed(0)), sizes)
    for layer, gain in zip(affine, (2**0.5, 0.3)[-len(affine) :], strict=True):
        short = layer.matrix if layer.matrix.shape[0] < layer.matrix.shape[1] else layer.matrix.T
        torch.testing.assert_close(short @ short.T, gain**2 * torch.eye(len(short), dtype=torch.float64))
        assert not layer.biases.any()


def test_initial_parameters_are_drawn_from_the_given_generator_alone() -> None:
    before = torch.get_rng_state()
    one, again, other = (
        initial_parameters((3, 4), 1.0, torch.float32, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
