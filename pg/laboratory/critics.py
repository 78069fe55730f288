"""Fit value networks to frozen policies, because snapshots contain policies only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import torch
from torch.optim.lr_scheduler import LinearLR

from pg.core.randomness import torch_generator
from pg.core.trajectories import Trajectories
from pg.environments.record import Environment
from pg.environments.stacked import make_environments
from pg.laboratory.frozen import generators_of, in_float64, sample
from pg.learning.policies import Policy
from pg.parts.critic import Critic
from pg.parts.variant import Variant

CRITIC_TRAJECTORIES = 256
"""Default number of trajectories that a network is fitted to."""

_BATCH = 16


def fitted_critics(
    environment: Environment,
    policy: Policy,
    variants: Mapping[str, Variant],
    seed: int,
    stage: str,
    trajectories: int = CRITIC_TRAJECTORIES,
) -> dict[str, Critic | None]:
    """Fit a value network to a frozen policy for each variant that has one; None for the others.

    All networks are fitted to one sample that nothing else uses, so they are independent of the trajectories of the
    estimates. The sample is divided into batches of 16. Passes over these batches take one step on each, as many passes
    as the variant takes steps per batch. The learning rate falls linearly to 0, so that the network converges. Variants
    with equal networks and equal returns share one network, whatever their λ.

    Parameters
    ----------
    environment
        Where the policy acts.
    policy
        Frozen; the networks have its precision.
    variants
        By name.
    seed, stage
        Determine the random numbers of the sample and of the initial weights.
    trajectories
        Size of the sample, a multiple of 16.
    """
    needing = [variant for variant in variants.values() if variant.baseline.values_from == "network"]
    if not needing:
        return dict.fromkeys(variants)
    copies, dtype = make_environments(environment, 1, trajectories), next(policy.parameters()).dtype
    weights = (seed, "probe", stage, "critic", "weights")
    critics = {
        _meaning(variant): variant.baseline.make_critic(
            variant, copies.spaces, copies.horizon, torch_generator(*weights), dtype
        )
        for variant in needing
    }
    collected = sample(copies, policy, generators_of(seed, stage, "critic"), environment.rewards)
    batches = (in_float64(collected) if dtype == torch.float64 else collected).regrouped(_BATCH)
    for critic in critics.values():
        if critic is not None:
            _settle(critic, [batches.of_seed(index) for index in range(len(batches.mask))])
    return {name: critics.get(_meaning(variant)) for name, variant in variants.items()}


def _settle(critic: Critic, batches: Sequence[Trajectories]) -> None:
    turns, one_step = critic.fit_steps, replace(critic, fit_steps=1)
    schedule = LinearLR(critic.optimizer, start_factor=1.0, end_factor=0.0, total_iters=turns * len(batches))
    for _, batch in product(range(turns), batches):
        one_step.fit(batch)
        schedule.step()


def _meaning(variant: Variant) -> tuple[object, ...]:
    """Return the key of variants that share a network: its options and the returns that it is fitted to."""
    return variant.baseline, variant.discount, variant.returns.bootstraps
