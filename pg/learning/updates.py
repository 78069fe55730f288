"""Improve a policy by a gradient step on its batch, and measure what the step did."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.distributions import kl_divergence

from pg.environments.tabular import MDP
from pg.estimators import compose
from pg.learning.policies import Policy
from pg.learning.scores import score_products
from pg.learning.tabular import state_values
from pg.study.model import Optimizer, Variant
from pg.trajectories import Trajectories, laid_out, valid_steps


@dataclass(frozen=True, slots=True)
class UpdateLog:
    r"""What one update was and did; θ before it, θ' after it, means over the batch's valid steps.

    Attributes
    ----------
    surrogate
        $\tilde J(\theta)$, whose gradient was followed.
    gradient_norm
        Euclidean norm of the gradient.
    entropy
        Mean entropy of π_θ(·|s).
    kl_new_old, kl_old_new
        Mean KL(π_θ'‖π_θ), the direction of the lecture's constraint, and KL(π_θ‖π_θ').
    """

    surrogate: float
    gradient_norm: float
    entropy: float
    kl_new_old: float
    kl_old_new: float


def make_optimizer(options: Optimizer, policy: Policy, learning_rate: float) -> torch.optim.Optimizer:
    """Return torch's Adam or SGD over the policy's parameters."""
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    return kinds[options.name](policy.parameters(), lr=learning_rate, maximize=True, fused=True)


def update(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    variant: Variant,
    trajectories: Trajectories,
    mdp: MDP | None = None,
) -> UpdateLog:
    r"""Take the step $\theta \leftarrow \theta + \alpha \nabla_\theta \tilde J(\theta)$ (lecture, "Full algorithm").

    Parameters
    ----------
    policy
        π_θ, which collected the trajectories; it is π_θ' afterwards.
    optimizer
        Turns the gradient into a step.
    variant
        The estimator.
    trajectories
        The batch, S = 1.
    mdp
        The environment's tables, where they are known.
    """
    states, actions = valid_steps(trajectories)
    before = policy.distribution(states)
    log_probs = laid_out(before.log_prob(actions), trajectories.mask)
    objective = compose.surrogate(log_probs, advantages(policy, variant, trajectories, mdp), trajectories).squeeze(0)

    optimizer.zero_grad()
    objective.backward()
    gradient = torch.cat([p.grad.flatten() for p in policy.parameters() if p.grad is not None])
    optimizer.step()

    with torch.no_grad():
        after = policy.distribution(states)
        return UpdateLog(
            surrogate=objective.item(),
            gradient_norm=gradient.norm().item(),
            entropy=before.entropy().mean().item(),
            kl_new_old=kl_divergence(after, before).mean().item(),
            kl_old_new=kl_divergence(before, after).mean().item(),
        )


def advantages(policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None) -> torch.Tensor:
    """Return what weights each log-likelihood, (S, N, T), fixed at the policy's present parameters.

    Raises
    ------
    ValueError
        If the variant needs the environment's tables and none are given.
    """
    products, values = None, None
    if compose.needs_score_products(variant):
        products = score_products(
            policy, trajectories, compose.returns(variant, trajectories), compose.state_weights(variant, trajectories)
        )
    if compose.needs_state_values(variant):
        if mdp is None:
            raise ValueError("baseline: exact needs the environment's tables")
        values = state_values(policy, mdp, trajectories, variant.discount)
    return compose.advantages(variant, trajectories, products, values)
