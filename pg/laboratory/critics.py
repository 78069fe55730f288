"""Fit value networks to frozen policies, because snapshots contain policies only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import torch
from torch.optim.lr_scheduler import LinearLR

from pg.core.randomness import torch_generator
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.laboratory.frozen import generators_of, in_float64, sample
from pg.learning.policies import Policy
from pg.parts.critic import Critic
from pg.parts.variant import Variant

_BATCH = 16


def fitted_critics(
    environment: Environment,
    policy: Policy,
    variants: Mapping[str, Variant],
    seed: int,
    stage: str,
    trajectories: int = 256,
) -> dict[str, Critic | None]:
    """Fit a value network to a frozen policy for each variant that has one; None for the others.

    All networks are fitted to one sample of `trajectories`, a multiple of 16, that nothing else uses, so they are
    independent of the trajectories of the estimates. They have the precision of the policy. The sample is divided into
    batches of 16. Passes over these batches take one step on each, as many passes as the variant takes steps per batch;
    a running average takes as many as it needs to settle.
    The learning rate falls linearly to 0, so that the network converges. Variants with equal networks and equal returns
    share one network, whatever their λ. Seed and stage determine all random numbers.
    """

    def meaning(variant: Variant) -> tuple[object, ...]:
        return variant.baseline, variant.discount, variant.returns.bootstraps

    needing = [variant for variant in variants.values() if variant.baseline.values_from == "network"]
    if not needing:
        return dict.fromkeys(variants)
    copies, dtype = make_environments(environment, trajectories), policy.theta.dtype
    weights = (seed, "probe", stage, "critic", "weights")
    critics = {
        meaning(variant): variant.baseline.make_critic(
            variant, copies.spaces, copies.horizon, torch_generator(*weights), dtype
        )
        for variant in needing
    }
    collected = sample(copies, policy, generators_of(seed, stage, "critic"), environment.rewards)
    parts = (in_float64(collected) if dtype == torch.float64 else collected).regrouped(_BATCH)
    batches = [parts.of_batch(index) for index in range(len(parts.mask))]
    for critic in critics.values():
        if critic is not None:
            turns, one_step = critic.passes or critic.fit_steps, replace(critic, fit_steps=1)
            schedule = LinearLR(critic.optimizer, start_factor=1.0, end_factor=0.0, total_iters=turns * len(batches))
            for _, batch in product(range(turns), batches):
                one_step.fit(batch)
                schedule.step()
    return {name: critics.get(meaning(variant)) for name, variant in variants.items()}
