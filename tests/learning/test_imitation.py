"""Behaviour cloning against closed forms: tables, frequencies, least squares, and gradients by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.randomness import generator, torch_generator
from pg.core.trajectories import Spaces, Trajectories, valid_steps
from pg.environments.controllers import CONTROLLERS
from pg.environments.record import Environment
from pg.environments.stacked import make_environments
from pg.experiments.identity.measure import imitation_loss
from pg.experiments.records import Budget
from pg.learning import imitation
from pg.learning.policies import Policy, make_policy
from pg.learning.rollout import Generators, actor_of, collect
from pg.parts.learner import Clone
from pg.parts.learner import Policy as PolicyOptions
from pg.parts.variant import Variant
from pg.study.jobs import Demonstrators, TrainJob
from torch import Tensor
from torch.distributions import Categorical

LINEAR = PolicyOptions(hidden=())


def start(**options: Any) -> Clone:
    return Clone(**{"controller": "lean", "demonstrations": 10, **options})


def shown(observations: Tensor, actions: Tensor, lengths: Sequence[int] | None = None) -> Trajectories:
    """Demonstrations of S = 1 from (N, T, O) and (N, T, ...), each of full length unless told."""
    count, longest = observations.shape[:2]
    mask = torch.arange(longest) < torch.tensor(lengths or [longest] * count).unsqueeze(-1)
    ended = torch.ones(1, count, dtype=torch.bool)
    return Trajectories(
        observations.unsqueeze(0), actions.unsqueeze(0), mask.float().unsqueeze(0), mask.unsqueeze(0), ended, ~ended
    )


def policy_for(spaces: Spaces, options: PolicyOptions = LINEAR, dtype: torch.dtype = torch.float64) -> Policy:
    return make_policy(options, spaces, torch_generator(0, "policy"), dtype)


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


def test_the_gradient_of_the_cross_entropy_is_probabilities_minus_what_was_done() -> None:
    policy, demonstrations = categorical_steps()
    states, actions = valid_steps(demonstrations)
    imitation.losses(policy, states, actions).mean().backward()
    errors = probabilities_of(policy, states) - torch.nn.functional.one_hot(actions, 3)
    torch.testing.assert_close(policy.affine[0].weight.grad, errors.T @ states / len(states))
    torch.testing.assert_close(policy.affine[0].bias.grad, errors.mean(0))


def test_the_gradient_of_the_squared_error_is_twice_the_error_times_the_input() -> None:
    policy, demonstrations = gaussian_steps()
    states, actions = valid_steps(demonstrations)
    imitation.losses(policy, states, actions).mean().backward()
    errors = 2 * (policy.distribution(states).mean - actions).detach()
    torch.testing.assert_close(policy.affine[0].weight.grad, errors.T @ states / len(states))
    assert policy.log_std.grad is None


def test_the_loss_is_that_of_weighted_imitation_with_every_weight_1() -> None:
    policy, demonstrations = categorical_steps()
    ones, steps = torch.ones_like(demonstrations.rewards, dtype=torch.float64), 11 / 3
    loss = imitation.losses(policy, *valid_steps(demonstrations)).mean()
    torch.testing.assert_close(steps * loss, imitation_loss(policy, demonstrations, ones))
    policy, demonstrations = gaussian_steps()
    with torch.no_grad():
        policy.log_std.fill_(np.log(0.7))
    loss = imitation.losses(policy, *valid_steps(demonstrations)).mean()
    torch.testing.assert_close(steps * loss / (2 * 0.7**2), imitation_loss(policy, demonstrations, ones))


def test_a_clone_of_a_table_does_what_the_table_says() -> None:
    table = torch.tensor([2, 0, 1, 1, 2, 0])
    states = torch.arange(60).reshape(10, 6) % 6
    demonstrations = shown(torch.nn.functional.one_hot(states).float(), table[states])
    policy = policy_for(Spaces(6, 3), dtype=torch.float32)
    found = imitation.imitate(policy, start(learning_rate=0.1), demonstrations)
    likeliest = probabilities_of(policy, torch.eye(6)).argmax(-1)
    assert likeliest.tolist() == table.tolist()
    assert found.imitation_loss < 0.1
    assert found.demonstration_steps == 60


def test_in_one_state_the_clone_takes_actions_as_often_as_they_were_shown() -> None:
    actions = torch.tensor([0] * 10 + [1] * 25 + [2] * 15).reshape(5, 10)
    demonstrations = shown(torch.ones(5, 10, 1, dtype=torch.float64), actions)
    policy = policy_for(Spaces(1, 3))
    imitation.fit(policy, start(epochs=500, learning_rate=0.1), demonstrations, demonstrations)
    probabilities = probabilities_of(policy, torch.ones(1, 1, dtype=torch.float64))
    torch.testing.assert_close(probabilities[0], torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64), rtol=0, atol=1e-5)


def test_the_mean_of_a_linear_gaussian_clone_is_the_least_squares_fit_and_its_deviations_stay() -> None:
    policy, demonstrations = gaussian_steps()
    before = policy.log_std.detach().clone()
    imitation.fit(policy, start(epochs=1000, learning_rate=0.05), demonstrations, demonstrations)
    states, actions = valid_steps(demonstrations)
    inputs = torch.cat([states, torch.ones(len(states), 1, dtype=torch.float64)], dim=1)
    solution = torch.linalg.lstsq(inputs, actions).solution
    torch.testing.assert_close(policy.affine[0].weight.T, solution[:-1], rtol=0, atol=1e-5)
    torch.testing.assert_close(policy.affine[0].bias, solution[-1], rtol=0, atol=1e-5)
    assert torch.equal(policy.log_std, before)


def test_demonstrations_are_divided_by_whole_trajectories() -> None:
    _, demonstrations = categorical_steps()
    fitted, judged = imitation.split(demonstrations, 1)
    assert fitted.lengths.tolist() == [[5, 2]]
    assert judged.lengths.tolist() == [[4]]
    assert torch.equal(fitted.observations, demonstrations.observations[:, :2])
    assert torch.equal(judged.actions, demonstrations.actions[:, 2:])


def test_the_policy_is_not_fitted_to_what_it_is_judged_by() -> None:
    """The two parts show opposite actions: any step on the first is for the worse on the second."""
    ones, actions = torch.ones(4, 5, 1, dtype=torch.float64), torch.tensor([[0] * 5] * 3 + [[1] * 5])
    policy, untouched = policy_for(Spaces(1, 2)), policy_for(Spaces(1, 2))
    options = start(demonstrations=4, validation_share=0.25, epochs=20)
    found = imitation.imitate(policy, options, shown(ones, actions))
    for name, values in policy.state_dict().items():
        assert torch.equal(values, untouched.state_dict()[name])
    assert found.imitation_training_loss != found.imitation_loss


def test_what_is_kept_is_the_epoch_that_judges_best_and_not_the_last() -> None:
    """One in five of the actions judged by is other than all that are fitted to: a little of that is best."""
    ones = torch.ones(5, 10, 1, dtype=torch.float64)
    fitted = shown(ones, torch.zeros(5, 10, dtype=torch.int64))
    judged = shown(ones, torch.tensor([[0] * 8 + [1] * 2] * 5))
    policy = policy_for(Spaces(1, 2))
    imitation.fit(policy, start(epochs=300, learning_rate=0.05), fitted, judged)
    probability = probabilities_of(policy, ones[0, :1])[0, 0].item()
    assert probability == pytest.approx(0.8, abs=0.01)


def test_a_beginning_says_what_was_shown() -> None:
    observations, actions = torch.ones(5, 4, 1), torch.zeros(5, 4, dtype=torch.int64)
    policy = policy_for(Spaces(1, 2), dtype=torch.float32)
    found = imitation.imitate(policy, start(demonstrations=5, epochs=1), shown(observations, actions, [1, 2, 3, 4, 4]))
    assert found.demonstration_steps == 14
    assert found.demonstrator_return == pytest.approx(14 / 5)
    judged = probabilities_of(policy, observations[0, :1])[0, 0].log().item()
    assert found.imitation_loss == pytest.approx(-judged, rel=1e-6)


def test_a_policy_that_scales_what_it_sees_has_seen_the_demonstrations() -> None:
    _, demonstrations = categorical_steps()
    policy = policy_for(Spaces(4, 3, is_normalised=True))
    imitation.imitate(policy, start(demonstrations=3, validation_share=0.4, epochs=1), demonstrations)
    states, _ = valid_steps(demonstrations)
    assert policy.scaling is not None
    torch.testing.assert_close(policy.scaling.mean, states.mean(0))
    torch.testing.assert_close(policy.scaling.variance, states.var(0, correction=0))


def job(seeds: Sequence[int], **options: Any) -> TrainJob:
    return TrainJob(
        environment=Environment(id="CartPole-v1", horizon=50),
        variant=Variant(policy=PolicyOptions(hidden=(8,)), initialise=Clone(demonstrations=5, **options)),
        budget=Budget(steps=1000),
        snapshots={"late": 1.0},
        seeds=tuple(seeds),
        demonstrators=Demonstrators(policy=LINEAR, stage="late", seeds=tuple(4 + seed % 2 for seed in seeds))
        if "clone" in options
        else None,
    )


SNAPSHOTS: dict[str, Any] = {"clone": {"experiment": "other", "variant": "other", "stage": "late"}}


def parameters(toward: int) -> dict[str, np.ndarray]:
    """A policy that pushes to one side all the time."""
    bias = np.full(2, -100, dtype=np.float32)
    bias[toward] = 100
    return {"layers.0.weight": np.zeros((2, 4), dtype=np.float32), "layers.0.bias": bias}


POLICIES = {4: parameters(0), 5: parameters(1)}


def demonstrated(job: TrainJob, stream: str) -> dict[int, Trajectories]:
    assert isinstance(job.variant.initialise, Clone)
    return imitation.demonstrations(job, job.variant.initialise, stream, POLICIES)


def assert_same(first: Trajectories, second: Trajectories) -> None:
    assert torch.equal(first.observations, second.observations)
    assert torch.equal(first.actions, second.actions)


@pytest.mark.parametrize("options", [SNAPSHOTS, {"controller": "lean"}], ids=["snapshots", "controller"])
def test_a_seed_is_shown_the_same_in_any_company_and_other_than_its_neighbours(options: dict[str, Any]) -> None:
    together = demonstrated(job(range(3), **options), "train")
    assert list(together) == [0, 1, 2]
    for seed, seen in together.items():
        assert seen.mask.shape[:2] == (1, 5)
        assert_same(demonstrated(job([seed], **options), "train")[seed], seen)
    starts = [seen.observations[0, :, 0] for seen in together.values()]
    assert not torch.equal(starts[0], starts[2])
    tuned = demonstrated(job([0], **options), "tune")[0]
    assert not torch.equal(tuned.observations[0, :, 0], starts[0])


def test_each_seed_is_shown_its_own_demonstrator() -> None:
    found = demonstrated(job(range(3), **SNAPSHOTS), "train")
    for seed, side in ((0, 0), (1, 1), (2, 0)):
        assert (found[seed].actions[found[seed].mask] == side).all()


def test_a_controller_is_followed_step_by_step() -> None:
    seen = demonstrated(job([0], controller="lean"), "train")[0]
    states, actions = valid_steps(seen)
    assert torch.equal(actions, (states[:, 2] > 0).long())


@pytest.mark.long
@pytest.mark.parametrize(("name", "id"), [("lean", "CartPole-v1"), ("upright", "InvertedPendulum-v5")])
def test_a_clone_of_a_controller_earns_about_what_the_controller_earns(name: str, id: str) -> None:
    copies = make_environments(Environment(id=id), 1, 10)
    policy = policy_for(copies.spaces, PolicyOptions(hidden=(16,), initial_std=0.1), torch.float32)

    def earned(actor: Any) -> float:
        batch = collect(copies, actor, [Generators(generator(0, "starts"), generator(0, "actions"))])
        return batch.returns.mean().item()

    before, taught = (
        earned(actor_of([policy])),
        collect(copies, CONTROLLERS[name], [Generators(generator(1, "starts"), generator(1, "actions"))]),
    )
    found = imitation.imitate(policy, start(controller=name), taught)
    assert found.demonstrator_return == pytest.approx(earned(CONTROLLERS[name]), rel=0.1)
    assert earned(actor_of([policy])) == pytest.approx(found.demonstrator_return, rel=0.25)
    assert before < 0.75 * found.demonstrator_return
