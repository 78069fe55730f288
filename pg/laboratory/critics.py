"""The value networks that estimates on frozen policies need: snapshots hold policies alone."""

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
"""Trajectories that a network is fitted to where the study does not say how many."""

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

    All are fitted to one sample that nothing else sees: to estimates from other trajectories they are fixed functions
    of state and time. In turns, each 16 trajectories of the sample get as many steps as the variant takes on a batch;
    the learning rate falls linearly to nothing, so that the network settles, as a frozen policy lets it. Variants that
    ask for equal networks of equal returns share one, whatever their λ.

    Parameters
    ----------
    environment
        Where the policy acts.
    policy
        Frozen; the networks have its precision.
    variants
        By name.
    seed, stage
        Own the randomness of the sample and of the networks' initial weights.
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
    """Return what decides a variant's network and the returns that it is fitted to."""
    return variant.baseline, variant.discount, variant.returns.bootstraps
