"""A value network fits its targets, with and without bootstrapping at truncation."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.environments.copies import make_environments
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.mdp import MDP
from pg.environments.record import Environment
from pg.environments.small_mdps import chain
from pg.laboratory.frozen import generators_of, in_float64, random_policy, sample
from pg.learning.policies import Policy, stacked
from pg.learning.tabular import action_probabilities, state_values
from pg.parts.baselines.running_average import RunningAverage
from pg.parts.baselines.value_network import ValueNetwork
from pg.parts.critic import Critic, ValueFunction
from pg.parts.discounting import reward_to_go
from pg.parts.networks import affine_maps
from pg.parts.variant import PolicyOptions, Variant
from tests.parts.made import trajectories
from tests.parts.named import gae

CHAIN = chain(horizon=4, length=2)
ON_CHAIN = Environment(id="pg/Chain-v0", kwargs={"length": 2}, horizon=4)
ENDLESS: dict[str, Any] = {"returns": gae(0.9, bootstrap_at_truncation=True), "discount": 0.8}


def new_critic(
    mdp: MDP = CHAIN,
    fit_steps: int = 20,
    hidden: tuple[int, ...] = (16,),
    rate: float = 0.01,
    activation: Any = "tanh",
    **parts: Any,
) -> Critic:
    baseline = ValueNetwork(hidden=hidden, fit_steps=fit_steps, learning_rate=rate, activation=activation)
    variant = Variant(baseline=baseline, **parts)
    critic = baseline.make_critic(variant, mdp.spaces, mdp.horizon, torch.Generator().manual_seed(0), torch.float64)
    assert critic is not None
    return critic


def chain_policy() -> Policy:
    return random_policy(PolicyOptions(hidden=()), CHAIN.spaces, seed=0)


def sampled(policy: Policy, count: int, purpose: str = "critic") -> Trajectories:
    copies = make_environments(ON_CHAIN, count)
    return in_float64(sample(copies, policy, generators_of(0, purpose), ON_CHAIN.rewards))


def test_only_a_value_network_has_a_critic() -> None:
    for variant in (Variant(), Variant(baseline="exact")):
        assert variant.baseline.make_critic(variant, Spaces(3, 2), 5, torch.Generator()) is None


def test_values_of_a_new_network_are_zero() -> None:
    values = new_critic().values(sampled(chain_policy(), 16))
    assert (values.along == 0).all()
    assert (values.rest == 0).all()


@pytest.mark.parametrize("discount", [1.0, 0.6])
def test_fitted_to_much_data_the_network_is_the_exact_value(discount: float) -> None:
    policy, critic = chain_policy(), new_critic(fit_steps=400, discount=discount)
    critic.fit(sampled(policy, 2048))
    every = enumerate_trajectories(CHAIN, 10_000)
    exact = state_values(policy, CHAIN, every.trajectories, discount)
    chances = every.probabilities(action_probabilities(stacked(policy), CHAIN)).detach()
    errors = (critic.values(every.trajectories).along - exact).square() * every.trajectories.mask
    spread = (exact - exact[every.trajectories.mask].mean()).square() * every.trajectories.mask
    assert (chances @ errors[0]).sum() < 0.06 * (chances @ spread[0]).sum()
    assert (critic.values(every.trajectories).along[~every.trajectories.mask] == 0).all()


def test_fitting_lowers_the_squared_error_to_rewards_to_go() -> None:
    batch, critic = sampled(chain_policy(), 64), new_critic(fit_steps=1, hidden=())
    targets = reward_to_go(batch.rewards, batch.mask)[batch.mask]
    critic.fit(batch)
    left, phi = CHAIN.horizon - batch.mask.nonzero()[:, -1], critic.network.phi
    assert phi.grad is not None
    # At zero the derivative of the mean of (h f - G)² in the bias, the last parameter, is the mean of -2 h G.
    assert phi.grad[-1].item() == pytest.approx(-2 * (left * targets).mean().item(), rel=1e-12)
    # Adam's first step has the size of its rate.
    assert phi[-1].item() == pytest.approx(0.01, rel=1e-4)


def test_explained_variance_is_one_minus_error_over_variance() -> None:
    batch, critic = sampled(chain_policy(), 512), new_critic(fit_steps=500)
    assert critic.explained_variance(batch) == pytest.approx(0, abs=1e-12)
    critic.fit(sampled(chain_policy(), 512, "other"))
    targets = reward_to_go(batch.rewards, batch.mask)[batch.mask]
    errors = targets - critic.values(batch).along[batch.mask]
    expected = 1 - errors.var(correction=0) / targets.var(correction=0)
    assert critic.explained_variance(batch) == pytest.approx(expected.item())
    assert critic.explained_variance(batch) > 0.1


def test_explained_variance_of_equal_returns_is_nan() -> None:
    one_step = sampled(chain_policy(), 32).until(1).map_tensors(torch.clone)
    one_step.rewards.fill_(1.0)
    assert torch.tensor(new_critic().explained_variance(one_step)).isnan()


def test_values_depend_on_the_step_unless_returns_bootstrap() -> None:
    seen = torch.eye(2, dtype=torch.float64)[[0, 0, 0]]
    steps = torch.tensor([0, 2, 4])
    for critic, differ in ((new_critic(), True), (new_critic(**ENDLESS), False)):
        torch.nn.init.normal_(critic.network.phi, generator=torch.Generator().manual_seed(1))
        values = critic.network(seen, steps)
        assert (values.unique().numel() == 3) == differ
        assert (values[-1] == 0) == differ, "the value at the horizon is 0 only if the horizon ends the return"


def truncated_and_terminated() -> Trajectories:
    """Two trajectories of a step each; both end in state 1, one truncated and one terminated."""
    states = torch.eye(2, dtype=torch.float64)
    return trajectories(
        torch.tensor([[[2.0], [3.0]]], dtype=torch.float64),
        observations=states[[0, 0]].reshape(1, 2, 1, 2),
        truncated=torch.tensor([[True, False]]),
        last_observations=states[[1, 1]].reshape(1, 2, 2),
    )


def test_rest_is_0_after_termination_but_not_after_truncation() -> None:
    batch, critic = truncated_and_terminated(), new_critic(**ENDLESS)
    torch.nn.init.normal_(critic.network.phi, generator=torch.Generator().manual_seed(1))
    assert batch.last_observations is not None
    last_value = critic.network(batch.last_observations[0, :1], torch.tensor([1])).item()
    assert last_value != 0
    assert critic.values(batch).rest.tolist() == [[pytest.approx(last_value), 0]]
    assert critic.targets(batch)[0, :, 0].tolist() == [pytest.approx(2 + 0.8 * last_value), 3]
    ended = new_critic(discount=0.8)
    assert ended.targets(batch)[0, :, 0].tolist() == [2, 3]


def test_bootstrapping_finds_the_value_of_an_endless_process() -> None:
    """Endless rewards of 1 have the value 1 / (1 - γ), although trajectories are truncated after four steps."""
    batch = sampled(chain_policy(), 32).until(4)
    alive = batch.mask.all(-1)
    batch = batch.map_tensors(lambda values: values[:, alive[0]])
    batch.rewards.fill_(1.0)
    endless = new_critic(fit_steps=1, rate=0.05, **ENDLESS)
    ended = new_critic(fit_steps=1, rate=0.05, discount=0.8)
    continues = torch.ones_like(batch.truncated)
    batch = replace(batch, terminated=~continues, truncated=continues)
    for critic in (endless, ended):
        for _ in range(300):
            critic.fit(batch)
    found = endless.values(batch).along
    torch.testing.assert_close(found, torch.full_like(found, 5.0), rtol=0.03, atol=0)
    until_the_horizon = reward_to_go(batch.rewards, batch.mask, 0.8)
    torch.testing.assert_close(ended.values(batch).along, until_the_horizon, rtol=0.03, atol=0.03)


def test_bootstrapping_without_last_observations_is_refused() -> None:
    without = replace(truncated_and_terminated(), last_observations=None)
    with pytest.raises(ValueError, match="needs the observation after the last step"):
        new_critic(**ENDLESS).values(without)


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu"])
def test_activations_are_those_of_their_names(activation: Any) -> None:
    variant = Variant(baseline=ValueNetwork(hidden=(5,), activation=activation))
    critic = variant.baseline.make_critic(
        variant, CHAIN.spaces, CHAIN.horizon, torch.Generator().manual_seed(0), torch.float64
    )
    assert critic is not None
    assert isinstance(critic.network, ValueFunction)
    first, last = affine_maps(critic.network.phi.data, critic.network.sizes)
    last.matrix.fill_(1)
    seen = torch.eye(2, dtype=torch.float64)
    inputs = torch.cat([seen, torch.tensor([[0.25], [0.5]], dtype=torch.float64)], -1)
    hidden = getattr(torch.nn.functional, activation)(first(inputs))
    expected = torch.tensor([3, 2]) * hidden.sum(-1)
    torch.testing.assert_close(critic.network(seen, torch.tensor([1, 2])), expected)


def running_average(weight: float, **parts: Any) -> Critic:
    baseline = RunningAverage(weight=weight)
    return baseline.make_critic(Variant(baseline=baseline, **parts), CHAIN.spaces, 4, torch.Generator(), torch.float64)


@pytest.mark.parametrize("discount", [1.0, 0.6])
def test_running_average_moves_to_the_mean_reward_to_go_by_its_weight(discount: float) -> None:
    batch, critic, expected = sampled(chain_policy(), 16), running_average(0.3, discount=discount), 0.0
    mean = reward_to_go(batch.rewards, batch.mask, discount)[batch.mask].mean().item()
    for _ in range(3):
        found = critic.values(batch)
        torch.testing.assert_close(found.along, torch.full_like(found.along, expected).where(batch.mask, 0))
        assert (found.rest == 0).all()
        critic.fit(batch)
        expected += 0.3 * (mean - expected)


def test_running_average_of_weight_one_is_the_mean_of_the_last_batch() -> None:
    batch, critic = sampled(chain_policy(), 16), running_average(1.0)
    critic.fit(sampled(chain_policy(), 8))
    critic.fit(batch)
    assert critic.network.phi.item() == pytest.approx(reward_to_go(batch.rewards, batch.mask)[batch.mask].mean().item())
