"""Divergences that updates come to: over the states of either sample, in the direction of the limit, over the limit."""

import pytest
import torch
from pg.core.trajectories import Spaces
from pg.experiments.update.moves import Move, measures
from pg.laboratory.frozen import random_policy
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.variant import PolicyOptions
from tests.laboratory.bandits import walks

BEFORE, AFTER = (random_policy(PolicyOptions(hidden=(5,)), Spaces(4, 2), seed) for seed in (0, 1))
LIMIT = EarlyStop(limit=0.02)


def in_state(state: int, *, reverse: bool = False) -> float:
    """Sum p log p / q over both actions."""
    policies = (AFTER, BEFORE) if not reverse else (BEFORE, AFTER)
    seen, actions = torch.eye(4, dtype=torch.float64)[[state, state]], torch.tensor([0, 1])
    first, second = (one.log_prob(seen, actions).detach() for one in policies)
    return (first.exp() * (first - second)).sum().item()


@pytest.mark.parametrize("reverse", [False, True])
def test_divergences_are_means_over_the_steps_of_each_sample_in_the_limits_direction(reverse: bool) -> None:
    batch, fresh = walks([[1, 0, 1], [0]], [[0, 1, 0], [3]]), walks([[0, 0]], [[2, 3]])
    kl = LIMIT.model_copy(update={"direction": "old_new"}) if reverse else LIMIT
    at = [in_state(state, reverse=reverse) for state in range(4)]
    found = Move.of(BEFORE, AFTER, batch, fresh, kl)
    assert found.on_batch == pytest.approx((2 * at[0] + at[1] + at[3]) / 4)
    assert found.on_fresh == pytest.approx((at[2] + at[3]) / 2)


def test_without_a_limit_the_direction_is_the_lectures() -> None:
    batch, fresh = walks([[1]], [[0]]), walks([[1]], [[1]])
    assert Move.of(BEFORE, AFTER, batch, fresh, None) == Move.of(BEFORE, AFTER, batch, fresh, LIMIT)


def test_means_over_updates_have_a_column_as_share_of_the_limit() -> None:
    found = measures([Move(0.01, 0.03), Move(0.02, 0.05)], LIMIT)
    assert found == pytest.approx(
        {"kl_on_batch": 0.015, "kl_on_fresh": 0.04, "kl_over_limit": 0.75, "fresh_kl_over_limit": 2}
    )
    assert measures([Move(0.01, 0.03)], None) == pytest.approx({"kl_on_batch": 0.01, "kl_on_fresh": 0.03})
