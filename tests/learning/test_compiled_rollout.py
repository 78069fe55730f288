"""Rollouts that take many steps per call are those that take one."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pg.core.trajectories import Trajectories
from pg.environments.copies import Observed, make_environments
from pg.environments.record import Environment, Observations
from pg.learning.policies import Policy
from pg.learning.rollout import Generators, PolicyActor, actor_of, collect
from tests.learning.batches import perturbed

NAMES = ("observations", "actions", "rewards", "mask", "terminated", "truncated", "last_observations")


class OneStepPerCall:
    """The same actor, of a class that is not compiled into rollouts."""

    def __init__(self, actor: PolicyActor) -> None:
        self._actor = actor

    def noise(self, generator: np.random.Generator, steps: int, trajectories: int) -> NDArray[np.float32]:
        return self._actor.noise(generator, steps, trajectories)

    def act(self, observations: NDArray[np.float32], noise: NDArray[np.float32]) -> NDArray[Any]:
        return self._actor.act(observations, noise)


def balancing(dtype: torch.dtype, **options: Any) -> Policy:
    """Return a policy that balances the pole for a while."""
    policy = perturbed(make_environments(Environment(id="CartPole-v1"), 1).spaces, 1, hidden=(16, 8), by=0.2, **options)
    with torch.no_grad():
        # The first unit is the angle plus half of the angular velocity, and the last layer reads it.
        first, second, last = policy.affine
        for layer in (first, second, last):
            layer.matrix.mul_(0.3)
        first.matrix[:, 0] = torch.tensor([0.0, 0.0, 3.0, 1.5])
        second.matrix[0, 0] = 3.0
        last.matrix[0] = torch.tensor([-0.7, 0.7])
    return policy.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("activation", "horizon"), [("tanh", 500), ("relu", 70), ("elu", 400)])
def test_rollout_is_that_of_one_step_per_call(activation: str, horizon: int, dtype: torch.dtype) -> None:
    copies = make_environments(Environment(id="CartPole-v1", horizon=horizon), 20)
    actor = actor_of(balancing(dtype, activation=activation))
    many = [collect(copies, actor, generators) for generators in [Generators.of(3)] for _ in range(2)]
    one = [collect(copies, OneStepPerCall(actor), generators) for generators in [Generators.of(3)] for _ in range(2)]
    for found, expected in zip(many, one, strict=True):
        assert_close(found, expected)
    lengths = many[0].lengths
    assert len(lengths.unique()) > 3
    assert lengths.max() > 32, "more than one call"


def assert_close(found: Trajectories, expected: Trajectories) -> None:
    # Products of fewer rows may be rounded differently.
    for name in NAMES:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6)


def test_most_likely_actions_need_no_noise() -> None:
    copies = make_environments(Environment(id="CartPole-v1", horizon=90), 6)
    actor = actor_of(balancing(torch.float32), is_deterministic=True)
    assert_close(collect(copies, actor, Generators.of(0)), collect(copies, OneStepPerCall(actor), Generators.of(0)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "seen", [{"hide": (1, 3)}, {"stack": 3}, {"hide": ("position",), "stack": 2, "normalise": True}], ids=str
)
def test_rollout_with_observation_options_is_that_of_one_step_per_call(
    seen: dict[str, Any], dtype: torch.dtype
) -> None:
    copies = make_environments(Environment(id="CartPole-v1", horizon=90, observations=Observations(**seen)), 20)
    assert isinstance(copies, Observed)
    policy = perturbed(copies.spaces, 1, hidden=(16,)).to(dtype)
    if policy.scaling is not None:
        policy.scaling.observe(
            torch.randn(50, copies.spaces.observation_size, generator=torch.Generator().manual_seed(0))
        )
    actor = actor_of(policy)
    found = collect(copies, actor, Generators.of(0))
    assert_close(found, collect(copies, OneStepPerCall(actor), Generators.of(0)))
    assert len(found.lengths.unique()) > 3


def test_policy_without_finite_outputs_ends_its_episodes() -> None:
    policy = balancing(torch.float32)
    with torch.no_grad():
        policy.theta.fill_(torch.nan)
    copies = make_environments(Environment(id="CartPole-v1"), 4)
    batch = collect(copies, actor_of(policy), Generators.of(0))
    assert batch.terminated.all()
    assert batch.observations.isfinite().all()
