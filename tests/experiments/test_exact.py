"""The exact mean and variance of each estimator.

The table of expectations: leaving a trajectory out of its own baseline keeps the expectation at the gradient of the
objective; averaging it in scales the expectation by 1 - 1/N; for total returns and for rewards-to-go alike.
"""

import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.environments.enumeration import EnumerationTooLarge, NoTables, enumerate_trajectories
from pg.environments.exact import policy_gradient_theorem
from pg.environments.mdp import MDP
from pg.environments.record import Environment
from pg.environments.small_mdps import bandit, chain, random_mdp
from pg.experiments.exact.record import ExactExperiment
from pg.laboratory.frozen import random_policy
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.reference import truth
from pg.learning.policies import Policy, flatten, repeat
from pg.learning.tabular import action_probabilities
from pg.parts.baselines.constant import Constant
from pg.parts.critic import Critic
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import job_of, rows_of
from tests.laboratory.pairs import MIXED, discounted_gradient, moments
from tests.parts.named import BASELINES, FROM_THE_BATCH, constant, gae

LIMIT = 30_000
SMALL = PolicyOptions(hidden=(3,))
LINEAR = PolicyOptions(hidden=())
LEARNING: dict[str, Any] = {"name": "value_network", "hidden": [4]}
LEARNED: dict[str, Any] = {"baseline": "value_network", "batch": 1}
IN_SAMPLE = ("average_reward", "per_step")

STEPS = torch.arange(MIXED.horizon, dtype=torch.float64)
MDPS = {"mixed": MIXED, "chain": chain(4, length=2, slip=0), "random": random_mdp(2, states=2, seed=4)}
CASES = [("mixed", 2), ("chain", 2), ("chain", 3), ("random", 2)]


def expectation(mdp: MDP, policy: Policy, **parts: Any) -> torch.Tensor:
    variant = Variant(policy=SMALL, **parts)
    return moments(enumerate_trajectories(mdp, LIMIT), policy, variant, LIMIT, arbitrary_critic(variant, mdp)).mean


def arbitrary_critic(variant: Variant, mdp: MDP) -> Critic | None:
    """Return a value network that is not fitted, but has nonzero values in every state and step."""
    generator = torch.Generator().manual_seed(7)
    critic = variant.baseline.make_critic(variant, mdp.spaces, mdp.horizon, generator, torch.float64)
    if critic is not None:
        torch.nn.init.normal_(critic.network.phi, generator=generator)
    return critic


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert (found - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_the_cases_have_episodes_of_varying_length(mdp: MDP) -> None:
    lengths = enumerate_trajectories(mdp, LIMIT).trajectories.lengths
    assert lengths.unique().numel() > 1


@pytest.mark.parametrize(("name", "n"), CASES)
@pytest.mark.parametrize("returns", ["total", "to_go"])
@pytest.mark.parametrize("baseline", BASELINES)
def test_only_baselines_from_the_own_batch_shrink_expectations(name: str, n: int, returns: str, baseline: str) -> None:
    mdp = MDPS[name]
    policy = random_policy(SMALL, mdp.spaces, seed=1)
    factor = 1 - 1 / n if baseline in IN_SAMPLE else 1
    declared = LEARNING if baseline == "value_network" else constant(baseline, 0.7)
    found = expectation(mdp, policy, returns=returns, baseline=declared, batch=n)
    assert_equal(found, factor * truth(mdp, policy).gradient)


@pytest.mark.parametrize(
    "parts", [{"returns": "total"}, {"discount_states": True}, {"discount_states": True, "baseline": "optimal"}]
)
def test_discounted_estimates_follow_the_discounted_objective(parts: dict[str, Any]) -> None:
    policy = random_policy(SMALL, MIXED.spaces, seed=3)
    found = expectation(MIXED, policy, discount=0.6, batch=2, **parts)
    assert_equal(found, discounted_gradient(MIXED, policy, 0.6))


@pytest.mark.parametrize(
    ("baseline", "parts"),
    [
        ("leave_one_out", {"discount_states": True}),
        ("per_step_leave_one_out", {"discount_states": True}),
        ("per_step", {"discount_states": True}),
        ("average_reward", {"returns": "total"}),
    ],
)
def test_baselines_shrink_discounted_estimates_like_others(baseline: str, parts: dict[str, Any]) -> None:
    policy = random_policy(SMALL, MIXED.spaces, seed=3)
    found = expectation(MIXED, policy, discount=0.6, baseline=baseline, batch=3, **parts)
    factor = 2 / 3 if baseline in IN_SAMPLE else 1
    assert_equal(found, factor * discounted_gradient(MIXED, policy, 0.6))


def test_the_average_reward_subtracts_twice_discounted_visits() -> None:
    r"""Its own share is E[sum of gamma^t psi_t R] / N, where R counts from the start: gamma^(2 t) d_t Q_t in all."""
    policy = random_policy(SMALL, MIXED.spaces, seed=3)
    found = expectation(MIXED, policy, discount=0.6, discount_states=True, baseline="average_reward", batch=3)
    own = weighted_theorem(policy, 0.6, 0.6**STEPS)
    assert_equal(found, discounted_gradient(MIXED, policy, 0.6) - own / 3)


@pytest.mark.parametrize(("name", "decay"), list(product(MDPS, [0, 0.5, 0.9, 1])))
def test_gae_of_exact_values_has_no_bias_whatever_lambda(name: str, decay: float) -> None:
    policy = random_policy(SMALL, MDPS[name].spaces, seed=1)
    parts = {"returns": gae(decay), "baseline": "exact", "batch": 2}
    assert_equal(expectation(MDPS[name], policy, **parts), truth(MDPS[name], policy).gradient)
    discounted = expectation(MDPS[name], policy, **parts, discount=0.6, discount_states=True)
    assert_equal(discounted, discounted_gradient(MDPS[name], policy, 0.6))


@pytest.mark.parametrize("name", MDPS)
def test_gae_of_any_values_has_a_bias_unless_lambda_is_1(name: str) -> None:
    policy = random_policy(SMALL, MDPS[name].spaces, seed=1)
    true = truth(MDPS[name], policy).gradient
    expected = {decay: expectation(MDPS[name], policy, returns=gae(decay), **LEARNED) for decay in (0, 0.5, 1)}
    assert_equal(expected[1], true)
    biases = [(expected[decay] - true).norm() / true.norm() for decay in (0, 0.5)]
    assert all(bias > 0.01 for bias in biases)


def test_gae_of_any_values_adds_up_the_gradients_of_one_step_errors() -> None:
    r"""E[hat g] is the sum over t and l of (gamma lambda)^l E[psi_t delta_{t+l}], whatever the baseline."""
    policy, enumeration = random_policy(SMALL, MIXED.spaces, seed=1), enumerate_trajectories(MIXED, LIMIT)
    variant = Variant(returns=gae(0.5), discount=0.8, policy=SMALL, **LEARNED)
    critic = arbitrary_critic(variant, MIXED)
    assert critic is not None
    every = enumeration.trajectories
    values = torch.nn.functional.pad(critic.values(every).along, (0, 1))
    advantages = torch.zeros_like(every.rewards)
    for t, later in product(range(3), range(3)):
        if later >= t:
            error = every.rewards[..., later] + 0.8 * values[..., later + 1] - values[..., later]
            advantages[..., t] += 0.4 ** (later - t) * error * every.mask[..., later]
    copies = repeat(policy, 1)
    log_probs = action_probabilities(copies, MIXED).log()[0, every.states, every.actions]
    chances = enumeration.probabilities(action_probabilities(copies, MIXED)).detach()
    objective = (chances * (log_probs * advantages * every.mask).sum(-1)).sum()
    expected = flatten(torch.autograd.grad(objective, copies.parameters_list())).squeeze(0)
    assert_equal(moments(enumeration, policy, variant, LIMIT, critic).mean, expected)


def test_bootstrapping_at_truncation_is_biased_by_what_follows() -> None:
    policy = random_policy(SMALL, MIXED.spaces, seed=1)
    parts = {"discount": 0.6, "discount_states": True, **LEARNED}
    true = discounted_gradient(MIXED, policy, 0.6)
    assert_equal(expectation(MIXED, policy, returns=gae(1), **parts), true)
    bootstrapped = expectation(MIXED, policy, returns=gae(1, bootstrap_at_truncation=True), **parts)
    assert (bootstrapped - true).norm() > 0.01 * true.norm()


def test_a_network_fitted_to_other_trajectories_leaves_no_bias() -> None:
    environment = Environment(id="pg/Chain-v0", kwargs={"length": 2}, horizon=3)
    variants = {
        name: Variant(baseline=LEARNING | {"hidden": [8]}, batch=2, policy=SMALL, **parts)
        for name, parts in {"to_go": {}, "gae": {"returns": gae(1)}}.items()
    }
    variants |= {"none": Variant(batch=2, policy=SMALL), "exact": Variant(batch=2, policy=SMALL, baseline="exact")}
    rows = rows_of(job_of(ExactExperiment, environment, variants, 0, 1))
    rows = rows.pivot_table(index="seed", columns="variant", values=["relative_bias", "total_variance"])
    assert (rows["relative_bias"] < 1e-10).to_numpy().all()
    np.testing.assert_allclose(rows["total_variance"]["to_go"], rows["total_variance"]["exact"], rtol=0.1)
    assert (rows["total_variance"]["none"] > 1.2 * rows["total_variance"]["exact"]).all()
    np.testing.assert_allclose(rows["total_variance"]["gae"], rows["total_variance"]["to_go"])


def test_without_discounted_states_estimates_follow_another_vector() -> None:
    r"""It is the undiscounted visits times discounted values: the sum of d_t, grad pi and Q_t without gamma^t."""
    policy = random_policy(SMALL, MIXED.spaces, seed=3)
    found = expectation(MIXED, policy, discount=0.6, batch=2)
    assert_equal(found, weighted_theorem(policy, 0.6, 0.6**-STEPS))
    assert (found - discounted_gradient(MIXED, policy, 0.6)).norm() > 1e-3 * found.norm()


def weighted_theorem(policy: Policy, discount: float, weights: torch.Tensor) -> torch.Tensor:
    """Sum the policy gradient theorem's terms over time, with a weight per step."""
    copy = repeat(policy, 1)
    table = action_probabilities(copy, MIXED)
    per_step = policy_gradient_theorem(MIXED, table.expand(MIXED.horizon, -1, -1), discount)
    total = (per_step * weights[:, None, None]).sum(0, keepdim=True)
    return flatten(torch.autograd.grad(table, copy.parameters_list(), total)).squeeze(0)


def test_normalised_advantages_of_the_two_armed_bandit() -> None:
    """Only batches with both arms carry a gradient: their advantages are +1 and -1 whatever the arms pay."""
    p, policy = 0.3, bandit_policy(0.3)
    variant = Variant(batch=2, normalise_advantages=True)
    for rewards in ([1.0, 0.0], [70.0, 20.0]):
        found = moments(enumerate_trajectories(bandit(1, rewards), LIMIT), policy, variant, LIMIT)
        assert_equal(found.mean.abs(), torch.full((4,), p * (1 - p), dtype=torch.float64))


def bandit_policy(p: float) -> Policy:
    policy = random_policy(LINEAR, bandit(1).spaces, seed=0)
    policy.load_state_dict({"theta": torch.tensor([0, 0, np.log(p / (1 - p)), 0], dtype=torch.float64)})
    return policy


def test_moments_are_those_of_the_list_of_all_estimates() -> None:
    """The sums in chunks against the two-pass formulas on estimates that are kept."""
    policy, enumeration = random_policy(SMALL, MIXED.spaces, seed=5), enumerate_trajectories(MIXED, LIMIT)
    variant = Variant(policy=SMALL, batch=1)
    found = moments(enumeration, policy, variant, LIMIT)
    probabilities = enumeration.probabilities(action_probabilities(repeat(policy, 1), MIXED)).detach()
    gradients = batch_gradients(policy, variant, enumeration.trajectories.regrouped(1))
    mean = probabilities @ gradients
    variance = probabilities @ (gradients - mean).square().sum(-1)
    assert_equal(found.mean, mean)
    assert found.total_variance == pytest.approx(variance.item(), rel=1e-12)


@pytest.mark.parametrize("returns", ["total", "to_go"])
def test_without_a_baseline_the_variance_falls_as_one_over_n(returns: str) -> None:
    policy, enumeration = random_policy(SMALL, MIXED.spaces, seed=5), enumerate_trajectories(MIXED, LIMIT)
    one, two, three = (
        moments(enumeration, policy, Variant(policy=SMALL, returns=returns, batch=n), LIMIT).total_variance
        for n in (1, 2, 3)
    )
    assert two == pytest.approx(one / 2, rel=1e-10)
    assert three == pytest.approx(one / 3, rel=1e-10)


GAUSSIAN = {"mean": 0.7, "log_std": -0.4, "target": -0.3}
NODES = 6


def gaussian_policy() -> Policy:
    policy = Policy(LINEAR, Spaces(1, None, 1), torch.Generator().manual_seed(0), dtype=torch.float64)
    theta = [GAUSSIAN["mean"] - 0.2, 0.2, GAUSSIAN["log_std"]]
    policy.load_state_dict({"theta": torch.tensor(theta, dtype=torch.float64)})
    return policy


def gaussian_batches(n: int) -> tuple[Trajectories, torch.Tensor]:
    """Put every batch of n Gauss-Hermite nodes on the S axis: one step each, reward -(a - target)^2."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    members = torch.cartesian_prod(*[torch.arange(NODES)] * n).reshape(-1, n)
    actions = GAUSSIAN["mean"] + np.exp(GAUSSIAN["log_std"]) * torch.as_tensor(nodes)[members]
    ended = torch.ones(members.shape, dtype=torch.bool)
    trajectories = Trajectories(
        observations=torch.ones(*members.shape, 1, 1, dtype=torch.float64),
        actions=actions[..., None, None],
        rewards=-(actions - GAUSSIAN["target"]).square().unsqueeze(-1),
        mask=ended.unsqueeze(-1),
        terminated=ended,
        truncated=~ended,
    )
    return trajectories, torch.as_tensor(weights / weights.sum())[members].prod(-1)


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("baseline", ["none", *FROM_THE_BATCH])
def test_gaussian_policy_on_a_quadratic_reward(n: int, baseline: str) -> None:
    r"""J = -((m - c)^2 + s^2): its gradient is -2 (m - c) in the mean and -2 s^2 in the log standard deviation."""
    trajectories, probabilities = gaussian_batches(n)
    gradients = batch_gradients(gaussian_policy(), Variant(baseline=baseline, batch=n), trajectories)
    by_mean = -2 * (GAUSSIAN["mean"] - GAUSSIAN["target"])
    known = torch.tensor([by_mean, by_mean, -2 * np.exp(2 * GAUSSIAN["log_std"])], dtype=torch.float64)
    assert_equal(probabilities @ gradients, (1 - 1 / n if baseline in IN_SAMPLE else 1) * known)


@pytest.mark.parametrize("n", [1, 2])
def test_variance_of_the_gaussian_policy(n: int) -> None:
    r"""With d = m - c: E[g^2] is (d^4 + 18 d^2 s^2 + 15 s^4) / s^2 for the mean, 2 d^4 + 60 d^2 s^2 + 78 s^4 for log s.

    Both follow from the moments 1, 3, 15 and 105 of a standard normal variable; weight and bias move the mean alike.
    """
    trajectories, probabilities = gaussian_batches(n)
    gradients = batch_gradients(gaussian_policy(), Variant(batch=n), trajectories)
    mean = probabilities @ gradients
    variance = (probabilities @ (gradients - mean).square()).sum().item()
    d, s = GAUSSIAN["mean"] - GAUSSIAN["target"], np.exp(GAUSSIAN["log_std"])
    of_mean = (d**4 + 18 * d**2 * s**2 + 15 * s**4) / s**2 - 4 * d**2
    of_log_std = 2 * d**4 + 60 * d**2 * s**2 + 78 * s**4 - 4 * s**4
    assert variance == pytest.approx((2 * of_mean + of_log_std) / n, rel=1e-10)


CHAIN = Environment(id="pg/Chain-v0", kwargs={"length": 2, "slip": 0.2}, horizon=3)
VARIANTS = {
    "plain": Variant(batch=2, policy=SMALL),
    "average": Variant(batch=2, policy=SMALL, baseline="average_reward"),
}


def exact_rows(seeds: Iterable[int], environment: Environment = CHAIN, limit: int = LIMIT) -> pd.DataFrame:
    return rows_of(job_of(ExactExperiment, environment, VARIANTS, *seeds, limit=limit))


def test_rows_hold_the_measured_values() -> None:
    rows = exact_rows(range(3, 5))
    measured = ("objective", "gradient_norm", "relative_bias", "differences_bias", "total_variance", "shrinkage")
    named = ["seed", "variant", "batch", "batches_enumerated"]
    assert list(rows.columns) == [*named, *measured, "least_variance", "parabola_distance"]
    # Without a baseline b = 0; the average of the batch is no constant.
    np.testing.assert_allclose(rows["parabola_distance"], [0, math.nan] * 2, atol=1e-12)
    assert rows["seed"].tolist() == [3, 3, 4, 4]
    assert rows["variant"].tolist() == ["plain", "average"] * 2
    assert rows["batch"].tolist() == [2] * 4
    assert rows["batches_enumerated"].tolist() == [52**2] * 4
    np.testing.assert_allclose(rows["relative_bias"], [0, 0.5] * 2, atol=1e-10)
    np.testing.assert_allclose(rows["differences_bias"], [0, 0.5] * 2, atol=1e-6)
    np.testing.assert_allclose(rows["shrinkage"], [0, -0.5] * 2, atol=1e-10)
    assert min(rows["total_variance"]) > 0


def test_constant_baselines_lie_on_the_parabola_of_their_returns() -> None:
    constants = {
        f"{returns} {value}": Variant(batch=2, policy=SMALL, returns=returns, baseline=Constant(value=value))
        for returns in ("total", "to_go")
        for value in (-3.0, 0.4)
    }
    rows = rows_of(job_of(ExactExperiment, CHAIN, constants, 0, 1, limit=LIMIT))
    assert len(rows) == 8
    np.testing.assert_allclose(rows["parabola_distance"], 0, atol=1e-12)
    assert (rows["total_variance"] > 1.01 * rows["least_variance"]).any()


def test_environments_without_tables_are_refused() -> None:
    with pytest.raises(NoTables, match="CartPole-v1 has no transition tables"):
        exact_rows(range(1), Environment(id="CartPole-v1"))


def test_too_many_batches_are_refused() -> None:
    with pytest.raises(EnumerationTooLarge, match="2,704 batches of 2 out of 52 trajectories"):
        exact_rows(range(1), limit=100)
