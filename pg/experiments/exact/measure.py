"""Expectation and variance of gradient estimates, exact to rounding: every batch of a small MDP is enumerated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from pg.environments.copies import make_environments
from pg.environments.enumeration import Enumeration, batches, enumerate_paid, tuples
from pg.environments.exact import objective
from pg.environments.mdp import MDP
from pg.experiments.exact.metrics import METRICS
from pg.experiments.exact.options import ExactOptions
from pg.experiments.metric import values
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, in_float64, policy_of, random_policy, sample
from pg.laboratory.gradients import BestConstant, best_constants, gradients_of_all
from pg.laboratory.job import MeasurementJob
from pg.laboratory.reference import Truth, truth
from pg.learning.policies import Parameters, Policy, stacked
from pg.learning.tabular import action_probabilities
from pg.parts.critic import Critic
from pg.parts.variant import PolicyOptions, Variant

_CHUNK_ELEMENTS = 500_000
_DIFFERENCE = 1e-5
# The first columns of the rows after those that name them; any others follow.
_COLUMNS = (
    *("objective", "gradient_norm", "relative_bias", "differences_bias", "total_variance", "shrinkage"),
    "least_variance",
)


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Enumerated(Moments):
    r"""The moments of one variant on one policy, and what they are compared with.

    Attributes
    ----------
    truth
        $J$ and $\nabla J$, by autodiff.
    differences
        $\nabla J$ by central differences.
    best
        The best constant baseline of one trajectory's estimate.
    variant
        The variant.
    sampled_batches
        The total variance in a sample; None if the job draws none.
    """

    truth: Truth
    differences: Float[Tensor, " D"]
    best: BestConstant
    variant: Variant
    sampled_batches: float | None

    @property
    def norm(self) -> Float[Tensor, ""]:
        r"""$\lVert \nabla J \rVert$."""
        return self.truth.gradient.square().sum().sqrt()

    def distance(self, gradient: Float[Tensor, " D"]) -> float:
        r"""Return $\lVert \mathbb{E}[\hat g] - d \rVert / \lVert \nabla J \rVert$."""
        return ((self.mean - gradient).norm() / self.norm).item()

    @property
    def relative_bias(self) -> float:
        r"""$\lVert \mathbb{E}[\hat g] - \nabla J \rVert / \lVert \nabla J \rVert$."""
        return self.distance(self.truth.gradient)

    @property
    def tables(self) -> float:
        """$J$, from the environment's tables."""
        return self.truth.objective

    @property
    def least_variance(self) -> float:
        """The total variance with the best constant baseline."""
        return self.best.variance / self.variant.batch

    @property
    def constant_baseline(self) -> float | None:
        """The total variance that the variant's constant baseline should have; None if it has another baseline."""
        constant = self.variant.constant_baseline
        return None if constant is None else self.best.variance_of(constant) / self.variant.batch

    @property
    def shrinkage(self) -> float:
        r"""$\langle \mathbb{E}[\hat g], \nabla J \rangle / \lVert \nabla J \rVert^2 - 1$."""
        gradient = self.truth.gradient
        return (self.mean @ gradient / gradient.square().sum()).item() - 1


def enumerate_moments(job: MeasurementJob[ExactOptions], policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Compute every variant's exact bias and variance on each seed's policy: a row for each, with `METRICS`.

    Without a source each seed has a random policy, the same for all variants whose policies have the same network.

    Raises
    ------
    NoTables
        If the environment's transition probabilities are not known.
    EnumerationTooLarge
        If there are more batches than the limit.
    """
    enumeration = enumerate_paid(job.environment, job.options.limit)
    # Variants with the same network and batch size share a policy and all batches.
    groups: dict[tuple[PolicyOptions, int], dict[str, Variant]] = {}
    for name, variant in job.variants.items():
        groups.setdefault((variant.policy, variant.batch), {})[name] = variant
    rows: list[dict[str, Any]] = []
    for seed in job.seeds:
        found: dict[str, Enumerated] = {}
        for variants in groups.values():
            found |= _enumerated(job, enumeration, variants, seed, policies)
        for name, variant in job.variants.items():
            names = {"seed": seed, "variant": name, "batch": variant.batch, "batches_enumerated": found[name].batches}
            rows.append({**names, **dict.fromkeys(_COLUMNS), **values(METRICS, found[name])})
    return pd.DataFrame(rows)


def _enumerated(
    job: MeasurementJob[ExactOptions],
    enumeration: Enumeration,
    variants: Mapping[str, Variant],
    seed: int,
    policies: Mapping[int, Parameters],
) -> dict[str, Enumerated]:
    """Measure the variants that share a policy and all batches."""
    mdp, (first, *_), count = enumeration.mdp, variants.values(), job.options.sampled_batches
    if job.policy is None:
        policy = random_policy(first.policy, mdp.spaces, seed)
    else:
        policy = policy_of(job, policies, seed, mdp.spaces, torch.float64)
    critics = fitted_critics(job.environment, policy, variants, seed, job.stage)
    true, differences = truth(mdp, policy), central_differences(mdp, policy)
    exact = moments(enumeration, policy, variants, job.options.limit, critics)
    probabilities = enumeration.probabilities(action_probabilities(stacked(policy), mdp)).detach()
    best = best_constants(policy, variants, enumeration.trajectories.regrouped(1), probabilities)
    sampled: dict[str, float] = {}
    if count is not None:
        copies = make_environments(job.environment, count * first.batch)
        pool = sample(copies, policy, generators_of(seed, job.stage, "sampled"), job.environment.rewards)
        together = gradients_of_all(policy, variants, in_float64(pool).regrouped(first.batch), mdp, critics)
        sampled = {name: gradients.var(0).sum().item() for name, gradients in together.items()}
    return {
        name: Enumerated(
            found.mean,
            found.total_variance,
            found.batches,
            true,
            differences,
            best=best[name],
            variant=variants[name],
            sampled_batches=sampled.get(name),
        )
        for name, found in exact.items()
    }


def central_differences(mdp: MDP, policy: Policy) -> Float[Tensor, " D"]:
    r"""Compute $(J(\theta + h e_i) - J(\theta - h e_i)) / 2h$ for every parameter of a float64 policy."""
    copy = stacked(policy)

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
    enumeration: Enumeration,
    policy: Policy,
    variants: Mapping[str, Variant],
    limit: int,
    critics: Mapping[str, Critic | None],
) -> dict[str, Moments]:
    r"""Sum $p \, \hat g$ and $p \, \lVert \hat g \rVert^2$ over all batches of N trajectories, from the same scores.

    Parameters
    ----------
    enumeration, policy
        All trajectories of an MDP, and a policy in float64.
    variants
        Estimators with the same batch size N.
    limit
        Largest number of batches.
    critics
        The value networks of variants that have one: fixed functions of state and time.

    Raises
    ------
    EnumerationTooLarge
        If there are more batches.
    """
    size, batch = len(policy.theta), next(iter(variants.values())).batch
    members = tuples(enumeration, batch, limit)
    probabilities = enumeration.probabilities(action_probabilities(stacked(policy), enumeration.mdp))
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
