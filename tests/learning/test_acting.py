"""Policies act as they are: with their own probabilities, alone or beside others."""

from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces
from pg.learning.policies import Policy, make_policy, stack
from pg.learning.rollout import MostLikely, actor_of
from pg.parts.learner import Policy as PolicyOptions
from scipy.stats import chisquare

DISCRETE, REAL = Spaces(3, 4), Spaces(3, None, 2)


def policy(spaces: Spaces, seed: int = 0, **options: Any) -> Policy:
    generator = torch.Generator().manual_seed(seed)
    made = make_policy(PolicyOptions(hidden=(8, 16), **options), spaces, generator, torch.float64)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return made


def seen(seeds: int, count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((seeds, count, 3), dtype=np.float32)


def test_actions_are_drawn_with_the_policys_probabilities() -> None:
    one, count = policy(DISCRETE).to(torch.float32), 200_000
    actor = actor_of([one])
    noise = actor.noise(np.random.default_rng(0), 1, count)
    actions = actor.act(np.zeros((1, count, 3), dtype=np.float32), noise)
    expected = one.heads(torch.zeros(3)).softmax(-1).detach().double().numpy() * count
    assert chisquare(np.bincount(actions[0], minlength=4), expected / expected.sum() * count).pvalue > 1e-4


def test_real_actions_are_mean_plus_deviation_times_noise() -> None:
    one = policy(REAL).to(torch.float32)
    observations = torch.from_numpy(seen(1, 5))
    noise = np.random.default_rng(0).standard_normal((1, 5, 2), dtype=np.float32)
    mean = one.heads(observations)
    expected = (mean + one.log_std.exp() * torch.from_numpy(noise)).detach().numpy()
    np.testing.assert_allclose(actor_of([one]).act(observations.numpy(), noise), expected, rtol=1e-5)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL])
def test_most_likely_actions_are_those_of_the_highest_density(spaces: Spaces) -> None:
    policies, generator = [policy(spaces, 1), policy(spaces, 2)], np.random.default_rng(0)
    shown = seen(2, 50)
    actor, both = MostLikely(actor_of(policies)), stack(policies)
    observations = torch.from_numpy(shown).double()
    noise = np.stack([actor.noise(generator, 1, 50)[0] for _ in range(2)])
    assert generator.random() == np.random.default_rng(0).random(), "nothing is drawn"
    actions = torch.from_numpy(actor.act(shown, noise))
    density = both.log_prob(observations, actions)
    for other in (actions + 1e-3, actions - 1e-3) if spaces.action_count is None else map(actions.new_tensor, range(4)):
        assert (both.log_prob(observations, other.expand_as(actions)) <= density).all()
    alone = actor.select(np.array([False, True])).act(shown[1:], noise[1:])
    np.testing.assert_array_equal(alone[0], actions[1])


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu"])
def test_an_actors_mean_is_that_of_its_policy(activation: str) -> None:
    both = [policy(REAL, 1, activation=activation), policy(REAL, 2, activation=activation)]
    observations = seen(2, 7)
    expected = torch.stack(
        [one.heads(torch.from_numpy(observations[index]).double()) for index, one in enumerate(both)]
    )
    found = actor_of(both).act(observations, np.zeros((2, 7, 2), dtype=np.float32))
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL])
def test_what_a_policy_does_depends_on_no_neighbour_to_the_last_bit(spaces: Spaces) -> None:
    three = [policy(spaces, seed).to(torch.float32) for seed in range(3)]
    observations, generator = seen(3, 32), np.random.default_rng(0)
    noise = np.stack([actor_of(three).noise(generator, 1, 32)[0] for _ in three])
    together = actor_of(three).act(observations, noise)
    for index, one in enumerate(three):
        only = slice(index, index + 1)
        np.testing.assert_array_equal(actor_of([one]).act(observations[only], noise[only]), together[only])
        marked = np.arange(3) == index
        np.testing.assert_array_equal(
            actor_of(three).select(marked).act(observations[only], noise[only]), together[only]
        )


def test_an_actor_keeps_the_parameters_that_it_was_made_with() -> None:
    one = policy(REAL)
    actor, observations, noise = actor_of([one]), seen(1, 4), np.zeros((1, 4, 2), dtype=np.float32)
    before = actor.act(observations, noise)
    with torch.no_grad():
        for parameter in one.parameters():
            parameter += 1
    np.testing.assert_array_equal(actor.act(observations, noise), before)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL])
def test_a_lost_policy_acts_in_silence_and_leaves_the_others_alone(spaces: Spaces) -> None:
    sound, lost = policy(spaces, 1), policy(spaces, 2)
    with torch.no_grad():
        for parameter in lost.parameters():
            parameter.fill_(torch.inf)
    observations, noise = seen(2, 5), np.zeros((2, 5, spaces.action_count or spaces.action_size), dtype=np.float32)
    together = actor_of([sound, lost]).act(observations, noise)
    np.testing.assert_array_equal(together[:1], actor_of([sound]).act(observations[:1], noise[:1]))
