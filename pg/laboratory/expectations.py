"""Expectation and variance of gradient estimates, exact to rounding: every batch of a small MDP is enumerated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from pg.environments.enumeration import Enumeration, batches, enumerate_trajectories, tuples
from pg.environments.exact import objective
from pg.environments.stacked import horizon_of
from pg.environments.tabular import MDP, tabular_mdp
from pg.laboratory.probing import batch_gradients
from pg.learning.policies import Policy, StackedPolicy, flatten, make_policy, repeat, stack
from pg.randomness import torch_generator
from pg.study.model import Environment, Variant
from pg.study.model import Policy as PolicyOptions
from pg.trajectories import Spaces

_PERTURBATION = 0.5
_CHUNK_ELEMENTS = 500_000


class NoTables(ValueError):
    """An environment whose transition probabilities are not known."""


@dataclass(frozen=True, slots=True)
class Truth:
    r"""What is known of a policy without any sample.

    Attributes
    ----------
    objective
        $J(\theta)$, undiscounted.
    gradient
        (D,), $\nabla_\theta J$ by differentiating through dynamic programming.
    """

    objective: float
    gradient: Float[Tensor, " D"]


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


def exact_rows(
    environment: Environment, variants: Mapping[str, Variant], seeds: Sequence[int], limit: int
) -> pd.DataFrame:
    r"""Compute every variant's exact bias and variance on a random policy per seed.

    Parameters
    ----------
    environment
        One with tables, such as `pg/Chain-v0` or gymnasium's `FrozenLake-v1`, with a short horizon.
    variants
        Estimators by the name that the rows carry.
    seeds
        Each owns one random policy, the same for all variants whose policies have the same network.
    limit
        Largest number of batches that is enumerated for one variant.

    Returns
    -------
    DataFrame
        A row per seed and variant: seed, variant, batch, batches_enumerated, objective, gradient_norm, relative_bias
        $\lVert \mathbb{E}[\hat g] - \nabla J \rVert / \lVert \nabla J \rVert$, total_variance, and shrinkage
        $\langle \mathbb{E}[\hat g], \nabla J \rangle / \lVert \nabla J \rVert^2 - 1$.

    Raises
    ------
    NoTables
        If the environment's transition probabilities are not known.
    EnumerationTooLarge
        If there are more batches than the limit.
    """
    mdp = tabular_mdp(environment.id, environment.kwargs, horizon_of(environment))
    if mdp is None:
        raise NoTables(f"{environment.id} has no transition tables, so nothing can be enumerated")
    enumeration = enumerate_trajectories(mdp, limit)
    rows: list[dict[str, int | float | str]] = []
    for seed in seeds:
        for name, variant in variants.items():
            policy = random_policy(variant.policy, mdp, seed)
            true = truth(mdp, policy)
            found = moments(enumeration, policy, variant, limit)
            rows.append({"seed": seed, "variant": name, "batch": variant.batch, **_measures(true, found)})
    return pd.DataFrame(rows)


def random_policy(options: PolicyOptions, mdp: MDP, seed: int) -> Policy:
    """Draw a float64 policy from its seed, moved away from the uniform one that training starts from."""
    generator = torch_generator(seed, "exact", "policy")
    policy = make_policy(options, Spaces(mdp.states, mdp.actions), generator, dtype=torch.float64)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += _PERTURBATION * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return policy


def action_probabilities(policy: StackedPolicy, mdp: MDP) -> Float[Tensor, "1 S A"]:
    r"""Lay $\pi_\theta(a \mid s)$ out as a table, differentiably.

    Parameters
    ----------
    policy
        A stack of one policy in float64.
    mdp
        Whose states the policy sees as one-hot vectors.
    """
    observations = torch.eye(mdp.states, dtype=torch.float64).repeat_interleave(mdp.actions, dim=0)
    actions = torch.arange(mdp.actions).repeat(mdp.states)
    return policy.log_prob(observations.unsqueeze(0), actions.unsqueeze(0)).exp().reshape(1, mdp.states, mdp.actions)


def truth(mdp: MDP, policy: Policy, discount: float = 1.0) -> Truth:
    r"""Compute $J$ and $\nabla_\theta J$ by dynamic programming.

    Parameters
    ----------
    mdp
        Its tables.
    policy
        In float64.
    discount
        $\gamma$ of the objective; the target of every bias in the study is the undiscounted one.
    """
    # A stack of one, for the parameters to stand in the same order as in the estimates.
    copy = repeat(policy, 1)
    value = objective(mdp, action_probabilities(copy, mdp), discount)
    return Truth(value.item(), flatten(torch.autograd.grad(value, copy.parameters_list())).squeeze(0))


def moments(enumeration: Enumeration, policy: Policy, variant: Variant, limit: int) -> Moments:
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
        gradients = batch_gradients(policy, variant, batches(enumeration, chunk))
        mean += weights @ gradients
        square += (weights @ gradients.square().sum(-1)).item()
    return Moments(mean, square - mean.square().sum().item(), len(members))


def _measures(true: Truth, found: Moments) -> dict[str, int | float]:
    squared_norm = true.gradient.square().sum()
    return {
        "batches_enumerated": found.batches,
        "objective": true.objective,
        "gradient_norm": squared_norm.sqrt().item(),
        "relative_bias": ((found.mean - true.gradient).norm() / squared_norm.sqrt()).item(),
        "total_variance": found.total_variance,
        "shrinkage": (found.mean @ true.gradient / squared_norm).item() - 1,
    }
