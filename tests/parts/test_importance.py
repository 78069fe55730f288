"""Importance weights by hand, in their limits, and where they overflow."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pg.parts.corrections.base import ImportanceWeight
from pg.parts.corrections.exact_state import ExactState
from pg.parts.corrections.future import future_corrected
from pg.parts.corrections.per_decision import PerDecision
from pg.parts.corrections.per_step import PerStep, unclipped
from pg.parts.corrections.trajectory import Trajectory
from pg.parts.corrections.weights import NonFiniteWeights, effective_share, self_normalised
from pg.parts.discounting import reward_to_go
from pg.parts.windows.balance import Balance
from tests.parts.made import ratios

MASK = torch.tensor([[[True, True, True], [True, False, False]]])
RATIOS = torch.tensor([[[2.0, 0.5, 3.0], [0.25, 7.0, 9.0]]], dtype=torch.float64)

Weighting = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def weighting_by(part: ImportanceWeight) -> Weighting:
    return lambda logs, mask: part(ratios(logs, mask))


trajectory, per_decision, per_step = map(weighting_by, (Trajectory(), PerDecision(), PerStep()))
EVERY = [trajectory, per_decision, per_step]


def drawn(steps: int, spread: float = 0.5) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw log-ratios (2, 3, T) and the mask of trajectories of several lengths."""
    logs = spread * torch.randn(2, 3, steps, dtype=torch.float64, generator=torch.Generator().manual_seed(steps))
    lengths = torch.tensor([[steps, 1, (steps + 1) // 2], [1, steps, steps]])
    return logs, torch.arange(steps) < lengths.unsqueeze(-1)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Trajectory(), [[3.0], [0.25]]),
        (PerDecision(), [[2.0, 1.0, 3.0], [0.25, 0, 0]]),
        (PerStep(), [[2.0, 0.5, 3.0], [0.25, 0, 0]]),
        (PerStep(power_mean=0.5), [[4 / 3, 2 / 3, 3 / 2], [2 / 5, 0, 0]]),
        (PerStep(truncate_at=2.0), [[2.0, 0.5, 2.0], [0.25, 0, 0]]),
        (PerStep(self_normalised=True), [[16 / 9, 1, 1], [2 / 9, 0, 0]]),
        (ExactState(), [[2.0, 2.0, 1.5], [0.5, 0, 0]]),
    ],
)
def test_weights_are_those_computed_by_hand(part: ImportanceWeight, expected: list[list[float]]) -> None:
    states = torch.tensor([[[1.0, 4.0, 0.5], [2.0, math.nan, math.inf]]], dtype=torch.float64)
    found = part.weights(ratios(RATIOS.log(), MASK, states))
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float64))


@pytest.mark.parametrize("part", [Trajectory, PerDecision, PerStep])
def test_power_means_are_bounded_and_between_the_weight_and_one(part: type[ImportanceWeight]) -> None:
    one = ratios(*drawn(9, spread=2))
    plain, found = part()(one), part(power_mean=0.25).weights(one)
    assert plain.max() > 4 > found.max()
    low, high = torch.minimum(plain, torch.ones_like(plain)), torch.maximum(plain, torch.ones_like(plain))
    live = plain > 0
    assert ((low <= found) & (found <= high))[live].all()
    assert not found[~live].any()


@pytest.mark.parametrize("part", [Trajectory, PerDecision, PerStep])
def test_power_means_are_plain_weights_or_none_in_their_limits(part: type[ImportanceWeight]) -> None:
    one = ratios(*drawn(9))
    plain = part()(one)
    torch.testing.assert_close(part(power_mean=1e-13).weights(one), plain, rtol=1e-9, atol=0)
    uncorrected = (plain > 0).to(plain.dtype)
    torch.testing.assert_close(part(power_mean=1 - 1e-13).weights(one), uncorrected, rtol=1e-9, atol=0)


def test_the_power_mean_of_a_half_is_the_balance_heuristic_of_both_policies() -> None:
    """The weight of old data is that in a mixture of the old policy and the target."""
    logs, mask = drawn(9)
    old = torch.rand(logs.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).log() * mask
    both = torch.stack([old, old + logs * mask])
    of_mixture = Trajectory()(ratios((both[1] - Balance(batches=2)(both)) * mask, mask))
    torch.testing.assert_close(Trajectory(power_mean=0.5).weights(ratios(logs, mask)), of_mixture, rtol=1e-12, atol=0)


@pytest.mark.parametrize("weighting", EVERY)
def test_ratios_of_one_count_as_one(weighting: Weighting) -> None:
    found = weighting(torch.zeros(1, 2, 3), MASK)
    assert torch.equal(found, torch.ones(1, 2, 1) if weighting is trajectory else MASK.float())


@given(steps=st.integers(1, 20))
def test_the_last_per_decision_weight_is_the_trajectorys_weight(steps: int) -> None:
    logs, mask = drawn(steps)
    last = per_decision(logs, mask).gather(-1, mask.sum(-1, keepdim=True) - 1)
    torch.testing.assert_close(last, trajectory(logs, mask), rtol=1e-12, atol=0)


def test_products_through_very_small_numbers_are_exact() -> None:
    logs = torch.tensor([[[-2000.0, 2000.0, 1.0]]], dtype=torch.float64)
    mask = torch.ones(1, 1, 3, dtype=torch.bool)
    assert trajectory(logs, mask).item() == pytest.approx(math.e)
    assert per_decision(logs, mask)[0, 0].tolist() == [0, 1, pytest.approx(math.e)]


@pytest.mark.parametrize("weighting", EVERY)
def test_actions_the_target_never_takes_have_weight_0(weighting: Weighting) -> None:
    logs = torch.tensor([[[-math.inf, 0.5, 0.5]]], dtype=torch.float64)
    assert weighting(logs, torch.ones(1, 1, 3, dtype=torch.bool))[0, 0, 0] == 0


@pytest.mark.parametrize("weighting", EVERY)
def test_ratios_after_the_end_do_not_count(weighting: Weighting) -> None:
    logs = torch.tensor([[[0.0, 0.0, 0.0], [1.0, math.inf, math.nan]]])
    assert weighting(logs, MASK)[0, 1, 0].item() == pytest.approx(math.e)
    rewards = torch.tensor([[[1.0, 1.0, 1.0], [5.0, 7.0, 7.0]]])
    assert future_corrected(rewards, logs, MASK)[0, 1].tolist() == [5, 0, 0]


@pytest.mark.parametrize(
    ("weighting", "logs", "step"),
    [
        (trajectory, [400.0, 500.0, 1.0], 1),
        (per_decision, [400.0, 500.0, 1.0], 1),
        (per_decision, [400.0, 500.0, -500.0], 1),
        (per_step, [400.0, 500.0, 800.0], 2),
        (per_step, [0.0, math.nan, 0.0], 1),
        (trajectory, [0.0, math.nan, 0.0], 1),
        (trajectory, [math.inf, -math.inf, 0.0], 0),
    ],
)
def test_an_overflow_is_reported_with_its_step(weighting: Weighting, logs: list[float], step: int) -> None:
    batch = torch.tensor([[logs, [0.0, 0.0, 0.0]]], dtype=torch.float64)
    with pytest.raises(NonFiniteWeights, match=f"at step {step}") as caught:
        weighting(batch, MASK)
    assert caught.value.step == step


def test_products_that_become_finite_again_are_not_reported() -> None:
    logs = torch.tensor([[[800.0, -800.0, 0.0], [0.0, 0.0, 800.0]]], dtype=torch.float64)
    mask = torch.ones(1, 2, 3, dtype=torch.bool)
    with pytest.raises(NonFiniteWeights, match="at step 2"):
        trajectory(logs, mask)
    assert trajectory(logs[:, :1], mask[:, :1]).item() == 1


def test_an_infinite_state_ratio_is_reported_with_its_step() -> None:
    states = torch.tensor([[[1.0, math.inf, 1.0], [1.0, 1.0, 1.0]]], dtype=torch.float64)
    with pytest.raises(NonFiniteWeights, match="at step 1"):
        ExactState()(ratios(torch.zeros_like(states), MASK, states))


@pytest.mark.parametrize("before", [0.0, -900.0, -math.inf])
def test_overflow_of_later_ratios_names_the_last_corrected_step(before: float) -> None:
    logs = torch.tensor([[[0.0, before, before, 800.0, 0.0]]], dtype=torch.float64)
    with pytest.raises(NonFiniteWeights, match="at step 2"):
        future_corrected(torch.ones_like(logs), logs, torch.ones(1, 1, 5, dtype=torch.bool))


@given(steps=st.integers(1, 20), discount=st.sampled_from([1.0, 0.9, 0.3]))
def test_corrected_rewards_to_go_are_the_sum_of_their_definition(steps: int, discount: float) -> None:
    logs, mask = drawn(steps)
    rewards = torch.randn(2, 3, steps, dtype=torch.float64, generator=torch.Generator().manual_seed(steps + 1))
    expected = torch.zeros_like(rewards)
    for t in range(steps):
        factor = torch.ones(2, 3, dtype=torch.float64)
        for later in range(t, steps):
            factor = factor if later == t else discount * factor * logs[..., later].exp() * mask[..., later]
            expected[..., t] += factor * rewards[..., later] * mask[..., later]
    torch.testing.assert_close(future_corrected(rewards, logs, mask, discount), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_rewards_to_go_corrected_by_ratios_of_one_are_plain(discount: float) -> None:
    rewards, mask = drawn(11)
    found = future_corrected(rewards, torch.zeros_like(rewards), mask, discount)
    torch.testing.assert_close(found, reward_to_go(rewards, mask, discount), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("weighting", EVERY)
def test_normalised_weights_sum_to_their_number(weighting: Weighting) -> None:
    logs, mask = drawn(7)
    live = torch.ones(2, 3, 1, dtype=torch.bool) if weighting is trajectory else mask
    found = self_normalised(weighting(logs, mask), live).sum(1)
    torch.testing.assert_close(found, live.sum(1).double(), rtol=1e-12, atol=0)


def test_equal_weights_are_normalised_to_one_exactly() -> None:
    equal = torch.full((1, 3, 1), 0.1)
    assert torch.equal(self_normalised(equal, torch.ones(1, 3, 1, dtype=torch.bool)), torch.ones(1, 3, 1))


def test_normalised_zero_weights_stay_zero() -> None:
    nothing = torch.zeros(1, 2, 3)
    assert torch.equal(self_normalised(nothing, MASK), nothing)
    assert effective_share(nothing, MASK).item() == 0


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_normalisation_survives_sums_that_overflow_or_vanish(size: float) -> None:
    weights = size * torch.tensor([[[1e8], [1e8], [0.0]]], dtype=torch.float64)
    live = torch.ones(1, 3, 1, dtype=torch.bool)
    torch.testing.assert_close(self_normalised(weights, live)[0, :, 0].tolist(), [1.5, 1.5, 0.0])
    assert effective_share(weights, live).item() == pytest.approx(2 / 3)


def test_the_effective_share_of_whole_trajectories_by_hand() -> None:
    weights = torch.tensor([[[3.0], [1.0]], [[1.0], [1.0]], [[5.0], [0.0]]], dtype=torch.float64)
    found = effective_share(weights, torch.ones(3, 2, 1, dtype=torch.bool))
    assert found.tolist() == pytest.approx([16 / 20, 1, 1 / 2])


def test_effective_share_per_step_is_a_mean_over_reached_steps() -> None:
    mask = torch.tensor([[[True, True, True, False], [True, True, False, False]]])
    weights = torch.tensor([[[3.0, 1.0, 7.0, 0.0], [1.0, 1.0, 0.0, 0.0]]], dtype=torch.float64)
    assert effective_share(weights, mask).item() == pytest.approx((16 / 20 + 1 + 1) / 3)


@pytest.mark.parametrize("clip", [0.1, 0.3, 1.5])
def test_unclipped_is_where_the_clipped_surrogate_has_a_gradient(clip: float) -> None:
    """Against automatic differentiation through the surrogate of PPO, with respect to each log-likelihood."""
    generator = torch.Generator().manual_seed(0)
    logs = torch.randn(2, 5, 40, dtype=torch.float64, generator=generator).requires_grad_()
    advantages = torch.randn(2, 5, 40, dtype=torch.float64, generator=generator)
    ratios = logs.exp()
    surrogate = torch.min(ratios * advantages, ratios.clamp(1 - clip, 1 + clip) * advantages)
    (expected,) = torch.autograd.grad(surrogate.sum(), logs)
    found = ratios.detach() * advantages * unclipped(logs.detach(), advantages, clip)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    assert 0 < (expected == 0).double().mean() < 1
