"""A batch holds whole trajectories, and a seed's trajectories are its own."""

import numpy as np
import torch
from pg.core.randomness import generator, torch_generator
from pg.core.trajectories import Trajectories
from pg.environments.record import Environment
from pg.environments.stacked import make_environments
from pg.learning.policies import make_policy
from pg.learning.rollout import Generators, actor_of, collect
from pg.parts.learner import Policy as PolicyOptions


def rollout(environment: Environment, *seeds: int, trajectories: int = 6) -> Trajectories:
    copies = make_environments(environment, len(seeds), trajectories)
    policies = [make_policy(PolicyOptions(hidden=(8,)), copies.spaces, torch_generator(s, "policy")) for s in seeds]
    sources = [Generators(generator(seed, "starts"), generator(seed, "actions")) for seed in seeds]
    return collect(copies, actor_of(policies), sources)


def assert_same(one: Trajectories, other: Trajectories) -> None:
    for name in ("observations", "actions", "rewards", "mask", "terminated", "truncated", "last_observations"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_a_seeds_trajectories_do_not_depend_on_its_neighbours() -> None:
    for environment in (Environment(id="CartPole-v1"), Environment(id="InvertedPendulum-v5", horizon=40)):
        together = rollout(environment, 3, 4, 5)
        for index, seed in enumerate((3, 4, 5)):
            assert_same(together.of_seed(index), rollout(environment, seed).of_seed(0))


def test_trajectories_are_zero_behind_their_ends_and_have_no_gaps() -> None:
    batch = rollout(Environment(id="CartPole-v1"), 1, 2)
    steps = torch.arange(batch.mask.shape[-1])
    assert torch.equal(batch.mask, steps < batch.lengths.unsqueeze(-1))
    assert (batch.rewards[~batch.mask] == 0).all()
    assert (batch.observations[~batch.mask] == 0).all()
    assert (batch.actions[~batch.mask] == 0).all()
    assert len(batch.lengths.unique()) > 1
    assert torch.equal(batch.returns, batch.lengths.to(batch.returns.dtype))


def test_terminated_and_truncated_are_kept_apart() -> None:
    batch = rollout(Environment(id="CartPole-v1", horizon=20), 1, trajectories=64)
    assert torch.equal(batch.truncated, ~batch.terminated)
    assert batch.terminated.any()
    assert batch.truncated.any()
    assert (batch.lengths[batch.truncated] == 20).all()


def test_the_recorded_action_leads_to_the_recorded_next_observation() -> None:
    batch = rollout(Environment(id="CartPole-v1"), 1)
    velocity = batch.observations[0, :, :, 1]
    pushed_right = (velocity[:, 1:] > velocity[:, :-1])[batch.mask[0, :, 1:]]
    assert torch.equal(pushed_right, (batch.actions[0, :, :-1] == 1)[batch.mask[0, :, 1:]])


def test_the_last_observation_is_what_the_last_step_led_to() -> None:
    """Also where the trajectory lasts as long as the longest, and where others go on after it."""
    for id, horizon in (("CartPole-v1", 25), ("MountainCarContinuous-v0", 6)):
        short = rollout(Environment(id=id, horizon=horizon), 1, 2)
        longer = rollout(Environment(id=id, horizon=horizon + 1), 1, 2)
        assert short.last_observations is not None
        assert short.truncated.any()
        # The same numbers are drawn, so that whoever is cut off would have gone on from what was seen last.
        goes_on = short.truncated
        assert torch.equal(short.last_observations[goes_on], longer.observations[:, :, horizon][goes_on])
    ended = rollout(Environment(id="CartPole-v1"), 1, 2)
    assert ended.last_observations is not None
    assert ended.terminated.all()
    position, angle = ended.last_observations[..., 0].abs(), ended.last_observations[..., 2].abs()
    assert ((position > 2.4) | (angle > 0.2094)).all(), "an episode ends outside of these limits"
    seen = ended.observations[ended.mask]
    assert ((seen[:, 0].abs() <= 2.4) & (seen[:, 2].abs() <= 0.2096)).all()


def test_successive_batches_differ_and_equal_generators_repeat_them() -> None:
    environment = Environment(id="CartPole-v1")
    assert_same(rollout(environment, 1), rollout(environment, 1))
    assert not np.array_equal(
        rollout(environment, 1).observations[0, 0, 0], rollout(environment, 2).observations[0, 0, 0]
    )
