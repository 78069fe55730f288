"""Compute explicit forms of the policy gradient, and the distance of the surrogate's gradient from them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Categorical
from torch.nn import functional

from pg.core.trajectories import Trajectories, on_valid_steps, valid_steps
from pg.environments.catalogue import mdp_of
from pg.environments.mdp import MDP
from pg.environments.stacked import make_environments
from pg.experiments.identity.job import IdentityJob
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, in_float64, random_policy, sample
from pg.learning.advantages import advantages
from pg.learning.policies import Policy
from pg.parts import estimator as compose
from pg.parts.critic import Critic
from pg.parts.networks import as_vector
from pg.parts.variant import Variant


def compare_forms(job: IdentityJob) -> pd.DataFrame:
    """Compare the surrogate's gradient with its explicit forms, on a random policy and a batch of each seed.

    Parameters
    ----------
    job
        The environment and the estimators. Variants with the same network and the same N get the same batch.

    Returns
    -------
    DataFrame
        A row per seed and variant: seed, variant, batch, and what `differences` measures.
    """
    sizes = {variant.batch for variant in job.variants.values()}
    copies = {size: make_environments(job.environment, 1, size) for size in sizes}
    mdp = mdp_of(job.environment)
    rows: list[dict[str, int | float | str]] = []
    for seed in job.seeds:
        for name, variant in job.variants.items():
            environments = copies[variant.batch]
            policy = random_policy(variant.policy, environments.spaces, seed)
            collected = sample(environments, policy, generators_of(seed, job.stage, "forms"), job.environment.rewards)
            batch = in_float64(collected)
            critic = fitted_critics(job.environment, policy, {name: variant}, seed, job.stage)[name]
            measured = differences(policy, variant, batch, mdp, critic)
            rows.append({"seed": seed, "variant": name, "batch": variant.batch, **measured})
    return pd.DataFrame(rows)


def differences(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> dict[str, int | float]:
    r"""Return the distance of the surrogate's gradient from each explicit form of it.

    explicit_difference is $\lVert \nabla \tilde J - g \rVert / \lVert g \rVert$ with $g$ the explicit sum, and
    backward_passes the number of backward passes for $g$. imitation_difference is the same with $g$ the gradient of
    weighted imitation. In cloning_difference every weight is 1 on both sides, which is behaviour cloning. Both
    imitations have no gradient for a Gaussian policy's standard deviations, so only the mean's parameters are compared.

    Parameters
    ----------
    policy
        In float64.
    variant
        The estimator.
    trajectories
        The batch, S = 1, in float64.
    mdp
        The environment's tables, where they are known.
    critic
        The value network, where the variant has one.
    """
    weights = advantages(policy, variant, trajectories, mdp, critic)
    surrogate = _surrogate_gradient(policy, trajectories, weights, list(policy.parameters()))
    explicit, passes = explicit_gradient(policy, variant, trajectories, mdp, critic)
    return {
        "explicit_difference": relative_difference(surrogate, explicit),
        "backward_passes": passes,
        "imitation_difference": _imitation_difference(policy, trajectories, weights),
        "cloning_difference": _imitation_difference(policy, trajectories, torch.ones_like(weights)),
    }


def explicit_gradient(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> tuple[Float[Tensor, " D"], int]:
    r"""Sum $\frac{1}{N} \sum_i \sum_t \nabla_\theta \log \pi_\theta(a_{i,t} \mid s_{i,t}) \hat A_{i,t}$ term by term.

    Parameters
    ----------
    policy
        Which collected the trajectories.
    variant
        The estimator, which gives the advantages.
    trajectories
        The batch, S = 1.
    mdp
        The environment's tables, where they are known.
    critic
        The value network, where the variant has one.

    Returns
    -------
    Tensor
        (D,), in the order of the policy's parameters.
    int
        Backward passes taken: one per step, N·T where every trajectory lasts to the horizon.

    Notes
    -----
    The lecture's section "How to implement", which calls it inefficient.
    """
    weights = advantages(policy, variant, trajectories, mdp, critic)[trajectories.mask]
    states, actions = valid_steps(trajectories)
    parameters = list(policy.parameters())
    total, passes = torch.zeros_like(as_vector(parameters)), 0
    for state, action, weight in zip(states.split(1), actions.split(1), weights, strict=True):
        score = _gradient(policy.log_prob(state, action), parameters)
        total += score * weight
        passes += 1
    return total / trajectories.mask.shape[1], passes


def imitation_loss(policy: Policy, trajectories: Trajectories, weights: Float[Tensor, "S N T"]) -> Float[Tensor, ""]:
    r"""Weight the losses of imitation, $\frac{1}{N} \sum_i \sum_t w_{i,t} \ell(a_{i,t}, s_{i,t})$; to be minimised.

    The loss $\ell$ is the cross-entropy between the action and the policy for discrete actions, and the squared error
    $\lVert a - \mu_\theta(s) \rVert^2 / 2 \sigma^2$ for real ones (divided by each component's own variance).

    Parameters
    ----------
    policy
        The imitator.
    trajectories
        The demonstrations, S = 1.
    weights
        (S, N, T), constants: advantages, or ones for behaviour cloning.

    Notes
    -----
    The lecture's sections "What does the gradient mean" (imitation gradient, weighted by reward) and "How to implement"
    (cross-entropy for discrete, squared error for Gaussian policies).
    """
    states, actions = valid_steps(trajectories)
    distribution = policy.distribution(states)
    if isinstance(distribution, Categorical):
        losses = functional.cross_entropy(distribution.logits, actions, reduction="none")
    else:
        errors = functional.mse_loss(distribution.mean, actions, reduction="none")
        losses = (errors / (2 * distribution.variance)).sum(-1)
    return weights[trajectories.mask] @ losses / trajectories.mask.shape[1]


def relative_difference(found: Float[Tensor, " D"], form: Float[Tensor, " D"]) -> float:
    r"""Return $\lVert \hat g - g \rVert / \lVert g \rVert$: 0 if both are zero, NaN if only g is."""
    distance, size = (found - form).norm().item(), form.norm().item()
    if size > 0:
        return distance / size
    return 0.0 if distance == 0 else float("nan")


def _imitation_difference(policy: Policy, trajectories: Trajectories, weights: Float[Tensor, "S N T"]) -> float:
    # All parameters of a categorical policy, all but the standard deviations of a Gaussian one.
    parameters = list(policy.layers.parameters())
    imitation = -_gradient(imitation_loss(policy, trajectories, weights), parameters)
    return relative_difference(_surrogate_gradient(policy, trajectories, weights, parameters), imitation)


def _surrogate_gradient(
    policy: Policy, trajectories: Trajectories, weights: Float[Tensor, "S N T"], parameters: Sequence[Tensor]
) -> Float[Tensor, " D"]:
    log_probs = on_valid_steps(policy.log_prob, trajectories)
    return _gradient(compose.surrogate(log_probs, weights, trajectories), parameters)


def _gradient(value: Tensor, parameters: Sequence[Tensor]) -> Float[Tensor, " D"]:
    return as_vector(torch.autograd.grad(value, parameters))
