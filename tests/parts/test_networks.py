"""Perceptrons and their affine maps."""

import pytest
import torch
from pg.parts.networks import affine_map, perceptron


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
