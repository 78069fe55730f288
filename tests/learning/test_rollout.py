"""Actions follow the policy; batches have whole trajectories, and those of a seed do not depend on other seeds."""

from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.environments.record import Environment
from pg.learning.policies import Policy, stack
from pg.learning.rollout import actor_of
from scipy.stats import chisquare
from tests.learning.batches import perturbed, rollout

DISCRETE, REAL = Spaces(3, 4), Spaces(3, None, 2)


def policy(spaces: Spaces, seed: int = 0, **options: Any) -> Policy:
    return perturbed(spaces, seed, hidden=(8, 16), **options)


def seen(seeds: int, count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((seeds, count, 3), dtype=np.float32)


def test_actions_have_the_policys_probabilities() -> None:
    one, count = policy(DISCRETE).to(torch.float32), 200_000
    actor = actor_of([one])
    noise = actor.noise(np.random.default_rng(0), 1, count)
    actions = actor.act(np.zeros((1, count, 3), dtype=np.float32), noise)
    expected = one.heads(torch.zeros(3)).softmax(-1).detach().double().numpy() * count
    assert chisquare(np.bincount(actions[0], minlength=4), expected / expected.sum() * count).pvalue > 1e-4


def test_real_actions_are_mean_plus_scaled_noise() -> None:
    one = policy(REAL).to(torch.float32)
    observations = torch.from_numpy(seen(1, 5))
    noise = np.random.default_rng(0).standard_normal((1, 5, 2), dtype=np.float32)
    mean = one.heads(observations)
    expected = (mean + one.log_std.exp() * torch.from_numpy(noise)).detach().numpy()
    np.testing.assert_allclose(actor_of([one]).act(observations.numpy(), noise), expected, rtol=1e-5)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL])
def test_most_likely_actions_have_the_highest_density(spaces: Spaces) -> None:
    policies, generator = [policy(spaces, 1), policy(spaces, 2)], np.random.default_rng(0)
    shown = seen(2, 50)
    actor, both = actor_of(policies, is_deterministic=True), stack(policies)
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
def test_actor_has_the_mean_of_its_policy(activation: str) -> None:
    both = [policy(REAL, 1, activation=activation), policy(REAL, 2, activation=activation)]
    observations = seen(2, 7)
    expected = torch.stack(
        [one.heads(torch.from_numpy(observations[index]).double()) for index, one in enumerate(both)]
    )
    found = actor_of(both).act(observations, np.zeros((2, 7, 2), dtype=np.float32))
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL])
def test_actions_are_bit_identical_in_any_stack(spaces: Spaces) -> None:
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


def test_actor_has_copies_of_parameters() -> None:
    one = policy(REAL)
    actor, observations, noise = actor_of([one]), seen(1, 4), np.zeros((1, 4, 2), dtype=np.float32)
    before = actor.act(observations, noise)
    with torch.no_grad():
        for parameter in one.parameters():
            parameter += 1
    np.testing.assert_array_equal(actor.act(observations, noise), before)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL])
def test_diverged_policy_acts_and_changes_no_other(spaces: Spaces) -> None:
    sound, lost = policy(spaces, 1), policy(spaces, 2)
    with torch.no_grad():
        for parameter in lost.parameters():
            parameter.fill_(torch.inf)
    observations, noise = seen(2, 5), np.zeros((2, 5, spaces.action_count or spaces.action_size), dtype=np.float32)
    together = actor_of([sound, lost]).act(observations, noise)
    np.testing.assert_array_equal(together[:1], actor_of([sound]).act(observations[:1], noise[:1]))


def assert_same(one: Trajectories, other: Trajectories) -> None:
    for name in ("observations", "actions", "rewards", "mask", "terminated", "truncated", "last_observations"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_trajectories_are_bit_identical_in_any_stack() -> None:
    for environment in (Environment(id="CartPole-v1"), Environment(id="InvertedPendulum-v5", horizon=40)):
        together = rollout(environment, 3, 4, 5)
        for index, seed in enumerate((3, 4, 5)):
            assert_same(together.of_seed(index), rollout(environment, seed).of_seed(0))


def test_trajectories_are_zero_after_their_last_step() -> None:
    batch = rollout(Environment(id="CartPole-v1"), 1, 2)
    steps = torch.arange(batch.mask.shape[-1])
    assert torch.equal(batch.mask, steps < batch.lengths.unsqueeze(-1))
    assert (batch.rewards[~batch.mask] == 0).all()
    assert (batch.observations[~batch.mask] == 0).all()
    assert (batch.actions[~batch.mask] == 0).all()
    assert len(batch.lengths.unique()) > 1
    assert torch.equal(batch.returns, batch.lengths.to(batch.returns.dtype))


def test_terminated_and_truncated_are_distinct() -> None:
    batch = rollout(Environment(id="CartPole-v1", horizon=20), 1, trajectories=64)
    assert torch.equal(batch.truncated, ~batch.terminated)
    assert batch.terminated.any()
    assert batch.truncated.any()
    assert (batch.lengths[batch.truncated] == 20).all()


def test_recorded_action_leads_to_next_observation() -> None:
    batch = rollout(Environment(id="CartPole-v1"), 1)
    velocity = batch.observations[0, :, :, 1]
    pushed_right = (velocity[:, 1:] > velocity[:, :-1])[batch.mask[0, :, 1:]]
    assert torch.equal(pushed_right, (batch.actions[0, :, :-1] == 1)[batch.mask[0, :, 1:]])


def test_last_observation_follows_the_last_step() -> None:
    """Also where the trajectory lasts as long as the longest, and where others go on after it."""
    for id, horizon in (("CartPole-v1", 25), ("MountainCarContinuous-v0", 6)):
        short = rollout(Environment(id=id, horizon=horizon), 1, 2)
        longer = rollout(Environment(id=id, horizon=horizon + 1), 1, 2)
        assert short.last_observations is not None
        assert short.truncated.any()
        # The same numbers are drawn, so that a truncated trajectory would continue from its last observation.
        goes_on = short.truncated
        assert torch.equal(short.last_observations[goes_on], longer.observations[:, :, horizon][goes_on])
    ended = rollout(Environment(id="CartPole-v1"), 1, 2)
    assert ended.last_observations is not None
    assert ended.terminated.all()
    position, angle = ended.last_observations[..., 0].abs(), ended.last_observations[..., 2].abs()
    assert ((position > 2.4) | (angle > 0.2094)).all(), "an episode ends outside of these limits"
    seen = ended.observations[ended.mask]
    assert ((seen[:, 0].abs() <= 2.4) & (seen[:, 2].abs() <= 0.2096)).all()
