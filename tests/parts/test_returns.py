"""Returns and rewards-to-go, by hand and against their definition as a sum."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pg.parts.discounting import discount_weights, reward_to_go, total_return, with_rest
from pg.parts.returns.gae import lambda_return

# Trajectories of three steps and of one; entries after the end of the second must never count.
REWARDS = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 90.0, 90.0]]], dtype=torch.float64)
MASK = torch.tensor([[[True, True, True], [True, False, False]]])


def test_total_return_is_the_same_at_every_valid_step() -> None:
    assert total_return(REWARDS, MASK).tolist() == [[[6, 6, 6], [4, 0, 0]]]


def test_total_return_discounts_from_the_first_step() -> None:
    value = 1 + 0.5 * 2 + 0.25 * 3
    assert total_return(REWARDS, MASK, 0.5).tolist() == [[[value, value, value], [4, 0, 0]]]


def test_discount_weights_are_powers_on_valid_steps() -> None:
    assert discount_weights(MASK, 0.5, torch.float32).tolist() == [[[1, 0.5, 0.25], [1, 0, 0]]]


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


# With values ---------------------------------------------------------------------------------------------------------

# A chain of three states: the first trajectory walks through it to its end, the second was truncated in the second
# state after a step in the first, the third terminated there.
CHAIN_REWARDS = torch.tensor([[[1.0, 2.0, 4.0], [1.0, 0.0, 0.0], [3.0, 0.0, 0.0]]], dtype=torch.float64)
CHAIN_MASK = torch.tensor([[[True, True, True], [True, False, False], [True, False, False]]])
CHAIN_VALUES = torch.tensor([[[5.0, 6.0, 7.0], [5.0, 0.0, 0.0], [5.0, 0.0, 0.0]]], dtype=torch.float64)
CHAIN_REST = torch.tensor([[0.0, 6.0, 0.0]], dtype=torch.float64)


def advantage(decay: float, discount: float = 1.0, rest: torch.Tensor | None = None) -> list[list[float]]:
    """Return the generalised advantage estimates along the chain."""
    rewards = CHAIN_REWARDS if rest is None else with_rest(CHAIN_REWARDS, rest, CHAIN_MASK, discount)
    return (lambda_return(rewards, CHAIN_VALUES, CHAIN_MASK, discount, decay) - CHAIN_VALUES)[0].tolist()


def test_with_rest_adds_the_value_after_the_last_step() -> None:
    errors = [[1 + 6 - 5, 2 + 7 - 6, 4 - 7], [1 + 6 - 5, 0, 0], [3 - 5, 0, 0]]
    assert advantage(0.0, rest=CHAIN_REST) == errors
    assert advantage(0.0, 0.5, CHAIN_REST)[1:] == [[1 + 3 - 5, 0, 0], [3 - 5, 0, 0]]


def random_batch(steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return rewards, values, the value after the last step, and the mask; entries after the end are not zero."""
    generator = torch.Generator().manual_seed(steps)
    rewards, values = torch.randn(2, 2, 3, steps, dtype=torch.float64, generator=generator)
    rest = torch.randn(2, 3, dtype=torch.float64, generator=generator)
    mask = torch.arange(steps) < torch.tensor([[steps, 1, (steps + 1) // 2], [1, steps, steps]]).unsqueeze(-1)
    return rewards, values, rest, mask


@given(steps=st.integers(1, 20), discount=st.sampled_from([1.0, 0.9]))
def test_lambda_return_with_lambda_1_is_the_reward_to_go(steps: int, discount: float) -> None:
    rewards, values, rest, mask = random_batch(steps)
    found = lambda_return(rewards, values, mask, discount, 1.0)
    torch.testing.assert_close(found, reward_to_go(rewards, mask, discount), rtol=0, atol=1e-12)
    found = lambda_return(with_rest(rewards, rest, mask, discount), values, mask, discount, 1.0)
    left = (mask.sum(-1, keepdim=True) - torch.arange(steps)).double()
    added = discount**left * rest.unsqueeze(-1) * mask
    torch.testing.assert_close(found, reward_to_go(rewards, mask, discount) + added, rtol=0, atol=1e-12)


@given(steps=st.integers(1, 8), discount=st.sampled_from([1.0, 0.9]), decay=st.sampled_from([0.0, 0.3, 0.95]))
def test_lambda_return_is_a_mean_of_n_step_returns(steps: int, discount: float, decay: float) -> None:
    """The other definition (Sutton & Barto, equation 12.3): weights (1 - λ) λ^(n-1), the rest on the full return."""
    rewards, values, _, mask = random_batch(steps)
    found = lambda_return(rewards, values, mask, discount, decay)
    assert (found[~mask] == 0).all()
    for s, i, t in mask.nonzero().tolist():
        left = int(mask[s, i].sum()) - t
        expected = 0.0
        for n in range(1, left + 1):
            earned = sum(discount**k * rewards[s, i, t + k].item() for k in range(n))
            if n < left:
                earned += discount**n * values[s, i, t + n].item()
            expected += (decay ** (n - 1) * (1 - decay) if n < left else decay ** (n - 1)) * earned
        assert found[s, i, t].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("returns", [total_return, reward_to_go])
def test_returns_of_seeds_are_independent(returns: Callable[..., torch.Tensor]) -> None:
    rewards = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(rewards.shape, dtype=torch.bool)
    together = returns(rewards, mask, 0.97)
    alone = torch.cat([returns(rewards[[s]], mask[[s]], 0.97) for s in range(3)])
    assert torch.equal(together, alone)
