r"""Measure importance weights against the horizon, at a policy change of fixed size.

The parameters change in a random direction until the mean divergence is the study's `kl`. So horizons differ only in
the number of ratios in a product.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.optimize import brentq
from torch import Tensor

from pg.core.randomness import torch_generator
from pg.core.trajectories import Trajectories
from pg.environments.catalogue import mdp_of
from pg.environments.rewards import AS_EARNED, paid
from pg.environments.stacked import make_environments
from pg.experiments.horizon.job import HorizonJob
from pg.laboratory.distances import divergence
from pg.laboratory.frozen import generators_of, in_float64, sample
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.policies import Parameters, Policy, parameters_of, restore, thaw
from pg.parts.corrections.base import Ratios
from pg.parts.corrections.weights import NonFiniteWeights, effective_share
from pg.parts.variant import Variant

_DOUBLINGS = 60
_QUANTILES = (5, 25, 50, 75, 95)

_MEASURED = (
    "total_variance",
    "effective_share",
    "largest_weight",
    "median_weight",
    "log_weight_variance",
    *(f"log_weight_q{at:02d}" for at in _QUANTILES),
)

_log = logging.getLogger("pg")


class OutOfReach(ValueError):
    """No step in the direction reaches the divergence."""


def lengthen_trajectories(job: HorizonJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    r"""Cut the same trajectories at every horizon, and measure their weights for one changed policy.

    Parameters
    ----------
    job
        The environment, the corrections, the horizons and the size of the change.
    policies
        Parameters of each seed's frozen policy, θ.

    Returns
    -------
    DataFrame
        A row per seed, horizon and variant, with the result of `measures`.

    Notes
    -----
    If a policy cannot reach the divergence, or an importance weight is not finite, its measures are NaN and the log
    gives the reason. Other policies are not affected.
    """
    environments = {horizon: job.environment.model_copy(update={"horizon": horizon}) for horizon in job.horizons}
    copies = make_environments(environments[max(job.horizons)], 1, job.trajectories)
    rows: list[dict[str, float | int | str]] = []
    for seed in job.seeds:
        behaviour = thaw(job.policy, copies.spaces, policies[seed], torch.float64)
        # Reward options are applied after the cut, because some depend on where a trajectory ends.
        collected = in_float64(sample(copies, behaviour, generators_of(seed, job.stage, "horizon", "pool"), AS_EARNED))
        direction = torch_generator(seed, "probe", job.stage, "horizon", "direction")
        try:
            target = moved(behaviour, collected, job.kl, direction)
        except OutOfReach as error:
            _log.warning("seed %d: %s", seed, error)
            target = None
        for horizon, environment in environments.items():
            shorter = paid(environment.rewards, collected.until(horizon))
            reuse = None if target is None else Reuse.at(target, behaviour, shorter, mdp_of(environment))
            for name, variant in job.variants.items():
                found = _measures_if_finite(reuse, variant, f"seed {seed}, horizon {horizon}: {name}")
                rows.append({"seed": seed, "variant": name, "batch": variant.batch, "horizon": horizon, **found})
        _log.info("seed %d: weights at %d horizons", seed, len(job.horizons))
    return pd.DataFrame(rows)


def _measures_if_finite(reuse: Reuse | None, variant: Variant, what: str) -> dict[str, float]:
    if reuse is not None:
        try:
            return measures(reuse, variant)
        except NonFiniteWeights as error:
            _log.warning("%s: %s", what, error)
    return dict.fromkeys(_MEASURED, math.nan)


def moved(behaviour: Policy, trajectories: Trajectories, kl: float, generator: torch.Generator) -> Policy:
    r"""Move a policy in a random direction until its mean divergence from the original is `kl`.

    Parameters
    ----------
    behaviour
        π_θ, in float64; not changed.
    trajectories
        Trajectories of π_θ; $\mathrm{KL}(\pi_{\theta'} \Vert \pi_\theta)$ is averaged over their states.
    kl
        The target of the mean divergence.
    generator
        Draws the direction.

    Raises
    ------
    OutOfReach
        If no step length reaches this divergence.
    """
    target, start = copy.deepcopy(behaviour), parameters_of(behaviour)
    direction = [torch.randn(begin.shape, generator=generator, dtype=begin.dtype) for begin in start]

    def excess(length: float) -> float:
        restore(target, [begin + length * way for begin, way in zip(start, direction, strict=True)])
        # The root of the divergence is nearly linear in the step length. Rounding may make a tiny divergence negative.
        return max(divergence(behaviour, target, trajectories), 0.0) ** 0.5 - kl**0.5

    longest = kl**0.5
    for _ in range(_DOUBLINGS):
        if excess(longest) >= 0:
            break
        longest *= 2
    else:
        raise OutOfReach(f"kl: {kl} is more than any step in a random direction changes the policy by")
    excess(float(brentq(excess, 0.0, longest)))
    return target


def measures(reuse: Reuse, variant: Variant) -> dict[str, float]:
    r"""Summarise a variant's weights and its estimate, in batches of the variant's N.

    total_variance is $\operatorname{tr Cov}(\hat g)$ of the estimate of $\nabla J(\theta')$, effective_share the mean
    over batches; largest_weight and median_weight are those of all weights, per step or per trajectory as the variant
    has them. log_weight_variance is the variance of their logarithm before any is cut or normalised: of the product
    over the whole trajectory where weights are products, else of the ratio of each step. log_weight_q05 to
    log_weight_q95 are quantiles of the same logarithms, named in percent.

    Parameters
    ----------
    reuse
        All trajectories of π_θ, S = 1.
    variant
        The estimator, its correction and N.

    Raises
    ------
    ValueError
        If N does not cut the trajectories into equal batches.
    """
    batches = reuse.regrouped(variant.batch)
    weights = batches.importance_weights(variant)
    live, logs = batches.live(weights), _log_weights(reuse, variant)
    quantiles = np.percentile(logs.numpy(), _QUANTILES)
    return {
        "total_variance": corrected_gradients(batches, variant).var(0).sum().item(),
        "effective_share": effective_share(weights, live).mean().item(),
        "largest_weight": weights.max().item(),
        "median_weight": weights[live].median().item(),
        "log_weight_variance": logs.var().item(),
        **{f"log_weight_q{at:02d}": float(found) for at, found in zip(_QUANTILES, quantiles, strict=True)},
    }


def _log_weights(reuse: Reuse, variant: Variant) -> Float[Tensor, " n"]:
    return variant.importance.log_weights(Ratios(reuse.trajectories, reuse.log_ratios, reuse.state_ratios))
