r"""The expectation of each correction at a target policy, for trajectories of a behaviour policy.

The table of expectations under π_θ, for importance weights that are neither truncated nor normalised nor clipped: the
gradient at θ' for products of ratios over whole trajectories and per decision, and for exact state ratios with
corrected future returns; else the sum over t of d_t(s), ∇π_θ'(a|s) and Q_t(s, a), where d stays at θ unless the exact
state ratio is used and Q stays at θ unless future returns are corrected.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import pytest
import torch
from pg.environments.enumeration import Enumeration, batches, enumerate_trajectories, tuples
from pg.environments.exact import objective, state_distributions, values
from pg.environments.mdp import MDP
from pg.environments.small_mdps import chain, corridor, random_mdp
from pg.laboratory.distances import log_ratios
from pg.laboratory.frozen import random_policy
from pg.laboratory.reference import truth
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.policies import Policy, flatten, repeat
from pg.learning.tabular import action_probabilities
from pg.parts.corrections.base import Ratios
from pg.parts.corrections.per_decision import PerDecision
from pg.parts.corrections.trajectory import Trajectory
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.pairs import MIXED, discounted_gradient
from tests.parts.named import constant

LIMIT = 30_000
SMALL = PolicyOptions(hidden=(3,))
DISCOUNT = 0.6

MDPS = {
    "mixed": MIXED,
    "chain": chain(4, length=2, slip=0),
    "random": random_mdp(2, states=2, seed=4),
    "alike": corridor(4),
}
# Each with a different pair of policies.
CASES = [(name, pair) for pair, name in enumerate(MDPS)]

RESTORING: dict[str, dict[str, Any]] = {
    "trajectory, total return": {"importance": "trajectory", "returns": "total"},
    "trajectory, reward-to-go": {"importance": "trajectory"},
    "per decision": {"importance": "per_decision"},
    "exact state, corrected": {"importance": {"name": "exact_state", "future_correction": True}},
}
NOT_RESTORING: dict[str, dict[str, Any]] = {
    "per step, total return": {"importance": "per_step", "returns": "total"},
    "per step, reward-to-go": {"importance": "per_step"},
    "per step, corrected": {"importance": {"name": "per_step", "future_correction": True}},
    "exact state, total return": {"importance": "exact_state", "returns": "total"},
    "exact state, reward-to-go": {"importance": "exact_state"},
}
EVERY = RESTORING | NOT_RESTORING


@dataclass(frozen=True)
class Case:
    """Two policies in an MDP: θ, which collected every trajectory, and θ'."""

    enumeration: Enumeration
    behaviour: Policy
    target: Policy

    @property
    def mdp(self) -> MDP:
        return self.enumeration.mdp

    @cached_property
    def probabilities(self) -> torch.Tensor:
        return self.enumeration.probabilities(table(self.behaviour, self.mdp))

    @property
    def ratios(self) -> Ratios:
        trajectories = self.enumeration.trajectories
        return Ratios(trajectories, log_ratios(self.behaviour, self.target, trajectories))


@cache
def case(name: str, pair: int) -> Case:
    mdp = MDPS[name]
    policies = (random_policy(SMALL, mdp.spaces, seed) for seed in (2 * pair, 2 * pair + 1))
    return Case(enumerate_trajectories(mdp, LIMIT), *policies)


def table(policy: Policy, mdp: MDP) -> torch.Tensor:
    return action_probabilities(repeat(policy, 1), mdp).detach()


def expectation(one: Case, **parts: Any) -> torch.Tensor:
    variant = Variant(**{"policy": SMALL, "batch": 1, **parts})
    members = tuples(one.enumeration, variant.batch, LIMIT)
    reuse = Reuse.at(one.target, one.behaviour, batches(one.enumeration, members), one.mdp)
    return one.probabilities[members].prod(-1) @ corrected_gradients(reuse, variant)


def theorem(one: Case, visits: Policy, returns: Policy) -> torch.Tensor:
    r"""Sum $d_t(s) \nabla \pi_{\theta'}(a \mid s) Q_t(s, a)$, with d of one policy and Q of another."""
    weights = state_distributions(one.mdp, table(visits, one.mdp)).unsqueeze(-1)
    weights = (weights * values(one.mdp, table(returns, one.mdp)).actions).sum(0, keepdim=True)
    copy = repeat(one.target, 1)
    gradient = torch.autograd.grad(action_probabilities(copy, one.mdp), copy.parameters_list(), weights)
    return flatten(gradient).squeeze(0)


def known(one: Case, parts: dict[str, Any]) -> torch.Tensor:
    """Compute a correction's expectation from the table, by dynamic programming."""
    correction = Variant(**parts).importance
    if correction.name in ("trajectory", "per_decision"):
        return truth(one.mdp, one.target).gradient
    visits = one.target if correction.name == "exact_state" else one.behaviour
    returns = one.target if isinstance(parts["importance"], dict) else one.behaviour
    return theorem(one, visits, returns)


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert (found - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("name", MDPS)
def test_the_cases_have_episodes_of_varying_length(name: str) -> None:
    assert case(name, 0).enumeration.trajectories.lengths.unique().numel() > 1


@pytest.mark.parametrize(
    ("baseline", "batch"),
    [("none", 1), ("constant", 1), ("exact", 1), ("leave_one_out", 2), ("per_step_leave_one_out", 2), ("optimal", 2)],
)
@pytest.mark.parametrize("correction", EVERY)
@pytest.mark.parametrize(("name", "pair"), CASES)
def test_table_of_expectations_of_corrections(name: str, pair: int, correction: str, baseline: str, batch: int) -> None:
    one, parts = case(name, pair), EVERY[correction]
    found = expectation(one, baseline=constant(baseline, 1.7), batch=batch, **parts)
    assert_equal(found, known(one, parts))
    if correction in RESTORING:
        assert_equal(found, truth(one.mdp, one.target).gradient)


@pytest.mark.parametrize("parts", NOT_RESTORING.values(), ids=NOT_RESTORING.keys())
@pytest.mark.parametrize("pair", range(5))
def test_corrections_that_keep_a_behaviour_term_are_biased(pair: int, parts: dict[str, Any]) -> None:
    one = case("mixed", pair)
    gradient = truth(one.mdp, one.target).gradient
    assert (expectation(one, **parts) - gradient).norm() > 1e-3 * gradient.norm()


@pytest.mark.parametrize("pair", range(5))
def test_naive_reuse_averages_the_targets_scores_by_enumeration(pair: int) -> None:
    r"""Its expectation puts $\pi_\theta \nabla \log \pi_{\theta'}$ where a correction has $\nabla \pi_{\theta'}$."""
    one = case("mixed", pair)
    behaviour = table(one.behaviour, one.mdp)
    visits = state_distributions(one.mdp, behaviour).unsqueeze(-1) * behaviour
    weights = (visits * values(one.mdp, behaviour).actions).sum(0, keepdim=True)
    copy = repeat(one.target, 1)
    gradient = torch.autograd.grad(action_probabilities(copy, one.mdp).log(), copy.parameters_list(), weights)
    assert_equal(expectation(one, importance="none"), flatten(gradient).squeeze(0))


@pytest.mark.parametrize("baseline", ["average_reward", "per_step"])
@pytest.mark.parametrize("parts", EVERY.values(), ids=EVERY.keys())
@pytest.mark.parametrize(("name", "pair"), CASES)
def test_in_sample_baselines_subtract_their_share(name: str, pair: int, parts: dict[str, Any], baseline: str) -> None:
    one = case(name, pair)
    correction = Variant(**parts).importance.name
    uncorrected = "exact_state" if correction == "per_decision" else correction
    share = known(one, {"importance": uncorrected}) / 2
    assert_equal(expectation(one, baseline=baseline, batch=2, **parts), known(one, parts) - share)


@pytest.mark.parametrize("parts", RESTORING.values(), ids=RESTORING.keys())
@pytest.mark.parametrize(("name", "pair"), CASES)
def test_discounted_corrections_restore_the_discounted_gradient(name: str, pair: int, parts: dict[str, Any]) -> None:
    one = case(name, pair)
    states = parts.get("returns") != "total"
    found = expectation(one, discount=DISCOUNT, discount_states=states, **parts)
    assert_equal(found, discounted_gradient(one.mdp, one.target, DISCOUNT))


@pytest.mark.parametrize(("name", "pair"), CASES)
def test_weighted_returns_have_the_targets_objective_on_average(name: str, pair: int) -> None:
    one, every = case(name, pair), case(name, pair).enumeration.trajectories
    whole = Trajectory()(one.ratios)[0, :, 0] * every.returns[0]
    decisions = (PerDecision()(one.ratios) * every.rewards)[0].sum(-1)
    target = objective(one.mdp, table(one.target, one.mdp)).item()
    for found in (whole, decisions):
        assert (one.probabilities @ found).item() == pytest.approx(target, rel=1e-10)


@pytest.mark.parametrize(("name", "pair"), CASES)
def test_trajectory_weights_are_the_quotients_of_probabilities(name: str, pair: int) -> None:
    one, every = case(name, pair), case(name, pair).enumeration
    target = every.probabilities(table(one.target, one.mdp))
    found = Trajectory()(one.ratios)[0, :, 0]
    torch.testing.assert_close(found * one.probabilities, target, rtol=1e-12, atol=0)
