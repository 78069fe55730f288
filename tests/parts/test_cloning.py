"""Behaviour cloning against closed forms: tables, frequencies, least squares, and gradients by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces, Trajectories, valid_steps
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.environments.registry import CONTROLLERS
from pg.experiments.identity.measure import imitation_loss
from pg.learning.policies import Policy
from pg.learning.rollout import Generators, actor_of, collect
from pg.parts.starts import cloning
from pg.parts.starts.clone import Clone
from pg.parts.variant import PolicyOptions
from tests.parts.made import trajectories
from torch import Tensor
from torch.distributions import Categorical

LINEAR = PolicyOptions(hidden=())


def start(**options: Any) -> Clone:
    return Clone(**{"controller": "lean", "demonstrations": 10, **options})


def shown(observations: Tensor, actions: Tensor, lengths: Sequence[int] | None = None) -> Trajectories:
    """Return demonstrations, S = 1, from observations (N, T, O) and actions (N, T, ...), of full length by default."""
    count, longest = observations.shape[:2]
    mask = torch.arange(longest) < torch.tensor(lengths or [longest] * count).unsqueeze(-1)
    steps = mask.unsqueeze(0)
    return trajectories(steps.float(), steps, observations=observations.unsqueeze(0), actions=actions.unsqueeze(0))


def policy_for(spaces: Spaces, options: PolicyOptions = LINEAR, dtype: torch.dtype = torch.float64) -> Policy:
    return Policy(options, spaces, torch_generator(0, "policy"), dtype)


def probabilities_of(policy: Policy, states: Tensor) -> Tensor:
    distribution = policy.distribution(states)
    assert isinstance(distribution, Categorical)
    return distribution.logits.detach().softmax(-1)


def categorical_steps() -> tuple[Policy, Trajectories]:
    drawn = torch.Generator().manual_seed(1)
    observations = torch.randn(3, 5, 4, generator=drawn, dtype=torch.float64)
    actions = torch.randint(3, (3, 5), generator=drawn)
    return policy_for(Spaces(4, 3)), shown(observations, actions, [5, 2, 4])


def gaussian_steps() -> tuple[Policy, Trajectories]:
    drawn = torch.Generator().manual_seed(2)
    observations = torch.randn(3, 5, 4, generator=drawn, dtype=torch.float64)
    actions = torch.randn(3, 5, 2, generator=drawn, dtype=torch.float64)
    return policy_for(Spaces(4, None, 2)), shown(observations, actions, [5, 2, 4])


def test_cross_entropy_gradient_is_probability_minus_action() -> None:
    policy, demonstrations = categorical_steps()
    states, actions = valid_steps(demonstrations)
    cloning.losses(policy, states, actions).mean().backward()
    errors = probabilities_of(policy, states) - torch.nn.functional.one_hot(actions, 3)
    by_matrix = states.T @ errors / len(states)
    torch.testing.assert_close(policy.theta.grad, torch.cat([by_matrix.flatten(), errors.mean(0)]))


def test_squared_error_gradient_is_twice_error_times_input() -> None:
    policy, demonstrations = gaussian_steps()
    states, actions = valid_steps(demonstrations)
    cloning.losses(policy, states, actions).mean().backward()
    errors = 2 * (policy.distribution(states).mean - actions).detach()
    by_matrix, by_log_std = states.T @ errors / len(states), torch.zeros(2, dtype=torch.float64)
    torch.testing.assert_close(policy.theta.grad, torch.cat([by_matrix.flatten(), errors.mean(0), by_log_std]))


def test_loss_is_weighted_imitation_with_weights_1() -> None:
    policy, demonstrations = categorical_steps()
    ones, steps = torch.ones_like(demonstrations.rewards, dtype=torch.float64), 11 / 3
    loss = cloning.losses(policy, *valid_steps(demonstrations)).mean()
    torch.testing.assert_close(steps * loss, imitation_loss(policy, demonstrations, ones))
    policy, demonstrations = gaussian_steps()
    with torch.no_grad():
        policy.log_std.fill_(np.log(0.7))
    loss = cloning.losses(policy, *valid_steps(demonstrations)).mean()
    torch.testing.assert_close(steps * loss / (2 * 0.7**2), imitation_loss(policy, demonstrations, ones))


def test_clone_of_a_table_reproduces_it() -> None:
    table = torch.tensor([2, 0, 1, 1, 2, 0])
    states = torch.arange(60).reshape(10, 6) % 6
    demonstrations = shown(torch.nn.functional.one_hot(states).float(), table[states])
    policy = policy_for(Spaces(6, 3), dtype=torch.float32)
    found = cloning.imitate(policy, start(learning_rate=0.1), demonstrations)
    likeliest = probabilities_of(policy, torch.eye(6)).argmax(-1)
    assert likeliest.tolist() == table.tolist()
    assert found.imitation_loss < 0.1
    assert found.demonstration_steps == 60


def test_clone_in_one_state_has_demonstrated_frequencies() -> None:
    actions = torch.tensor([0] * 10 + [1] * 25 + [2] * 15).reshape(5, 10)
    demonstrations = shown(torch.ones(5, 10, 1, dtype=torch.float64), actions)
    policy = policy_for(Spaces(1, 3))
    cloning.fit(policy, start(epochs=500, learning_rate=0.1), demonstrations, demonstrations)
    probabilities = probabilities_of(policy, torch.ones(1, 1, dtype=torch.float64))
    torch.testing.assert_close(probabilities[0], torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64), rtol=0, atol=1e-5)


def test_linear_gaussian_clone_is_least_squares_fit() -> None:
    policy, demonstrations = gaussian_steps()
    before = policy.log_std.detach().clone()
    cloning.fit(policy, start(epochs=1000, learning_rate=0.05), demonstrations, demonstrations)
    states, actions = valid_steps(demonstrations)
    inputs = torch.cat([states, torch.ones(len(states), 1, dtype=torch.float64)], dim=1)
    solution = torch.linalg.lstsq(inputs, actions).solution
    # The matrix and the biases, row by row.
    torch.testing.assert_close(policy.network, solution.flatten(), rtol=0, atol=1e-5)
    assert torch.equal(policy.log_std, before)


def test_split_keeps_trajectories_whole() -> None:
    _, demonstrations = categorical_steps()
    fitted, judged = cloning.split(demonstrations, 1)
    assert fitted.lengths.tolist() == [[5, 2]]
    assert judged.lengths.tolist() == [[4]]
    assert torch.equal(fitted.observations, demonstrations.observations[:, :2])
    assert torch.equal(judged.actions, demonstrations.actions[:, 2:])


def test_validated_trajectories_are_not_fitted() -> None:
    """Fitted and validation trajectories have opposite actions: any step increases the validation loss."""
    ones, actions = torch.ones(4, 5, 1, dtype=torch.float64), torch.tensor([[0] * 5] * 3 + [[1] * 5])
    policy, untouched = policy_for(Spaces(1, 2)), policy_for(Spaces(1, 2))
    options = start(demonstrations=4, validation_share=0.25, epochs=20)
    found = cloning.imitate(policy, options, shown(ones, actions))
    assert torch.equal(policy.theta, untouched.theta)
    assert found.imitation_training_loss != found.imitation_loss


def test_best_epoch_is_kept_not_the_last() -> None:
    """Training actions are all 0, but one in five validation actions is 1: the best probability of 0 is 4/5."""
    ones = torch.ones(5, 10, 1, dtype=torch.float64)
    fitted = shown(ones, torch.zeros(5, 10, dtype=torch.int64))
    judged = shown(ones, torch.tensor([[0] * 8 + [1] * 2] * 5))
    policy = policy_for(Spaces(1, 2))
    cloning.fit(policy, start(epochs=300, learning_rate=0.05), fitted, judged)
    probability = probabilities_of(policy, ones[0, :1])[0, 0].item()
    assert probability == pytest.approx(0.8, abs=0.01)


def test_beginning_reports_demonstrations_and_losses() -> None:
    observations, actions = torch.ones(5, 4, 1), torch.zeros(5, 4, dtype=torch.int64)
    policy = policy_for(Spaces(1, 2), dtype=torch.float32)
    found = cloning.imitate(policy, start(demonstrations=5, epochs=1), shown(observations, actions, [1, 2, 3, 4, 4]))
    assert found.demonstration_steps == 14
    assert found.demonstrator_return == pytest.approx(14 / 5)
    judged = probabilities_of(policy, observations[0, :1])[0, 0].log().item()
    assert found.imitation_loss == pytest.approx(-judged, rel=1e-6)


def test_normalising_policy_starts_from_demonstrations() -> None:
    _, demonstrations = categorical_steps()
    policy = policy_for(Spaces(4, 3, is_normalised=True))
    cloning.imitate(policy, start(demonstrations=3, validation_share=0.4, epochs=1), demonstrations)
    states, _ = valid_steps(demonstrations)
    assert policy.scaling is not None
    torch.testing.assert_close(policy.scaling.mean, states.mean(0))
    torch.testing.assert_close(policy.scaling.variance, states.var(0, correction=0))


@pytest.mark.long
@pytest.mark.parametrize(("name", "id"), [("lean", "CartPole-v1"), ("upright", "InvertedPendulum-v5")])
def test_clone_of_a_controller_earns_as_much(name: str, id: str) -> None:
    copies = make_environments(Environment(id=id), 10)
    policy = policy_for(copies.spaces, PolicyOptions(hidden=(16,), initial_std=0.1), torch.float32)

    def earned(actor: Any) -> float:
        batch = collect(copies, actor, Generators.of(0))
        return batch.returns.mean().item()

    before = earned(actor_of(policy))
    demonstrations = collect(copies, CONTROLLERS[name], Generators.of(1))
    found = cloning.imitate(policy, start(controller=name), demonstrations)
    assert found.demonstrator_return == pytest.approx(earned(CONTROLLERS[name]), rel=0.1)
    assert earned(actor_of(policy)) == pytest.approx(found.demonstrator_return, rel=0.25)
    assert before < 0.75 * found.demonstrator_return
