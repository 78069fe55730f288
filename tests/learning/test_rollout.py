"""Actions follow the policy; batches have whole trajectories."""

from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces, Transition
from pg.environments.record import Environment
from pg.learning.policies import Policy
from pg.learning.rollout import Generators, actor_of, collect
from scipy.stats import chisquare
from tests.learning.batches import perturbed, rollout

DISCRETE, REAL, FACTORED = Spaces(3, 4), Spaces(3, None, 2), Spaces(3, (3, 2, 2))


def policy(spaces: Spaces, seed: int = 0, **options: Any) -> Policy:
    return perturbed(spaces, seed, hidden=(8, 16), **options)


def seen(count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 3), dtype=np.float32)


def test_actions_have_the_policys_probabilities() -> None:
    one, count = policy(DISCRETE).to(torch.float32), 200_000
    actor = actor_of(one)
    (noise,) = actor.noise(np.random.default_rng(0), 1, count)
    actions = actor.act(np.zeros((count, 3), dtype=np.float32), noise)
    expected = one.heads(torch.zeros(3)).softmax(-1).detach().double().numpy() * count
    assert chisquare(np.bincount(actions, minlength=4), expected / expected.sum() * count).pvalue > 1e-4


def test_real_actions_are_mean_plus_scaled_noise() -> None:
    one = policy(REAL).to(torch.float32)
    observations = torch.from_numpy(seen(5))
    noise = np.random.default_rng(0).standard_normal((5, 2), dtype=np.float32)
    mean = one.heads(observations)
    expected = (mean + one.log_std.exp() * torch.from_numpy(noise)).detach().numpy()
    np.testing.assert_allclose(actor_of(one).act(observations.numpy(), noise), expected, rtol=1e-5)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL])
def test_most_likely_actions_have_the_highest_density(spaces: Spaces) -> None:
    one, generator, shown = policy(spaces), np.random.default_rng(0), seen(50)
    actor = actor_of(one, is_deterministic=True)
    (noise,) = actor.noise(generator, 1, 50)
    assert generator.random() == np.random.default_rng(0).random(), "nothing is drawn"
    observations, actions = torch.from_numpy(shown).double(), torch.from_numpy(actor.act(shown, noise))
    density = one.log_prob(observations, actions)
    for other in (actions + 1e-3, actions - 1e-3) if spaces.action_count is None else map(actions.new_tensor, range(4)):
        assert (one.log_prob(observations, other.expand_as(actions)) <= density).all()


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu"])
def test_actor_has_the_mean_of_its_policy(activation: str) -> None:
    one, observations = policy(REAL, activation=activation), seen(7)
    expected = one.heads(torch.from_numpy(observations).double()).detach().numpy()
    found = actor_of(one).act(observations, np.zeros((7, 2), dtype=np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_actor_has_copies_of_parameters() -> None:
    one = policy(REAL)
    actor, observations, noise = actor_of(one), seen(4), np.zeros((4, 2), dtype=np.float32)
    before = actor.act(observations, noise)
    one.theta.data += 1
    np.testing.assert_array_equal(actor.act(observations, noise), before)


@pytest.mark.parametrize("spaces", [DISCRETE, REAL, FACTORED])
def test_diverged_policy_acts_without_a_warning(spaces: Spaces) -> None:
    lost = policy(spaces)
    with torch.no_grad():
        lost.theta.fill_(torch.inf)
    noise = np.zeros((5, spaces.outputs), dtype=np.float32)
    assert len(actor_of(lost).act(seen(5), noise)) == 5


def test_trajectories_are_zero_after_their_last_step() -> None:
    batch = rollout(Environment(id="CartPole-v1"), 1)
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
        short = rollout(Environment(id=id, horizon=horizon), 1)
        longer = rollout(Environment(id=id, horizon=horizon + 1), 1)
        assert short.last_observations is not None
        assert short.truncated.any()
        # The same numbers are drawn, so that a truncated trajectory would continue from its last observation.
        goes_on = short.truncated
        assert torch.equal(short.last_observations[goes_on], longer.observations[:, :, horizon][goes_on])
    ended = rollout(Environment(id="CartPole-v1"), 1)
    assert ended.last_observations is not None
    assert ended.terminated.all()
    position, angle = ended.last_observations[..., 0].abs(), ended.last_observations[..., 2].abs()
    assert ((position > 2.4) | (angle > 0.2094)).all(), "an episode ends outside of these limits"
    seen = ended.observations[ended.mask]
    assert ((seen[:, 0].abs() <= 2.4) & (seen[:, 2].abs() <= 0.2096)).all()


ENDS, FALLS = np.array([1, 3, 2, 4]), np.array([True, True, False, False])


class Scripted:
    """Copies that end after 1, 3, 2 and 4 steps, and answer nonsense from then on, as they may."""

    spaces, horizon, states = Spaces(1, 2), 4, None

    def reset(self, generator: np.random.Generator) -> np.ndarray:
        del generator
        self.time = 0
        return np.zeros((4, 1), dtype=np.float32)

    def step(self, _actions: np.ndarray, alive: np.ndarray) -> Transition:
        self.time += 1
        seen, ended = np.where(alive, np.float32(self.time), np.float32(np.nan)), (self.time == ENDS) | ~alive
        return Transition(seen[:, None], 10 * seen, ended & (FALLS | ~alive), ended & ~(FALLS & alive))


def test_what_copies_answer_after_their_end_is_ignored() -> None:
    found = collect(Scripted(), actor_of(policy(Scripted.spaces)), Generators.of(0, "test"))
    steps = np.arange(1, 5) * (np.arange(1, 5) <= ENDS[:, None])
    assert torch.equal(found.rewards[0], torch.as_tensor(10.0 * steps, dtype=torch.float32))
    assert torch.equal(found.mask[0], torch.as_tensor(steps > 0))
    assert found.terminated[0].tolist() == FALLS.tolist()
    assert found.truncated[0].tolist() == (~FALLS).tolist()
    assert found.last_observations is not None
    assert found.last_observations[0, :, 0].tolist() == ENDS.tolist()
