"""Expectation and variance of gradient estimates, exact to rounding: every batch of a small MDP is enumerated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from pg.environments.catalogue import mdp_of
from pg.environments.enumeration import Enumeration, batches, enumerate_paid, tuples
from pg.environments.exact import objective
from pg.environments.stacked import make_environments
from pg.environments.tabular import MDP
from pg.laboratory.constants import least_variance
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import Parameters, generators_of, in_float64, random_policy, sample, thaw
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.reference import Truth, truth
from pg.learning.critic import Critic
from pg.learning.policies import Policy, stack
from pg.learning.tabular import action_probabilities
from pg.study.jobs import ExactJob
from pg.study.model.variant import Variant

_CHUNK_ELEMENTS = 500_000
_DIFFERENCE = 1e-5


class NoTables(ValueError):
    """An environment whose transition probabilities are not known."""


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
        differences_bias the same with $\nabla J$ by central differences, total_variance, and shrinkage
        $\langle \mathbb{E}[\hat g], \nabla J \rangle / \lVert \nabla J \rVert^2 - 1$. Where the job asks for a sample:
        sampled_variance, and variance_ratio, the sampled over the exact one.

    Raises
    ------
    NoTables
        If the environment's transition probabilities are not known.
    EnumerationTooLarge
        If there are more batches than the limit.
    """
    mdp = mdp_of(job.environment)
    if mdp is None:
        raise NoTables(f"{job.environment.id} has no transition tables, so nothing can be enumerated")
    enumeration = enumerate_paid(job.environment, job.limit)
    rows: list[dict[str, int | float | str]] = []
    for seed in job.seeds:
        for name, variant in job.variants.items():
            policy = _policy(job, variant, mdp, seed, policies)
            critic = fitted_critics(job.environment, policy, {name: variant}, seed, job.stage)[name]
            found = moments(enumeration, policy, variant, job.limit, critic)
            measured = _measures(truth(mdp, policy), central_differences(mdp, policy), found)
            probabilities = enumeration.probabilities(action_probabilities(stack([policy]), mdp)).detach()
            singles = enumeration.trajectories.regrouped(1)
            measured["least_variance"] = least_variance(policy, variant, singles, probabilities) / variant.batch
            rows.append({"seed": seed, "variant": name, "batch": variant.batch, **measured})
            if job.sampled_batches is not None:
                sampled = sampled_variance(job, policy, variant, mdp, seed, critic)
                ratio = sampled / found.total_variance if found.total_variance > 0 else float("nan")
                rows[-1] |= {"sampled_variance": sampled, "variance_ratio": ratio}
    return pd.DataFrame(rows)


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
    members = tuples(enumeration, variant.batch, limit)
    probabilities = enumeration.probabilities(action_probabilities(stack([policy]), enumeration.mdp))
    size = sum(parameter.numel() for parameter in policy.parameters())
    mean, square = torch.zeros(size, dtype=torch.float64), 0.0
    for chunk in members.split(max(1, _CHUNK_ELEMENTS // (size * variant.batch))):
        weights = probabilities[chunk].prod(-1)
        gradients = batch_gradients(policy, variant, batches(enumeration, chunk), enumeration.mdp, critic)
        mean += weights @ gradients
        square += (weights @ gradients.square().sum(-1)).item()
    return Moments(mean, square - mean.square().sum().item(), len(members))


def sampled_variance(
    job: ExactJob, policy: Policy, variant: Variant, mdp: MDP, seed: int, critic: Critic | None = None
) -> float:
    """Estimate the total variance of a variant's estimate from as many sampled batches as the job asks for."""
    assert job.sampled_batches is not None
    copies = make_environments(job.environment, 1, job.sampled_batches * variant.batch)
    pool = sample(copies, policy, generators_of(seed, job.stage, "sampled"), job.environment.rewards)
    gradients = batch_gradients(policy, variant, in_float64(pool).regrouped(variant.batch), mdp, critic)
    return gradients.var(0).sum().item()


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
