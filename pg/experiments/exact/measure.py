"""Expectation and variance of gradient estimates, exact to rounding: every batch of a small MDP is enumerated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from pg.environments.enumeration import Enumeration, batches, enumerate_paid, tuples
from pg.environments.exact import objective
from pg.environments.mdp import MDP
from pg.environments.stacked import make_environments
from pg.experiments.exact.job import ExactJob
from pg.laboratory.constants import least_variances
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, in_float64, random_policy, sample
from pg.laboratory.gradients import gradients_of_all
from pg.laboratory.reference import Truth, ratio, truth
from pg.learning.policies import Parameters, Policy, stack, thaw
from pg.learning.tabular import action_probabilities
from pg.parts.critic import Critic
from pg.parts.variant import PolicyOptions, Variant

_CHUNK_ELEMENTS = 500_000
_DIFFERENCE = 1e-5


@dataclass(frozen=True, slots=True)
class Moments:
    r"""Exact moments of a gradient estimate $\hat g$ from a batch of N trajectories.

    Attributes
    ----------
    mean
        (D,), $\mathbb{E}[\hat g] = \sum p \, \hat g$.
    total_variance
        $\operatorname{tr Cov}(\hat g) = \sum p \, \lVert \hat g - \mathbb{E}[\hat g] \rVert^2$.
    batches
        How many batches the sums run over.
    """

    mean: Float[Tensor, " D"]
    total_variance: float
    batches: int


def enumerate_moments(job: ExactJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    r"""Compute every variant's exact bias and variance on each seed's policy.

    Parameters
    ----------
    job
        An environment with tables and a short horizon, and the estimators.
    policies
        Parameters of each seed's frozen policy; empty where each seed owns a random one, the same for all variants
        whose policies have the same network.

    Returns
    -------
    DataFrame
        A row per seed and variant: seed, variant, batch, batches_enumerated, objective, gradient_norm, relative_bias
        $\lVert \mathbb{E}[\hat g] - \nabla J \rVert / \lVert \nabla J \rVert$ with $\nabla J$ by autodiff,
        differences_bias the same with $\nabla J$ by central differences, total_variance, shrinkage
        $\langle \mathbb{E}[\hat g], \nabla J \rangle / \lVert \nabla J \rVert^2 - 1$, and least_variance, the total
        variance with the best constant baseline (`least_variances`). Where the job asks for a sample: sampled_variance,
        and variance_ratio, the sampled over the exact one.

    Raises
    ------
    NoTables
        If the environment's transition probabilities are not known.
    EnumerationTooLarge
        If there are more batches than the limit.
    """
    enumeration = enumerate_paid(job.environment, job.limit)
    rows: list[dict[str, int | float | str]] = []
    for seed in job.seeds:
        found: dict[str, dict[str, int | float]] = {}
        for variants in _sharing(job.variants):
            found |= _measured(job, enumeration, variants, seed, policies)
        rows += [
            {"seed": seed, "variant": name, "batch": variant.batch, **found[name]}
            for name, variant in job.variants.items()
        ]
    return pd.DataFrame(rows)


def _sharing(variants: Mapping[str, Variant]) -> list[dict[str, Variant]]:
    """Group variants by network and batch size."""
    groups: dict[tuple[PolicyOptions, int], dict[str, Variant]] = {}
    for name, variant in variants.items():
        groups.setdefault((variant.policy, variant.batch), {})[name] = variant
    return list(groups.values())


def _measured(
    job: ExactJob,
    enumeration: Enumeration,
    variants: Mapping[str, Variant],
    seed: int,
    policies: Mapping[int, Parameters],
) -> dict[str, dict[str, int | float]]:
    """Measure the variants that share a policy and all batches."""
    mdp, (first, *_) = enumeration.mdp, variants.values()
    policy = _policy(job, first, mdp, seed, policies)
    critics = fitted_critics(job.environment, policy, variants, seed, job.stage)
    true, differences = truth(mdp, policy), central_differences(mdp, policy)
    exact = moments_of_all(enumeration, policy, variants, job.limit, critics)
    probabilities = enumeration.probabilities(action_probabilities(stack([policy]), mdp)).detach()
    least = least_variances(policy, variants, enumeration.trajectories.regrouped(1), probabilities)
    measured = {
        name: _measures(true, differences, found) | {"least_variance": least[name] / first.batch}
        for name, found in exact.items()
    }
    if job.sampled_batches is not None:
        sampled = _sampled_variances(job, job.sampled_batches, policy, variants, mdp, seed, critics)
        for name, variance in sampled.items():
            over_exact = ratio(variance, exact[name].total_variance)
            measured[name] |= {"sampled_variance": variance, "variance_ratio": over_exact}
    return measured


def central_differences(mdp: MDP, policy: Policy) -> Float[Tensor, " D"]:
    r"""Compute $(J(\theta + h e_i) - J(\theta - h e_i)) / 2h$ for every parameter.

    Parameters
    ----------
    mdp
        Its tables.
    policy
        In float64.
    """
    copy = stack([policy])

    def difference(entries: Tensor, index: int) -> float:
        kept = entries[index].item()
        values: list[float] = []
        for shift in (_DIFFERENCE, -_DIFFERENCE):
            entries[index] = kept + shift
            values.append(objective(mdp, action_probabilities(copy, mdp)).item())
        entries[index] = kept
        return (values[0] - values[1]) / (2 * _DIFFERENCE)

    with torch.no_grad():
        flat = [parameter.view(-1) for parameter in copy.parameters_list()]
        return torch.tensor([difference(part, i) for part in flat for i in range(len(part))], dtype=torch.float64)


def moments(
    enumeration: Enumeration, policy: Policy, variant: Variant, limit: int, critic: Critic | None = None
) -> Moments:
    r"""Sum $p \, \hat g$ and $p \, \lVert \hat g \rVert^2$ over all batches of N trajectories.

    Parameters
    ----------
    enumeration
        All trajectories of an MDP.
    policy
        In float64.
    variant
        The estimator, and N as its batch.
    limit
        Largest number of batches.
    critic
        The value network, where the variant has one: a fixed function of state and time.

    Raises
    ------
    EnumerationTooLarge
        If there are more.
    """
    return moments_of_all(enumeration, policy, {"": variant}, limit, {"": critic})[""]


def moments_of_all(
    enumeration: Enumeration,
    policy: Policy,
    variants: Mapping[str, Variant],
    limit: int,
    critics: Mapping[str, Critic | None],
) -> dict[str, Moments]:
    """Compute the `moments` of several estimators with the same batch size, from the same scores."""
    size, batch = sum(parameter.numel() for parameter in policy.parameters()), next(iter(variants.values())).batch
    members = tuples(enumeration, batch, limit)
    probabilities = enumeration.probabilities(action_probabilities(stack([policy]), enumeration.mdp))
    means = {name: torch.zeros(size, dtype=torch.float64) for name in variants}
    squares = dict.fromkeys(variants, 0.0)
    for chunk in members.split(max(1, _CHUNK_ELEMENTS // (size * batch))):
        weights = probabilities[chunk].prod(-1)
        together = gradients_of_all(policy, variants, batches(enumeration, chunk), enumeration.mdp, critics)
        for name, gradients in together.items():
            means[name] += weights @ gradients
            squares[name] += (weights @ gradients.square().sum(-1)).item()
    return {
        name: Moments(mean, squares[name] - mean.square().sum().item(), len(members)) for name, mean in means.items()
    }


def _sampled_variances(
    job: ExactJob,
    count: int,
    policy: Policy,
    variants: Mapping[str, Variant],
    mdp: MDP,
    seed: int,
    critics: Mapping[str, Critic | None],
) -> dict[str, float]:
    """Estimate the total variance of each estimate from a number of sampled batches."""
    batch = next(iter(variants.values())).batch
    copies = make_environments(job.environment, 1, count * batch)
    pool = sample(copies, policy, generators_of(seed, job.stage, "sampled"), job.environment.rewards)
    together = gradients_of_all(policy, variants, in_float64(pool).regrouped(batch), mdp, critics)
    return {name: gradients.var(0).sum().item() for name, gradients in together.items()}


def _policy(job: ExactJob, variant: Variant, mdp: MDP, seed: int, policies: Mapping[int, Parameters]) -> Policy:
    if job.policy is None:
        return random_policy(variant.policy, mdp.spaces, seed)
    return thaw(job.policy, mdp.spaces, policies[seed]).double()


def _measures(true: Truth, differences: Float[Tensor, " D"], found: Moments) -> dict[str, int | float]:
    squared_norm = true.gradient.square().sum()
    return {
        "batches_enumerated": found.batches,
        "objective": true.objective,
        "gradient_norm": squared_norm.sqrt().item(),
        "relative_bias": ((found.mean - true.gradient).norm() / squared_norm.sqrt()).item(),
        "differences_bias": ((found.mean - differences).norm() / squared_norm.sqrt()).item(),
        "total_variance": found.total_variance,
        "shrinkage": (found.mean @ true.gradient / squared_norm).item() - 1,
    }
