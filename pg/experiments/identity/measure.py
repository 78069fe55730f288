"""Compute explicit forms of the policy gradient, and the distance of the surrogate's gradient from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pg.core.record import Record
from pg.core.trajectories import Trajectories, on_valid_steps, valid_steps
from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.environments.mdp import MDP
from pg.experiments.identity.metrics import METRICS, relative_difference
from pg.experiments.metric import values
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, in_float64, random_policy, sample
from pg.laboratory.job import MeasurementJob
from pg.learning.advantages import advantages
from pg.learning.policies import Parameters, Policy
from pg.parts import estimator as compose
from pg.parts.critic import Critic
from pg.parts.variant import Variant


@dataclass(frozen=True)
class Forms:
    """The surrogate's gradient on one batch of a policy, and explicit forms of it.

    Attributes
    ----------
    policy
        In float64.
    variant
        The estimator.
    trajectories
        The batch, S = 1, in float64.
    mdp
        The environment's tables, if they are known.
    critic
        The value network, if the variant has one.
    """

    policy: Policy
    variant: Variant
    trajectories: Trajectories
    mdp: MDP | None = None
    critic: Critic | None = None

    @cached_property
    def weights(self) -> Float[Tensor, "S N T"]:
        """The advantages."""
        return advantages(self.policy, self.variant, self.trajectories, self.mdp, self.critic)

    @cached_property
    def surrogate(self) -> Float[Tensor, " D"]:
        """The surrogate's gradient."""
        return self.of_surrogate(self.weights)

    @cached_property
    def explicit(self) -> tuple[Float[Tensor, " D"], int]:
        """The explicit sum, and the backward passes that it takes."""
        return explicit_gradient(self.policy, self.variant, self.trajectories, self.mdp, self.critic)

    def imitation_difference(self, weights: Float[Tensor, "S N T"]) -> float:
        """Return the distance of the surrogate's gradient from that of imitation, both with the same weights.

        Imitation has no gradient for a Gaussian policy's standard deviations, so only the mean's parameters are
        compared.
        """
        of_mean = slice(len(self.policy.network))
        imitation = -_gradient(imitation_loss(self.policy, self.trajectories, weights), self.policy)
        return relative_difference(self.of_surrogate(weights)[of_mean], imitation[of_mean])

    def of_surrogate(self, weights: Float[Tensor, "S N T"]) -> Float[Tensor, " D"]:
        """Return the gradient of the surrogate with some weights."""
        log_probs = on_valid_steps(self.policy.log_prob, self.trajectories)
        return _gradient(compose.surrogate(log_probs, weights, self.trajectories), self.policy)


def compare_forms(job: MeasurementJob[Record], policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Compare the surrogate's gradient with its explicit forms, on one batch of a random policy per seed.

    Variants with the same network and the same N get the same batch. There is a row per seed and variant, with
    `METRICS`.
    """
    del policies  # Policies are random here.
    sizes = {variant.batch for variant in job.variants.values()}
    copies = {size: make_environments(job.environment, size) for size in sizes}
    mdp, rows = mdp_of(job.environment), []
    for seed in job.seeds:
        for name, variant in job.variants.items():
            environments = copies[variant.batch]
            policy = random_policy(variant.policy, environments.spaces, seed)
            collected = sample(environments, policy, generators_of(seed, job.stage, "forms"), job.environment.rewards)
            critic = fitted_critics(job.environment, policy, {name: variant}, seed, job.stage)[name]
            forms = Forms(policy, variant, in_float64(collected), mdp, critic)
            rows.append({"seed": seed, "variant": name, "batch": variant.batch, **values(METRICS, forms)})
    return pd.DataFrame(rows)


def explicit_gradient(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> tuple[Float[Tensor, " D"], int]:
    r"""Sum $\frac{1}{N} \sum_i \sum_t \nabla_\theta \log \pi_\theta(a_{i,t} \mid s_{i,t}) \hat A_{i,t}$ term by term.

    Returns
    -------
    Tensor
        (D,), in the order of θ.
    int
        Backward passes taken: one per step, N·T where every trajectory lasts to the horizon.

    Notes
    -----
    The lecture's section "How to implement" calls this sum inefficient.
    """
    weights = advantages(policy, variant, trajectories, mdp, critic)[trajectories.mask]
    states, actions = valid_steps(trajectories)
    total, passes = torch.zeros_like(policy.theta), 0
    for state, action, weight in zip(states.split(1), actions.split(1), weights, strict=True):
        score = _gradient(policy.log_prob(state, action), policy)
        total += score * weight
        passes += 1
    return total / trajectories.mask.shape[1], passes


def imitation_loss(policy: Policy, trajectories: Trajectories, weights: Float[Tensor, "S N T"]) -> Float[Tensor, ""]:
    r"""Return the loss of weighted imitation, $\frac{1}{N} \sum_i \sum_t w_{i,t} \ell(a_{i,t}, s_{i,t})$.

    The loss $\ell$ is the cross-entropy between the action and the policy for discrete actions, and the squared error
    $\lVert a - \mu_\theta(s) \rVert^2 / 2 \sigma^2$ for real ones (divided by each component's own variance).

    Parameters
    ----------
    policy, trajectories
        The imitator and the demonstrations, S = 1.
    weights
        Constants: advantages, or ones for behaviour cloning.

    Notes
    -----
    The lecture's sections "What does the gradient mean" (imitation gradient, weighted by reward) and "How to implement"
    (cross-entropy for discrete, squared error for Gaussian policies).
    """
    states, actions = valid_steps(trajectories)
    if policy.shape.is_discrete:
        losses = policy.cross_entropies(states, actions)
    else:
        distribution = policy.distribution(states)
        errors = functional.mse_loss(distribution.mean, actions, reduction="none")
        losses = (errors / (2 * distribution.variance)).sum(-1)
    return weights[trajectories.mask] @ losses / trajectories.mask.shape[1]


def _gradient(value: Tensor, policy: Policy) -> Float[Tensor, " D"]:
    return torch.autograd.grad(value, policy.theta)[0]
