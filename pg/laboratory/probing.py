"""Measure gradient estimates on frozen policies: all estimators on the same trajectories of the same policy."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from pg.environments.stacked import make_environments
from pg.estimators import compose
from pg.learning.policies import Policy, flatten, make_policy, repeat, stack
from pg.learning.rollout import Generators, collect
from pg.learning.updates import advantages
from pg.randomness import generator, torch_generator
from pg.study.jobs import ProbeJob
from pg.study.model import Variant
from pg.trajectories import Environments, Trajectories

_ENOUGH_SNR = 30.0
_PAIRWISE = 10
_CHUNK_ELEMENTS = 20_000_000

# Unbiased whatever the policy (claims.md, table of expectations): the reference uses whichever varies least.
_REFERENCE_CANDIDATES = {
    baseline: Variant(returns="to_go", baseline=baseline)
    for baseline in ("leave_one_out", "per_step_leave_one_out", "optimal")
}
_REFERENCE_BATCH = 16

_log = logging.getLogger("pg")


@dataclass(frozen=True, slots=True)
class Reference:
    r"""The true gradient as an independent sample knows it.

    Attributes
    ----------
    gradient
        (D,), mean of the sample's batch gradients.
    total_variance
        tr Cov of that mean.
    squared_gradient
        ‖∇J‖² from the product of two halves of the sample, in which noise does not count as signal.
    trajectories
        Size of the sample.
    """

    gradient: Float[Tensor, " D"]
    total_variance: float
    squared_gradient: float
    trajectories: int

    @property
    def snr(self) -> float:
        """‖∇J‖² over the variance of the mean; undefined (NaN) where the sample does not vary at all."""
        return _ratio(self.squared_gradient, self.total_variance)

    @property
    def is_noisy(self) -> bool:
        """Tell whether the gradient does not stand out of its own noise, or is nothing but zero."""
        return not self.snr >= _ENOUGH_SNR


def probe(job: ProbeJob, policies: Mapping[int, Mapping[str, NDArray[np.generic]]]) -> pd.DataFrame:
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
        A row per seed, variant and batch size; the columns are described in the documentation of the files.
    """
    rows: list[dict[str, float | int | str]] = []
    size = job.sample.trajectories
    environments = make_environments(job.environment, 1, size)
    for seed in job.seeds:
        policy = _thaw(job, environments, policies[seed])
        pool = _sample(environments, policy, seed, job.stage, "pool")
        reference = _reference(job, policy, seed, pool)
        _log.info("seed %d: reference of %d trajectories, SNR %.1f", seed, reference.trajectories, reference.snr)
        for name, variant in job.variants.items():
            for batch in job.sample.batches:
                gradients = batch_gradients(policy, variant, pool.regrouped(batch))
                rows.append({"seed": seed, "variant": name, "batch": batch, **measures(gradients, reference)})
    return pd.DataFrame(rows)


def batch_gradients(policy: Policy, variant: Variant, batches: Trajectories) -> Float[Tensor, "S D"]:
    """Return the gradient estimate of each of S batches, by the estimator code that trains.

    The policy is repeated once per batch, so that one backward pass gives the gradients of many batches apart.
    """
    seeds, count, steps = batches.mask.shape
    widest = max([batches.observations.shape[-1], *(layer.out_features for layer in policy.affine)])
    # The optimal baseline takes a copy of the policy for each trajectory.
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    per_chunk = max(1, _CHUNK_ELEMENTS // (count * max(steps * widest, parameters)))
    gradients = [
        _chunk_gradients(policy, variant, _slice(batches, slice(start, start + per_chunk)))
        for start in range(0, seeds, per_chunk)
    ]
    return torch.cat(gradients)


def measures(gradients: Float[Tensor, "S D"], reference: Reference) -> dict[str, float | int]:
    r"""Return the statistics of S independent gradient estimates ĝ against the reference.

    total_variance is $\mathrm{tr\,Cov}(\hat g)$; snr is $\lVert\nabla J\rVert^2 / \mathrm{tr\,Cov}(\hat g)$;
    relative_bias is $\lVert \bar g - \nabla J \rVert / \lVert \nabla J \rVert$ and relative_bias_noise what
    sampling alone would make of it; shrinkage is $\langle \bar g, \nabla J\rangle / \lVert \nabla J \rVert^2 - 1$,
    the part of the bias along the gradient, with its standard error from both samples. All that is relative to ∇J is
    undefined (NaN) where the reference is zero, as it is once every trajectory of a policy earns the same.
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
        "snr": _ratio(reference.squared_gradient, total_variance),
        "cosine": _cosines(gradients, truth).mean().item(),
        "pairwise_cosine": _pairwise_cosine(gradients[:_PAIRWISE]),
        "relative_bias": _ratio((mean - truth).norm().item(), norm),
        "relative_bias_noise": _ratio(noise**0.5, norm),
        "shrinkage": _ratio(along.mean().item(), norm**2) - 1,
        "shrinkage_se": _ratio(along_variance**0.5, norm**2),
        "squared_gradient": reference.squared_gradient,
        "reference_snr": reference.snr,
        "reference_trajectories": reference.trajectories,
        "reference_flagged": int(reference.is_noisy),
    }


def _reference(job: ProbeJob, policy: Policy, seed: int, pool: Trajectories) -> Reference:
    """Enlarge an independent sample until its mean gradient stands out of its own noise, or the limit is reached."""
    variant = _least_varying(policy, pool)
    sample = job.sample
    parts = _reference_parts(job, policy, seed, variant)
    gradients = next(parts)
    while True:
        reference = _summarised(gradients)
        if not reference.is_noisy or 2 * reference.trajectories > sample.reference_limit:
            return reference
        while len(gradients) < 2 * (reference.trajectories // _REFERENCE_BATCH):
            gradients = torch.cat([gradients, next(parts)])


def _reference_parts(job: ProbeJob, policy: Policy, seed: int, variant: Variant) -> Iterator[Tensor]:
    """Yield the batch gradients of one further part of the independent sample at a time."""
    copies = make_environments(job.environment, 1, job.sample.reference)
    generators = _generators(seed, job.stage, "reference")
    while True:
        part = collect(copies, stack([policy]), [generators])
        yield batch_gradients(policy, variant, part.regrouped(_REFERENCE_BATCH))


def _summarised(gradients: Float[Tensor, "S D"]) -> Reference:
    gradients = gradients.to(torch.float64)
    count = gradients.shape[0]
    mean = gradients.mean(0)
    return Reference(
        gradient=mean,
        total_variance=(gradients - mean).square().sum().item() / (count - 1) / count,
        squared_gradient=(gradients[0::2].mean(0) @ gradients[1::2].mean(0)).item(),
        trajectories=count * _REFERENCE_BATCH,
    )


def _least_varying(policy: Policy, pool: Trajectories) -> Variant:
    batches = pool.regrouped(_REFERENCE_BATCH if pool.mask.shape[1] % _REFERENCE_BATCH == 0 else 2)
    variances = {
        baseline: batch_gradients(policy, variant, batches).var(0).sum().item()
        for baseline, variant in _REFERENCE_CANDIDATES.items()
    }
    return _REFERENCE_CANDIDATES[min(variances, key=lambda baseline: variances[baseline])]


def _sample(environments: Environments, policy: Policy, seed: int, *purpose: str) -> Trajectories:
    return collect(environments, stack([policy]), [_generators(seed, *purpose)])


def _generators(seed: int, *purpose: str) -> Generators:
    return Generators(generator(seed, "probe", *purpose, "starts"), generator(seed, "probe", *purpose, "actions"))


def _thaw(job: ProbeJob, environments: Environments, parameters: Mapping[str, NDArray[np.generic]]) -> Policy:
    policy = make_policy(job.policy_of.policy, environments.spaces, torch_generator(0, "overwritten"))
    policy.load_state_dict({name: torch.from_numpy(values) for name, values in parameters.items()})
    return policy


def _chunk_gradients(policy: Policy, variant: Variant, batches: Trajectories) -> Tensor:
    seeds, count, steps = batches.mask.shape
    copies = repeat(policy, seeds)
    log_probs = copies.log_prob(
        batches.observations.reshape(seeds, count * steps, -1),
        batches.actions.reshape(seeds, count * steps, *batches.actions.shape[3:]),
    ).reshape(seeds, count, steps)
    objective = compose.surrogate(log_probs, advantages(policy, variant, batches), batches)
    return flatten(torch.autograd.grad(objective.sum(), copies.parameters_list()))


def _slice(batches: Trajectories, chosen: slice) -> Trajectories:
    return replace(
        batches,
        observations=batches.observations[chosen],
        actions=batches.actions[chosen],
        rewards=batches.rewards[chosen],
        mask=batches.mask[chosen],
        terminated=batches.terminated[chosen],
        truncated=batches.truncated[chosen],
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")


def _cosines(gradients: Float[Tensor, "S D"], direction: Float[Tensor, " D"]) -> Float[Tensor, " S"]:
    """Return the cosine of the angle between each gradient and a direction.

    It is 0 for a gradient that is zero, since such a batch says nothing about where to go, and NaN for a direction that
    is.
    """
    cosines = torch.nn.functional.cosine_similarity(gradients, direction.unsqueeze(0))
    return cosines if direction.any() else torch.full_like(cosines, torch.nan)


def _pairwise_cosine(gradients: Float[Tensor, "S D"]) -> float:
    """Return the mean cosine between two different gradients (Ilyas et al. 2020, section 3)."""
    directions = torch.nn.functional.normalize(gradients)
    count = directions.shape[0]
    first, second = torch.triu_indices(count, count, offset=1)
    return (directions @ directions.T)[first, second].mean().item()
