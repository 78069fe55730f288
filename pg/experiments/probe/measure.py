"""Measure gradient estimates on frozen policies: all estimators on the same trajectories of the same policy."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pg.environments.catalogue import mdp_of
from pg.environments.stacked import make_environments
from pg.experiments.probe.job import ProbeJob
from pg.laboratory.constants import least_variances
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, sample
from pg.laboratory.gradients import gradients_of_all
from pg.laboratory.reference import Reference, ratio, reference
from pg.learning.policies import Parameters, thaw

_PAIRWISE = 10

_log = logging.getLogger("pg")


def probe(job: ProbeJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Measure every variant at every batch size on each seed's policy.

    Parameters
    ----------
    job
        The environment, the estimators and the sample's size.
    policies
        Parameters of each seed's frozen policy.

    Returns
    -------
    DataFrame
        A row per seed, variant and batch size: what `measures` makes of the estimates; returns_alike, the share of
        batches of which `returns_alike` is true; and least_variance, the total variance with the best constant
        baseline (`least_variances`). Where a variant has a value network: explained_variance too, the share of the
        rewards-to-go's variance that the network explains on the sample that the estimators share.
    """
    rows: list[dict[str, float | int | str]] = []
    environments, mdp = make_environments(job.environment, 1, job.sample.trajectories), mdp_of(job.environment)
    for seed in job.seeds:
        policy = thaw(job.policy, environments.spaces, policies[seed])
        pool = sample(environments, policy, generators_of(seed, job.stage, "pool"), job.environment.rewards)
        if mdp is None:
            truth = reference(job.environment, policy, job.sample, seed, job.stage, pool)
        else:
            truth = Reference.exact(mdp, policy)
        _log.info("seed %d: reference of %d trajectories, SNR %.1f", seed, truth.trajectories, truth.snr)
        least = least_variances(policy, job.variants, pool.regrouped(1))
        critics = fitted_critics(job.environment, policy, job.variants, seed, job.stage, job.sample.critic_trajectories)
        known = {
            name: {"explained_variance": critic.explained_variance(pool)}
            for name, critic in critics.items()
            if critic is not None
        }
        for batch in job.sample.batches:
            batches = pool.regrouped(batch)
            alike = returns_alike(batches.returns).to(torch.float64).mean().item()
            for name, gradients in gradients_of_all(policy, job.variants, batches, mdp, critics).items():
                found = measures(gradients, truth) | {"returns_alike": alike, "least_variance": least[name] / batch}
                rows.append({"seed": seed, "variant": name, "batch": batch, **found, **known.get(name, {})})
    return pd.DataFrame(rows)


def measures(gradients: Float[Tensor, "S D"], reference: Reference) -> dict[str, float | int]:
    r"""Return the statistics of S independent gradient estimates ĝ against the reference.

    total_variance is $\mathrm{tr\,Cov}(\hat g)$; snr is $\lVert\nabla J\rVert^2 / \mathrm{tr\,Cov}(\hat g)$;
    relative_bias is $\lVert \bar g - \nabla J \rVert / \lVert \nabla J \rVert$ and relative_bias_noise is its
    value from sampling noise alone; shrinkage is $\langle \bar g, \nabla J\rangle / \lVert \nabla J \rVert^2 - 1$,
    the part of the bias along the gradient, with its standard error from both samples; empty is the share of batches
    with an estimate of exactly zero. Measures relative to ∇J are NaN if the reference is zero, as for a policy whose
    trajectories all earn the same.
    """
    gradients, truth = gradients.to(torch.float64), reference.gradient
    count = gradients.shape[0]
    mean = gradients.mean(0)
    total_variance = (gradients - mean).square().sum().item() / (count - 1)
    norm = truth.norm().item()
    noise = total_variance / count + reference.total_variance
    along = gradients @ truth
    along_variance = along.var().item() / count + reference.total_variance * norm**2
    return {
        "total_variance": total_variance,
        "snr": ratio(reference.squared_gradient, total_variance),
        "cosine": _cosines(gradients, truth).mean().item(),
        "pairwise_cosine": _pairwise_cosine(gradients[:_PAIRWISE]),
        "relative_bias": ratio((mean - truth).norm().item(), norm),
        "relative_bias_noise": ratio(noise**0.5, norm),
        "shrinkage": ratio(along.mean().item(), norm**2) - 1,
        "shrinkage_se": ratio(along_variance**0.5, norm**2),
        "squared_gradient": reference.squared_gradient,
        "empty": (gradients == 0).all(-1).to(torch.float64).mean().item(),
        "reference_snr": reference.snr,
        "reference_trajectories": reference.trajectories,
        "reference_flagged": int(reference.is_noisy),
    }


def _cosines(gradients: Float[Tensor, "S D"], direction: Float[Tensor, " D"]) -> Float[Tensor, " S"]:
    """Return the cosine of the angle between each gradient and a direction.

    It is 0 for a zero gradient, because such a batch contains no direction, and NaN for a zero direction.
    """
    cosines = torch.nn.functional.cosine_similarity(gradients, direction.unsqueeze(0))
    return cosines if direction.any() else torch.full_like(cosines, torch.nan)


def _pairwise_cosine(gradients: Float[Tensor, "S D"]) -> float:
    """Return the mean cosine between two different gradients.

    As Ilyas et al. 2020, "A closer look at deep policy gradients", section 3.
    """
    directions = torch.nn.functional.normalize(gradients)
    count = directions.shape[0]
    first, second = torch.triu_indices(count, count, offset=1)
    return (directions @ directions.T)[first, second].mean().item()


def returns_alike(returns: Float[Tensor, "S N"]) -> Bool[Tensor, " S"]:
    """Return in which batches all trajectories but at most one have the same return.

    Such a batch weights all of these by one number, whatever constant is subtracted (lecture, "What does the gradient
    do? (baseline edition)").
    """
    ordered, _ = returns.sort(-1)
    return (ordered[:, 0] == ordered[:, -2]) | (ordered[:, 1] == ordered[:, -1])
