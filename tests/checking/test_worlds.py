"""Worlds know their gradients: every batch is listed, and correct estimators have the right expectation."""

from __future__ import annotations

import pytest
import torch
from pg.checking.worlds import FURTHER, Batches, World, chain, gaussian, tabular, worlds
from pg.parts.discounting import reward_to_go
from torch import Tensor

CHAINS = [chain(3, steps, off_policy=off_policy) for steps in FURTHER for off_policy in (False, True)]
EVERY = [*worlds(3, off_policy=True, discounted=True, valued=False), *CHAINS]


def to_go(batches: Batches) -> Tensor:
    trajectories = batches.trajectories
    return reward_to_go(trajectories.rewards, trajectories.mask, batches.world.discount)


def by_name(world: World) -> str:
    return world.name


@pytest.mark.parametrize("world", EVERY, ids=by_name)
def test_probabilities_are_those_of_all_trajectories(world: World) -> None:
    assert world.probabilities.sum().item() == pytest.approx(1, abs=1e-12)
    assert world.count == world.steps + 1 if world in CHAINS else 6 <= world.count <= 12
    assert len(world.trajectories.lengths.unique()) == world.steps


@pytest.mark.parametrize("world", EVERY, ids=by_name)
def test_scores_are_zero_on_average_under_the_target_policy(world: World) -> None:
    ratios = (world.log_probs - world.old_log_probs).sum(-1).exp()
    mean = torch.einsum("m,mtd->d", world.probabilities * ratios, world.scores)
    assert mean.abs().max() < 1e-12


@pytest.mark.parametrize("world", EVERY, ids=by_name)
@pytest.mark.parametrize("n", [1, 2])
def test_weighted_rewards_to_go_estimate_the_gradient(world: World, n: int) -> None:
    batches = Batches.every(world, n)
    ratios = batches.along(world.log_probs - world.old_log_probs).sum(-1, keepdim=True).exp()
    found, _ = batches.moments(ratios * to_go(batches))
    torch.testing.assert_close(found, world.gradients["gradient"], atol=1e-12, rtol=0)


@pytest.mark.parametrize("world", [one for one in EVERY if not one.is_on_policy], ids=by_name)
def test_ratios_per_step_estimate_the_surrogates(world: World) -> None:
    batches = Batches.every(world, 2)
    ratios = batches.along(world.log_probs - world.old_log_probs).exp()
    found, _ = batches.moments(ratios * to_go(batches))
    torch.testing.assert_close(found, world.gradients["surrogate"], atol=1e-12, rtol=0)
    found, _ = batches.moments(batches.along(world.state_ratios) * ratios * to_go(batches))
    torch.testing.assert_close(found, world.gradients["surrogate_of_target_states"], atol=1e-12, rtol=0)
    if world.steps > 1:
        assert (world.gradients["surrogate"] - world.gradients["gradient"]).norm() > 0.01


def test_discounting_from_the_first_step_estimates_the_discounted_objective() -> None:
    world = tabular("w", 1, 0.9)
    batches = Batches.every(world, 1)
    powers = 0.9 ** torch.arange(3, dtype=torch.float64)
    found, _ = batches.moments(powers * to_go(batches))
    torch.testing.assert_close(found, world.gradients["discounted_objective"], atol=1e-12, rtol=0)


@pytest.mark.parametrize("world", [tabular("w", 5), gaussian("w", 5)], ids=["tabular", "Gaussian"])
def test_values_are_expected_rewards_to_go(world: World) -> None:
    batches = Batches.every(world, 1)
    subtracted, _ = batches.moments(to_go(batches) - batches.along(world.values))
    torch.testing.assert_close(subtracted, world.gradients["gradient"], atol=1e-12, rtol=0)
    # No other function of the state has a smaller mean squared error at the first step.
    first = to_go(batches)[:, 0, 0]
    assert world.probabilities @ (first - world.values[:, 0]) == pytest.approx(0, abs=1e-12)


def test_the_variance_is_that_of_independent_trajectories() -> None:
    world = tabular("w", 2)
    one, three = (batches.moments(to_go(batches))[1] for batches in (Batches.every(world, n) for n in (1, 3)))
    assert three == pytest.approx(one / 3, rel=1e-12)


def test_seeds_draw_different_worlds() -> None:
    first, again, other = (tabular("w", seed) for seed in (1, 1, 2))
    torch.testing.assert_close(first.probabilities, again.probabilities, atol=0, rtol=0)
    assert first.trajectories.rewards.shape != other.trajectories.rewards.shape or not torch.equal(
        first.trajectories.rewards, other.trajectories.rewards
    )
