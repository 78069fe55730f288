"""Limits on the KL divergence: on a point with a known divergence, and against the dense Fisher matrix."""

import math
from collections.abc import Iterable
from typing import Any, cast

import pytest
import torch
from pg.core.trajectories import Spaces
from pg.learning.policies import Policy, detached
from pg.learning.updates import Ascent
from pg.parts.limits.base import Limit, search_back
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.limits.line_search import LineSearch
from pg.parts.limits.natural_gradient import DAMPING, natural_direction
from pg.parts.limits.penalty import Penalty
from tests.learning.batches import perturbed, random_actions
from torch import Tensor, nn
from torch.distributions import Categorical, kl_divergence

# Few enough parameters for conjugate gradients to end at the solution: one step for each.
DISCRETE, CONTINUOUS, FACTORED = Spaces(2, 3), Spaces(2, None, 2), Spaces(2, (2, 2))


class Point(Ascent):
    """An ascent of two numbers; the divergence from (0, 0) is the squared distance."""

    def __init__(self, *place: float) -> None:
        self.theta = nn.Parameter(torch.tensor(place or (0.0, 0.0), dtype=torch.float64), requires_grad=False)
        self.penalties: list[float] = []

    @property
    def place(self) -> list[float]:
        return self.theta.tolist()

    def kl(self) -> float:
        return self.theta.square().sum().item()

    def step(self, minibatch: Any, penalty: float = 0.0) -> None:
        """Move by a number; the test passes numbers instead of minibatches."""
        self.penalties.append(penalty)
        self.theta[0] += minibatch

    def under(self, limit: Limit, *lengths: float, state: dict[str, float] | None = None) -> float:
        """Take steps of these lengths within a limit."""
        return limit.take_steps(self, cast("Iterable[Any]", lengths), {} if state is None else state)


def policy_in(spaces: Spaces, seed: int = 0, hidden: tuple[int, ...] = ()) -> Policy:
    return perturbed(spaces, seed, hidden, by=0.5)


def jacobian(values: Tensor, policy: Policy) -> Tensor:
    """One row of D derivatives per value, in the order of the values."""
    return torch.stack([torch.autograd.grad(value, policy.theta, retain_graph=True)[0] for value in values.flatten()])


def dense_fisher(policy: Policy, states: Tensor) -> Tensor:
    """The Fisher matrix from its definition, the mean over states of E[ψψᵀ], and not from a divergence.

    Scores of independent components have mean 0, so that the matrix is the sum of those of the components.
    """
    distribution = policy.distribution(states)
    if isinstance(distribution, Categorical):
        scores, weights = jacobian(distribution.logits, policy), distribution.logits.exp().flatten()
        return scores.T @ (weights.unsqueeze(-1) * scores) / len(states)
    deviations = policy.log_std.exp().repeat(len(states))
    towards_mean, towards_log_std = jacobian(distribution.mean, policy), jacobian(policy.log_std, policy)
    of_mean = towards_mean.T @ (towards_mean / deviations.square().unsqueeze(-1)) / len(states)
    return (of_mean + 2 * towards_log_std.T @ towards_log_std).detach()


def some_gradient(policy: Policy, states: Tensor, seed: int) -> Tensor:
    """A policy gradient of sampled actions with arbitrary weights."""
    generator = torch.Generator().manual_seed(seed)
    actions = random_actions(policy.shape.spaces, (len(states),), generator)
    weights = torch.randn(len(states), generator=generator, dtype=torch.float64)
    return torch.autograd.grad((weights * policy.log_prob(states, actions)).mean(), policy.theta)[0]


@pytest.mark.parametrize(
    ("limit", "lengths", "kept", "place"),
    [
        (EarlyStop(limit=1.0), (0.5, 0.25, 0.5, 9.0), 2, 0.75),
        (EarlyStop(limit=1.0), (0.5, math.nan), 1, 0.5),
        (EarlyStop(limit=1.0), (0.1, 0.2, 0.3), 3, 0.6),
        (LineSearch(limit=1.0), (0.1, 0.2, 0.3), 3, 0.6),
        (LineSearch(limit=1.0), (3.0, -2.5), 2, 0.5),
        (LineSearch(limit=4.0), (3.0, 3.0), 2 * 0.25, 1.5),
    ],
    ids=["undone", "nan undone", "within", "within", "within in the end", "whole change halved"],
)
def test_limit_keeps_the_steps_that_it_allows(
    limit: Limit, lengths: tuple[float, ...], kept: float, place: float
) -> None:
    point = Point()
    assert point.under(limit, *lengths) == kept
    assert point.place == pytest.approx([place, 0.0])


def test_early_stop_takes_no_step_after_the_undone_one() -> None:
    point = Point()
    assert point.under(EarlyStop(limit=1.0), 0.5, 9.0, -9.0) == 1
    assert len(point.penalties) == 2


def test_search_back_returns_to_the_start_if_nothing_is_accepted() -> None:
    point = Point(0.125, -1.0)
    assert search_back(point, point.position(), torch.ones(2), lambda: False) == 0
    assert point.place == [0.125, -1.0]


def test_search_back_takes_the_longest_accepted_share() -> None:
    point = Point()
    assert search_back(point, point.position(), torch.tensor([0.0, 8.0]), lambda: point.kl() <= 1.0) == 0.125
    assert point.place == [0.0, 1.0]


@pytest.mark.parametrize(
    ("kl", "factor"), [(0.0, 1.0), (0.066, 1.0), (0.067, 2.0), (0.1, 2.0), (0.149, 2.0), (0.151, 4.0)]
)
def test_penalty_doubles_above_its_band_and_halves_below(kl: float, factor: float) -> None:
    assert Penalty(limit=0.1).adapted(2.0, kl) == factor


@pytest.mark.parametrize(("kl", "bound"), [(0.0, 1e-8), (1.0, 1e8)])
def test_penalty_factor_stays_in_its_range(kl: float, bound: float) -> None:
    factor = 1.0
    for _ in range(100):
        factor = Penalty(limit=0.1).adapted(factor, kl)
    assert factor == bound


def test_penalty_keeps_its_factor_between_updates() -> None:
    point, state, penalty = Point(), {}, Penalty(limit=0.1)
    assert point.under(penalty, 1.0, 1.0, state=state) == 2
    assert point.under(penalty, -2.0, state=state) == 1
    assert point.under(penalty, 0.0, state=state) == 1
    assert point.penalties == [1.0, 1.0, 2.0, 1.0]


@pytest.mark.parametrize("spaces", [DISCRETE, CONTINUOUS, FACTORED], ids=["categorical", "gaussian", "factored"])
@pytest.mark.parametrize("hidden", [(), (1,)], ids=["linear", "hidden"])
@pytest.mark.parametrize("reverse", [False, True], ids=["new_old", "old_new"])
@pytest.mark.parametrize("seed", range(2))
def test_natural_direction_solves_the_dense_fisher_system(
    spaces: Spaces, hidden: tuple[int, ...], reverse: bool, seed: int
) -> None:
    policy = policy_in(spaces, seed, hidden)
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(40, spaces.observation_size, generator=generator, dtype=torch.float64)
    before, gradient = detached(policy.distribution(states)), some_gradient(policy, states, seed)
    damped = dense_fisher(policy, states) + DAMPING * torch.eye(len(policy.theta))
    solved = torch.linalg.solve(damped, gradient)
    expected = solved * (2 * 0.01 / (solved @ damped @ solved)) ** 0.5

    def divergence() -> Tensor:
        now = policy.distribution(states)
        return (kl_divergence(before, now) if reverse else kl_divergence(now, before)).mean()

    found = natural_direction(policy.theta, gradient, divergence, 0.01)
    assert (found - expected).norm() <= 1e-6 * expected.norm()


def test_natural_direction_of_no_gradient_is_zero() -> None:
    policy = policy_in(DISCRETE)
    states = torch.eye(2, dtype=torch.float64)
    before = detached(policy.distribution(states))

    def divergence() -> Tensor:
        return kl_divergence(policy.distribution(states), before).mean()

    assert not natural_direction(policy.theta, torch.zeros_like(policy.theta), divergence, 0.01).any()


def test_natural_step_has_the_limits_divergence_to_second_order() -> None:
    policy = policy_in(DISCRETE, hidden=(2,))
    states = torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    before, gradient = detached(policy.distribution(states)), some_gradient(policy, states, 0)
    start = policy.theta.detach().clone()

    def divergence() -> Tensor:
        return kl_divergence(policy.distribution(states), before).mean()

    errors: list[float] = []
    for limit in (1e-4, 1e-6):
        policy.theta.data = start + natural_direction(policy.theta, gradient, divergence, limit)
        errors.append(abs(divergence().item() / limit - 1))
        policy.theta.data = start
    # The next order of the divergence is the step's third power: the relative error is proportional to its length.
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 5
