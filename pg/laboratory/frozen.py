"""Random policies to measure on, and samples from frozen policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pg.core.randomness import torch_generator
from pg.core.trajectories import Environments, Spaces, Trajectories
from pg.environments.record import Rewards
from pg.environments.rewards import paid
from pg.laboratory.job import MeasurementJob
from pg.learning.policies import Parameters, Policy, thaw
from pg.learning.rollout import Generators, actor_of, collect
from pg.parts.variant import PolicyOptions

_PERTURBATION = 0.5


def random_policy(options: PolicyOptions, spaces: Spaces, seed: int) -> Policy:
    """Draw a float64 policy from its seed, perturbed, because a new policy is nearly uniform."""
    generator = torch_generator(seed, "exact", "policy")
    policy = Policy(options, spaces, generator, dtype=torch.float64)
    with torch.no_grad():
        parts = [part for layer in policy.affine for part in (layer.matrix.mT, layer.biases)]
        for part in (policy.log_std, *parts):
            part += _PERTURBATION * torch.randn(part.shape, generator=generator, dtype=part.dtype)
    return policy


def policy_of(
    job: MeasurementJob[Any],
    policies: Mapping[int, Parameters],
    seed: int,
    spaces: Spaces,
    dtype: torch.dtype = torch.float32,
) -> Policy:
    """Return the frozen policy of a seed of a job."""
    assert job.policy is not None, f"{job.measured_by} draws random policies"
    return thaw(job.policy, spaces, policies[seed], dtype)


def sample(environments: Environments, policy: Policy, generators: Generators, rewards: Rewards) -> Trajectories:
    """Collect N trajectories of one policy, S = 1, with the transformed rewards."""
    return paid(rewards, collect(environments, actor_of(policy), generators))


def generators_of(seed: int, *purpose: str) -> Generators:
    """Return the random generators of a seed for one purpose of the laboratory."""
    return Generators.of(seed, "probe", *purpose)


def in_float64(trajectories: Trajectories) -> Trajectories:
    """Return the same trajectories in double precision."""
    return trajectories.map_tensors(lambda values: values.double() if values.is_floating_point() else values)
