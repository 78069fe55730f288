"""A policy and its copies are the same function."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces
from pg.learning.policies import Policy, flatten, repeat, stacked
from pg.parts.variant import PolicyOptions
from tests.learning.batches import perturbed, random_actions

DISCRETE, REAL, FACTORED = Spaces(3, 4), Spaces(3, None, 2), Spaces(3, (3, 2, 2))


def pairs(spaces: Spaces, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    observations = torch.randn(*shape, 3, generator=generator, dtype=torch.float64)
    return observations, random_actions(spaces, shape, generator)


def categorical(one: Policy, observations: torch.Tensor) -> torch.Tensor:
    distribution = one.distribution(observations)
    assert isinstance(distribution, torch.distributions.Categorical)
    return distribution.probs


def test_categorical_policy_is_softmax_of_its_network() -> None:
    one = perturbed(DISCRETE)
    observations, actions = pairs(DISCRETE, 5)
    hidden = torch.tanh(one.affine[0](observations))
    expected = torch.log_softmax(one.affine[1](hidden), -1).gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(one.log_prob(observations, actions), expected)


def test_gaussian_policy_has_the_gaussian_density() -> None:
    one = perturbed(REAL, initial_std=0.5)
    observations, actions = pairs(REAL, 5)
    mean, deviation = one.affine[1](torch.tanh(one.affine[0](observations))), one.log_std.exp()
    density = -0.5 * ((actions - mean) / deviation) ** 2 - deviation.log() - 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(one.log_prob(observations, actions), density.sum(-1))


@pytest.mark.parametrize("spaces", [DISCRETE, REAL, FACTORED])
def test_copies_of_a_policy_equal_the_policy(spaces: Spaces) -> None:
    one, (observations, actions) = perturbed(spaces), pairs(spaces, 3, 6)
    found = repeat(one, 3).log_prob(observations, actions)
    for i in range(3):
        expected = one.log_prob(observations[i], actions[i])
        torch.testing.assert_close(found[i], expected)
        torch.testing.assert_close(stacked(one).log_prob(observations[[i]], actions[[i]])[0], expected)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL, FACTORED])
def test_one_backward_pass_gives_gradients_of_repeated_policies(spaces: Spaces) -> None:
    one = perturbed(spaces)
    observations, actions = pairs(spaces, 3, 6)
    copies = repeat(one, 3)
    together = flatten(torch.autograd.grad(copies.log_prob(observations, actions).sum(), copies.parameters_list()))
    for i in range(3):
        single = repeat(one, 1)
        alone = torch.autograd.grad(
            single.log_prob(observations[i : i + 1], actions[i : i + 1]).sum(), single.parameters_list()
        )
        torch.testing.assert_close(together[i : i + 1], flatten(alone))
    (plain,) = torch.autograd.grad(one.log_prob(observations[0], actions[0]).sum(), one.theta)
    torch.testing.assert_close(together[0], plain)


def test_new_policy_is_orthogonal_and_nearly_uniform() -> None:
    new = Policy(PolicyOptions(hidden=(8, 8)), DISCRETE, torch.Generator().manual_seed(0))
    matrix = new.affine[1].matrix.detach()
    torch.testing.assert_close(matrix @ matrix.T, 2 * torch.eye(8))
    probabilities = categorical(new, torch.randn(50, 3, generator=torch.Generator().manual_seed(1)))
    assert (probabilities - 0.25).abs().max() < 0.02
    gaussian = Policy(PolicyOptions(initial_std=0.3), REAL, torch.Generator().manual_seed(0))
    torch.testing.assert_close(gaussian.log_std.exp().detach(), torch.full((2,), 0.3))


@pytest.mark.parametrize(
    ("activation", "function"), [("tanh", torch.tanh), ("relu", torch.relu), ("elu", torch.nn.functional.elu)]
)
def test_policy_has_the_named_activation(activation: str, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    one = perturbed(DISCRETE, activation=activation)
    observations, _ = pairs(DISCRETE, 4)
    expected = torch.softmax(one.affine[1](function(one.affine[0](observations))), -1)
    torch.testing.assert_close(categorical(one, observations), expected)


def test_policy_of_many_observations_equals_pieces() -> None:
    """Long batches go through the network in pieces."""
    one = perturbed(DISCRETE)
    observations, actions = pairs(DISCRETE, 10_000)
    together = one.log_prob(observations, actions)
    apart = torch.cat([one.log_prob(observations[part], actions[part]) for part in torch.arange(10_000).split(700)])
    torch.testing.assert_close(together, apart)
    slopes = [torch.autograd.grad(found.sum(), one.theta) for found in (together, apart)]
    torch.testing.assert_close(*slopes)
