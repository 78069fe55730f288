"""An update with a limit on the KL divergence ends where its method prescribes."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces
from pg.learning.policies import Policy
from pg.learning.updates import Ascent, update
from pg.parts.limits.base import Direction
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.limits.penalty import Penalty
from pg.parts.optimizers.adam import Adam
from pg.parts.variant import PolicyOptions, Variant
from tests.learning.batches import (
    CONTINUOUS,
    FACTORED,
    SGD,
    SPACES,
    chain_batch,
    estimate,
    improved,
    policy,
    random_batch,
)
from torch.distributions import kl_divergence


def limited(hold_by: str, direction: Direction, limit: float = 0.01, **parts: Any) -> Variant:
    steps: dict[str, Any] = {} if hold_by == "natural_gradient" else {"gradient_steps": 4, "importance": "per_step"}
    return Variant(**{"kl": {"limit": limit, "hold_by": hold_by, "direction": direction}, **steps, **parts})


@pytest.mark.parametrize("spaces", [SPACES, CONTINUOUS, FACTORED], ids=["categorical", "gaussian", "factored"])
@pytest.mark.parametrize("hold_by", ["early_stop", "line_search", "natural_gradient"])
@pytest.mark.parametrize("direction", ["new_old", "old_new"])
def test_no_update_ends_above_the_limit(spaces: Spaces, hold_by: str, direction: Direction) -> None:
    variant = limited(hold_by, direction)
    made = Policy(PolicyOptions(hidden=(6,)), spaces, torch.Generator().manual_seed(0), torch.float64)
    optimizer = Adam().over(made.parameters(), 0.03)
    ends, steps = [], []
    for seed in range(8):
        log = update(made, optimizer, variant, random_batch(spaces, seed))
        ends.append(log.kl_new_old if direction == "new_old" else log.kl_old_new)
        steps.append(log.gradient_steps)
    assert max(ends) <= 0.01 + 1e-6
    assert max(ends) > 0.005, "the limit is used, not only kept"
    assert len(set(steps)) > 1, "some updates meet the limit and some do not"


@pytest.mark.parametrize("hold_by", ["early_stop", "line_search"])
@pytest.mark.parametrize("direction", ["new_old", "old_new"])
def test_limit_is_on_the_named_direction(hold_by: str, direction: Direction) -> None:
    free = improved(Variant(optimizer=SGD), chain_batch())[1]
    # A limit between the two directions of one step cuts it in one of them alone.
    between = (free.kl_new_old + free.kl_old_new) / 2
    log = improved(limited(hold_by, direction, between, gradient_steps=1, optimizer=SGD), chain_batch())[1]
    named = free.kl_new_old if direction == "new_old" else free.kl_old_new
    assert (log.gradient_steps < 1) == (named > between)


def test_early_stop_equals_fewer_steps_without_limit() -> None:
    trajectories = chain_batch()
    variant = limited("early_stop", "new_old", 0.02, gradient_steps=50, optimizer=SGD)
    stopped, log = improved(variant, trajectories)
    assert 1 <= log.gradient_steps < 49
    free = variant.model_copy(update={"kl": None, "gradient_steps": int(log.gradient_steps)})
    assert torch.equal(stopped.theta, improved(free, trajectories)[0].theta)
    _, beyond = improved(free.model_copy(update={"gradient_steps": int(log.gradient_steps) + 1}), trajectories)
    assert beyond.kl_new_old > 0.02


@pytest.mark.parametrize("hold_by", ["early_stop", "line_search"])
def test_limit_that_is_not_met_changes_nothing(hold_by: str) -> None:
    variant = limited(hold_by, "new_old", 1e6, minibatches=2, batch=8)
    free = variant.model_copy(update={"kl": None})
    ends = [improved(v, chain_batch(), 0.01, shuffling=np.random.default_rng(0)) for v in (variant, free)]
    assert torch.equal(ends[0][0].theta, ends[1][0].theta)
    assert ends[0][1] == ends[1][1]


def test_line_search_takes_a_share_of_the_whole_change() -> None:
    variant = limited("line_search", "new_old", 0.005, optimizer=SGD)
    found, log = improved(variant, chain_batch())
    whole = improved(variant.model_copy(update={"kl": None}), chain_batch())[0].theta - policy().theta
    share = log.gradient_steps / 4
    assert math.log2(share).is_integer()
    assert share < 1
    torch.testing.assert_close(found.theta - policy().theta, share * whole, rtol=1e-9, atol=1e-12)
    twice = policy()
    twice.theta.data += 2 * share * whole
    states = chain_batch().observations[chain_batch().mask]
    assert kl_divergence(twice.distribution(states), policy().distribution(states)).mean() > 0.005


def test_natural_gradient_ascends_and_nearly_reaches_its_limit() -> None:
    variant, trajectories = limited("natural_gradient", "new_old", 1e-4, baseline="average_reward"), chain_batch()
    found, log = improved(variant, trajectories, 0.0)
    assert log.gradient_steps == 1
    assert 0.5e-4 < log.kl_new_old <= 1e-4
    gradient = estimate(Variant(baseline="average_reward"), trajectories, policy(), policy())
    assert (found.theta - policy().theta) @ gradient > 0


def test_a_fisher_matrix_averages_evenly_spaced_states() -> None:
    moving, trajectories = policy(), chain_batch()
    ascent = Ascent(moving, SGD.over(moving.parameters(), 0.1), limited("natural_gradient", "new_old"), trajectories)
    ascent.move_to(ascent.position() + 0.3)
    states = trajectories.observations[trajectories.mask]
    divergences = kl_divergence(moving.distribution(states), policy().distribution(states))
    assert len(states) > 8
    step = math.ceil(len(states) / 4)
    for found, expected in (
        (ascent.differentiable_kl(), divergences),
        (ascent.differentiable_kl(4), divergences[::step]),
    ):
        torch.testing.assert_close(found, expected.mean())


def test_natural_gradient_takes_no_step_without_gain() -> None:
    trajectories = chain_batch()
    still = trajectories.map_tensors(lambda values: values * 0 if values.is_floating_point() else values)
    found, log = improved(limited("natural_gradient", "new_old"), still)
    assert log.gradient_steps == 0
    assert torch.equal(found.theta, policy().theta)


def test_penalty_holds_the_policy_back_and_is_adapted() -> None:
    variant, state = limited("penalty", "old_new", 1e-3, optimizer=SGD), {"penalty": 10.0}
    free = improved(variant.model_copy(update={"kl": None}), chain_batch())[1]
    held = improved(variant, chain_batch(), limit_state=state)[1]
    assert held.penalty == 10
    assert held.kl_old_new < free.kl_old_new
    assert held.surrogate == free.surrogate
    assert state["penalty"] == Penalty(limit=1e-3).adapted(10.0, held.kl_old_new) != 10


def test_penalty_is_subtracted_in_the_named_direction() -> None:
    for direction in ("new_old", "old_new"):
        variant = limited("penalty", direction, 1e-3, optimizer=SGD, gradient_steps=2)
        once = improved(variant.model_copy(update={"kl": None, "gradient_steps": 1}), chain_batch())[0]
        begun, states = policy(), chain_batch().observations[chain_batch().mask]
        new, old = once.distribution(states), begun.distribution(states)
        pair = (new, old) if direction == "new_old" else (old, new)
        (slope,) = torch.autograd.grad(kl_divergence(*pair).mean(), once.theta)
        expected = once.theta + 0.3 * (estimate(variant, chain_batch(), once, begun) - 7 * slope)
        torch.testing.assert_close(improved(variant, chain_batch(), limit_state={"penalty": 7.0})[0].theta, expected)


@pytest.mark.parametrize("direction", ["new_old", "old_new"])
def test_penalty_adapts_to_the_named_direction(direction: Direction) -> None:
    free = improved(Variant(optimizer=SGD, gradient_steps=2), chain_batch())[1]
    # The penalty is too small to matter. Its band ends between the divergences in the two directions.
    limit, light = (free.kl_new_old + free.kl_old_new) / 2 / 1.5, 1e-6
    state, held = {"penalty": light}, Penalty(limit=limit, direction=direction)
    improved(Variant(optimizer=SGD, gradient_steps=2, kl=held), chain_batch(), limit_state=state)
    named = free.kl_new_old if direction == "new_old" else free.kl_old_new
    assert state["penalty"] == (2 * light if named > 1.5 * limit else light)


@pytest.mark.parametrize("kl", [None, EarlyStop(limit=1e-9)])
def test_only_a_penalty_has_a_state(kl: EarlyStop | None) -> None:
    state: dict[str, float] = {}
    assert improved(Variant(kl=kl), chain_batch(), limit_state=state)[1].penalty == 0
    assert not state
