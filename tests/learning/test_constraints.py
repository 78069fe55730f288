"""The ways to hold a policy near another one, on functions whose divergence is known."""

from collections.abc import Iterator, Sequence

import pytest
import torch
from pg.core.trajectories import Spaces
from pg.learning.constraints import (
    DAMPING,
    Penalty,
    natural_direction,
    parameters_of,
    restore,
    search_back,
    shorten,
    stop_early,
)
from pg.learning.distributions import detached
from pg.learning.policies import Policy, make_policy
from pg.parts.learner import Policy as PolicyOptions
from torch import Tensor, nn
from torch.distributions import Categorical, kl_divergence

# Few enough parameters for conjugate gradients to end at the solution: one step for each.
DISCRETE, CONTINUOUS = Spaces(2, 3), Spaces(2, None, 2)


class Point(nn.Module):
    """Two numbers, whose divergence from (0, 0) is the squared distance."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def is_within(self, limit: float) -> bool:
        return self.place.square().sum().item() <= limit

    def steps(self, *lengths: float) -> Iterator[None]:
        for length in lengths:
            restore(self, [self.place.detach() + torch.tensor([length, 0.0])])
            yield


def policy_in(spaces: Spaces, seed: int = 0, hidden: tuple[int, ...] = ()) -> Policy:
    generator = torch.Generator().manual_seed(seed)
    made = make_policy(PolicyOptions(hidden=hidden), spaces, generator, torch.float64)
    for parameter in made.parameters():
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return made


def flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def jacobian(values: Tensor, policy: Policy) -> Tensor:
    """One row of D derivatives per value, in the order of the values."""
    parameters = list(policy.parameters())
    rows = [
        torch.autograd.grad(value, parameters, retain_graph=True, materialize_grads=True) for value in values.flatten()
    ]
    return torch.stack([torch.cat([slope.flatten() for slope in row]) for row in rows])


def dense_fisher(policy: Policy, states: Tensor) -> Tensor:
    """The Fisher matrix from its definition, the mean over states of E[ψψᵀ], and not from a divergence."""
    distribution = policy.distribution(states)
    if isinstance(distribution, Categorical):
        scores, weights = jacobian(distribution.logits, policy), distribution.logits.exp().flatten()
        return scores.T @ (weights.unsqueeze(-1) * scores) / len(states)
    deviations = policy.log_std.exp().repeat(len(states))
    towards_mean, towards_log_std = jacobian(distribution.mean, policy), jacobian(policy.log_std, policy)
    of_mean = towards_mean.T @ (towards_mean / deviations.square().unsqueeze(-1)) / len(states)
    return (of_mean + 2 * towards_log_std.T @ towards_log_std).detach()


def some_gradient(policy: Policy, states: Tensor, seed: int) -> list[Tensor]:
    """A policy gradient of sampled actions with arbitrary weights."""
    generator = torch.Generator().manual_seed(seed)
    discrete = policy.shape.is_discrete
    shape = (len(states),) if discrete else (len(states), 2)
    actions = torch.randint(3, shape, generator=generator) if discrete else torch.randn(shape, generator=generator)
    weights = torch.randn(len(states), generator=generator, dtype=torch.float64)
    return list(torch.autograd.grad((weights * policy.log_prob(states, actions)).mean(), list(policy.parameters())))


def test_stopping_early_keeps_what_came_before_the_step_that_broke_the_limit() -> None:
    point = Point()
    assert stop_early(point, point.steps(0.5, 0.25, 0.5, 9.0), lambda: point.is_within(1.0)) == 2
    assert point.place.tolist() == [0.75, 0.0]


def test_no_step_is_taken_after_the_one_that_is_undone() -> None:
    point, taken = Point(), []

    def steps() -> Iterator[None]:
        for number, _ in enumerate(point.steps(0.5, 9.0, -9.0)):
            taken.append(number)
            yield

    assert stop_early(point, steps(), lambda: point.is_within(1.0)) == 1
    assert taken == [0, 1]


def test_steps_within_the_limit_are_all_kept() -> None:
    for hold in (stop_early, shorten):
        point = Point()
        assert hold(point, point.steps(0.1, 0.2, 0.3), lambda p=point: p.is_within(1.0)) == 3
        assert point.place.tolist() == pytest.approx([0.6, 0.0])


def test_the_whole_way_is_halved_until_it_ends_within_the_limit() -> None:
    point = Point()
    assert shorten(point, point.steps(3.0, 3.0), lambda: point.is_within(4.0)) == 2 * 0.25
    assert point.place.tolist() == [1.5, 0.0]


def test_a_way_may_leave_the_limit_and_come_back() -> None:
    point = Point()
    assert shorten(point, point.steps(3.0, -2.5), lambda: point.is_within(1.0)) == 2
    assert point.place.tolist() == [0.5, 0.0]


def test_a_step_that_no_share_of_is_accepted_is_not_taken() -> None:
    point = Point()
    restore(point, [torch.tensor([0.125, -1.0], dtype=torch.float64)])
    start = parameters_of(point)
    assert search_back(point, start, [torch.ones(2)], lambda: False) == 0
    assert torch.equal(point.place, start[0])


def test_the_longest_accepted_share_is_taken() -> None:
    point = Point()
    assert search_back(point, parameters_of(point), [torch.tensor([0.0, 8.0])], lambda: point.is_within(1.0)) == 0.125
    assert point.place.tolist() == [0.0, 1.0]


def test_kept_parameters_do_not_follow_the_policy() -> None:
    point = Point()
    kept = parameters_of(point)
    list(point.steps(1.0))
    assert kept[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("divergence", "factor"), [(0.0, 1.0), (0.066, 1.0), (0.067, 2.0), (0.1, 2.0), (0.149, 2.0), (0.151, 4.0)]
)
def test_the_penalty_doubles_above_its_band_and_halves_below_it(divergence: float, factor: float) -> None:
    penalty = Penalty(2.0)
    penalty.adapt(divergence, 0.1)
    assert penalty.factor == factor


def test_the_penalty_stays_where_it_can_come_back_from() -> None:
    penalty = Penalty()
    for divergence, bound in ((0.0, 1e-8), (1.0, 1e8)):
        for _ in range(100):
            penalty.adapt(divergence, 0.1)
        assert penalty.factor == bound


@pytest.mark.parametrize("spaces", [DISCRETE, CONTINUOUS], ids=["categorical", "gaussian"])
@pytest.mark.parametrize("hidden", [(), (1,)], ids=["linear", "hidden"])
@pytest.mark.parametrize("reverse", [False, True], ids=["new_old", "old_new"])
@pytest.mark.parametrize("seed", range(2))
def test_the_natural_direction_solves_the_dense_fisher_system(
    spaces: Spaces, hidden: tuple[int, ...], reverse: bool, seed: int
) -> None:
    policy = policy_in(spaces, seed, hidden)
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(40, spaces.observation_size, generator=generator, dtype=torch.float64)
    before, gradient = detached(policy.distribution(states)), some_gradient(policy, states, seed)
    damped = dense_fisher(policy, states) + DAMPING * torch.eye(sum(p.numel() for p in policy.parameters()))
    solved = torch.linalg.solve(damped, flat(gradient))
    expected = solved * (2 * 0.01 / (solved @ damped @ solved)) ** 0.5

    def divergence() -> Tensor:
        now = policy.distribution(states)
        return (kl_divergence(before, now) if reverse else kl_divergence(now, before)).mean()

    found = flat(natural_direction(policy, gradient, divergence, 0.01))
    assert (found - expected).norm() <= 1e-6 * expected.norm()


def test_the_natural_direction_of_no_gradient_is_none() -> None:
    policy = policy_in(DISCRETE)
    still = [torch.zeros_like(parameter) for parameter in policy.parameters()]
    states = torch.eye(2, dtype=torch.float64)
    before = detached(policy.distribution(states))
    found = natural_direction(policy, still, lambda: kl_divergence(policy.distribution(states), before).mean(), 0.01)
    assert not flat(found).any()


def test_the_natural_step_has_the_divergence_of_the_limit_to_second_order() -> None:
    policy = policy_in(DISCRETE, hidden=(2,))
    states = torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    before, start = detached(policy.distribution(states)), parameters_of(policy)
    gradient = some_gradient(policy, states, 0)

    def divergence() -> Tensor:
        return kl_divergence(policy.distribution(states), before).mean()

    errors: list[float] = []
    for limit in (1e-4, 1e-6):
        direction = natural_direction(policy, gradient, divergence, limit)
        search_back(policy, start, direction, lambda: True)
        errors.append(abs(divergence().item() / limit - 1))
        restore(policy, start)
    # The next order of the divergence is the step's third power, so that the relative error falls as its length.
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 5
