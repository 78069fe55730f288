"""Returns and rewards-to-go, by hand and against their definition as a sum."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pg.estimators.returns import discount_weights, reward_to_go, total_return

# Trajectories of three steps and of one; what stands behind the end of the second must never count.
REWARDS = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 90.0, 90.0]]], dtype=torch.float64)
MASK = torch.tensor([[[True, True, True], [True, False, False]]])


def test_total_return_stands_at_every_valid_step() -> None:
    assert total_return(REWARDS, MASK).tolist() == [[[6, 6, 6], [4, 0, 0]]]


def test_total_return_discounts_from_the_first_step() -> None:
    value = 1 + 0.5 * 2 + 0.25 * 3
    assert total_return(REWARDS, MASK, 0.5).tolist() == [[[value, value, value], [4, 0, 0]]]


def test_reward_to_go_counts_the_rewards_that_follow() -> None:
    assert reward_to_go(REWARDS, MASK).tolist() == [[[6, 5, 3], [4, 0, 0]]]


def test_reward_to_go_discounts_from_the_step_itself() -> None:
    assert reward_to_go(REWARDS, MASK, 0.5).tolist() == [[[2.75, 3.5, 3], [4, 0, 0]]]


def test_discount_weights_are_powers_on_valid_steps() -> None:
    assert discount_weights(MASK, 0.5).tolist() == [[[1, 0.5, 0.25], [1, 0, 0]]]


@settings(deadline=None)
@given(steps=st.integers(1, 20), discount=st.sampled_from([1.0, 0.9, 0.3]))
def test_reward_to_go_is_the_sum_of_its_definition(steps: int, discount: float) -> None:
    rewards = torch.randn(2, 3, steps, dtype=torch.float64, generator=torch.Generator().manual_seed(steps))
    mask = torch.arange(steps) < torch.tensor([[steps, 1, (steps + 1) // 2], [1, steps, steps]]).unsqueeze(-1)
    expected = torch.zeros_like(rewards)
    for t in range(steps):
        for later in range(t, steps):
            expected[..., t] += discount ** (later - t) * rewards[..., later] * mask[..., later]
    torch.testing.assert_close(reward_to_go(rewards, mask, discount), expected)


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_first_reward_to_go_is_the_total_return(discount: float) -> None:
    to_go, total = reward_to_go(REWARDS, MASK, discount), total_return(REWARDS, MASK, discount)
    torch.testing.assert_close(to_go[..., 0], total[..., 0])


def test_a_reward_weights_no_later_step() -> None:
    changed = REWARDS.clone()
    changed[0, 0, 1] += 10
    difference = reward_to_go(changed, MASK) - reward_to_go(REWARDS, MASK)
    assert difference[0, 0].tolist() == [10, 10, 0]


@pytest.mark.parametrize("returns", [total_return, reward_to_go])
def test_seeds_do_not_touch_each_other(returns: Callable[..., torch.Tensor]) -> None:
    rewards = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(rewards.shape, dtype=torch.bool)
    together = returns(rewards, mask, 0.97)
    alone = torch.cat([returns(rewards[[s]], mask[[s]], 0.97) for s in range(3)])
    assert torch.equal(together, alone)
