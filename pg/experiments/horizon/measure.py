r"""Measure importance weights against the horizon, at a policy change of fixed size.

The parameters change in a random direction, or in that of the gradient, until the mean divergence is the study's `kl`.
So horizons differ only in the number of ratios in a product.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.optimize import brentq
from torch import Tensor

from pg.core.randomness import torch_generator
from pg.core.trajectories import Trajectories
from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.environments.rewards import AS_EARNED, paid
from pg.experiments.horizon.metrics import METRICS
from pg.experiments.horizon.options import HorizonOptions
from pg.experiments.metric import missing, values
from pg.laboratory.distances import divergence
from pg.laboratory.frozen import generators_of, in_float64, policy_of, sample
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.job import MeasurementJob
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.policies import Parameters, Policy
from pg.parts.corrections.base import Ratios
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.variant import Variant

_DOUBLINGS = 60

_log = logging.getLogger("pg")


class UnreachableDivergence(ValueError):
    """No step in the direction reaches the divergence."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The weights and estimates of one variant at π_θ', from trajectories of π_θ up to one horizon.

    Attributes
    ----------
    gradients
        (S, D), the estimates of ∇J(θ') from S batches.
    weights, live
        (S, N, T) or (S, N, 1): the importance weights, and which of them belong to valid steps.
    log_weights
        (n,), before any is cut or normalised: of the product over the whole trajectory where weights are products, else
        of the ratio of each step.
    """

    gradients: Float[Tensor, "S D"]
    weights: Float[Tensor, "S N #T"]
    live: Bool[Tensor, "S N #T"]
    log_weights: Float[Tensor, " n"]

    @classmethod
    def of(cls, reuse: Reuse, variant: Variant) -> Cut:
        """Divide all trajectories of a behaviour policy into batches.

        Raises
        ------
        ValueError
            If N does not divide the trajectories into equal batches.
        NonFiniteWeights
            If a weight is not finite.
        """
        batches = reuse.regrouped(variant.batch)
        weights = batches.importance_weights(variant)
        ratios = Ratios(reuse.trajectories, reuse.log_ratios, reuse.state_ratios)
        logs = variant.importance.log_weights(ratios)
        return cls(corrected_gradients(batches, variant), weights, batches.live(weights), logs)

    @property
    def total_variance(self) -> float:
        """That of the estimates."""
        return self.gradients.var(0).sum().item()


def lengthen_trajectories(job: MeasurementJob[HorizonOptions], policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Cut the same trajectories at every horizon, and measure their weights for one changed policy.

    There is a row per seed, horizon and variant, with `METRICS`. If a policy cannot reach the divergence, or an
    importance weight is not finite, its metrics are NaN and the log gives the reason. Other policies are not affected.
    """
    options, rows = job.options, []
    environments = {horizon: job.environment.model_copy(update={"horizon": horizon}) for horizon in options.horizons}
    copies = make_environments(environments[max(options.horizons)], options.trajectories)
    for seed in job.seeds:
        behaviour = policy_of(job, policies, seed, copies.spaces, torch.float64)
        # Reward options are applied after the cut, because some depend on where a trajectory ends.
        collected = in_float64(sample(copies, behaviour, generators_of(seed, job.stage, "horizon", "pool"), AS_EARNED))
        try:
            target = moved(behaviour, collected, options.kl, _direction(job, seed, behaviour, collected))
        except UnreachableDivergence as error:
            _log.warning("seed %d: %s", seed, error)
            target = None
        for horizon, environment in environments.items():
            shorter = paid(environment.rewards, collected.until(horizon))
            reuse = None if target is None else Reuse.at(target, behaviour, shorter, mdp_of(environment))
            for name, variant in job.variants.items():
                found = missing(METRICS)
                try:
                    found = found if reuse is None else values(METRICS, Cut.of(reuse, variant))
                except NonFiniteWeights as error:
                    _log.warning("seed %d, horizon %d: %s: %s", seed, horizon, name, error)
                rows.append({"seed": seed, "variant": name, "batch": variant.batch, "horizon": horizon, **found})
        _log.info("seed %d: weights at %d horizons", seed, len(options.horizons))
    return pd.DataFrame(rows)


def _direction(
    job: MeasurementJob[HorizonOptions], seed: int, behaviour: Policy, collected: Trajectories
) -> Float[Tensor, " D"]:
    """Draw a direction, or return that of the reward-to-go gradient of all trajectories; 0 if it is 0."""
    if job.options.direction == "gradient":
        gradient = batch_gradients(behaviour, Variant(), paid(job.environment.rewards, collected))[0]
        return torch.nn.functional.normalize(gradient, dim=0)
    generator, theta = torch_generator(seed, "probe", job.stage, "horizon", "direction"), behaviour.theta
    return torch.randn(theta.shape, generator=generator, dtype=theta.dtype)


def moved(behaviour: Policy, trajectories: Trajectories, kl: float, direction: Float[Tensor, " D"]) -> Policy:
    r"""Return a policy, moved in a direction until its mean divergence from the original is `kl`.

    $\mathrm{KL}(\pi_{\theta'} \Vert \pi_\theta)$ is averaged over the states of trajectories of π_θ, in float64.

    Raises
    ------
    UnreachableDivergence
        If no step length reaches this divergence.
    """
    target, start = copy.deepcopy(behaviour), behaviour.theta.detach()

    def excess(length: float) -> float:
        with torch.no_grad():
            target.theta.copy_(start + length * direction)
        # The root of the divergence is nearly linear in the step length. Rounding may make a tiny divergence negative.
        return max(divergence(behaviour, target, trajectories), 0.0) ** 0.5 - kl**0.5

    longest = kl**0.5
    for _ in range(_DOUBLINGS):
        if excess(longest) >= 0:
            break
        longest *= 2
    else:
        raise UnreachableDivergence(f"kl: {kl} is not reached by any step in the direction; lower kl")
    excess(float(brentq(excess, 0.0, longest)))
    return target
