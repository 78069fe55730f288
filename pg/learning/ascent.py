"""A policy on its way up the surrogate of one batch: the gradient where it stands, how far it has gone, and the log."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from pg.core.trajectories import Trajectories, laid_out
from pg.learning.minibatches import Batch
from pg.learning.policies import Policy
from pg.parts import estimator as compose
from pg.parts.importance import NonFiniteWeights, effective_share
from pg.parts.networks import as_vector
from pg.parts.variant import Variant


@dataclass(frozen=True, slots=True)
class UpdateLog:
    r"""What one update was and did; θ before it, θ' after it, means over the batch's valid steps.

    Attributes
    ----------
    surrogate
        $\tilde J(\theta)$, whose gradient the first step followed.
    gradient_norm
        Euclidean norm of that gradient.
    entropy
        Mean entropy of π_θ(·|s).
    kl_new_old, kl_old_new
        Mean KL(π_θ'‖π_θ), the direction of the lecture's constraint, and KL(π_θ‖π_θ').
    gradient_steps
        Steps that were taken and kept; a part of one where it was shortened.
    effective_share
        Effective sample size of the importance weights at θ' over that of equal ones; NaN where one is not finite.
    largest_weight
        The largest importance weight at θ'; infinite where one is not finite.
    penalty
        Factor of the KL penalty during the update; 0 where there is none.
    """

    surrogate: float
    gradient_norm: float
    entropy: float
    kl_new_old: float
    kl_old_new: float
    gradient_steps: float
    effective_share: float
    largest_weight: float
    penalty: float


FAILED = UpdateLog(**dict.fromkeys((field.name for field in fields(UpdateLog)), math.nan))
"""Of an update whose weights were not finite: nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Ascent:
    """A policy on its way from θ to θ', and what can be said of it where it stands.

    Attributes
    ----------
    policy
        Moves.
    variant
        Its estimator and its limit.
    batch
        The whole batch.
    start
        π_θ(·|s) in the batch's states.
    state_ratios
        Looks up the exact state ratios of trajectories at the policy's present parameters.
    penalty
        Factor of the KL penalty; 0 where there is none.
    """

    policy: Policy
    variant: Variant
    batch: Batch
    start: Distribution
    state_ratios: Callable[[Trajectories], Tensor] | None
    penalty: float

    def log_probs(self, part: Batch) -> Float[Tensor, "1 N T"]:
        """Return log π(a_t|s_t), zero behind the end."""
        return laid_out(self.policy.log_prob(part.states, part.actions), part.trajectories.mask)

    def differentiate(self, part: Batch, log_probs: Float[Tensor, "1 N T"]) -> tuple[Tensor, Sequence[Tensor]]:
        """Differentiate the surrogate on a part of the batch, less the penalty, and show the optimizer the gradient.

        Parameters
        ----------
        part
            Of the batch.
        log_probs
            Of the part, a function of the policy's parameters.

        Returns
        -------
        tuple
            The surrogate without the penalty, and the gradient, a tensor per parameter.
        """
        ratios = log_probs.detach() - part.behaviour
        weights = compose.weights(self.variant, part.trajectories, part.fixed, ratios, self._looked_up(part))
        surrogate = compose.surrogate(log_probs, weights, part.trajectories).squeeze(0)
        objective = surrogate - self.penalty * self.divergence() if self.penalty else surrogate
        parameters = list(self.policy.parameters())
        gradient = torch.autograd.grad(objective, parameters)
        for parameter, slope in zip(parameters, gradient, strict=True):
            parameter.grad = slope
        return surrogate.detach(), gradient

    def divergence(self) -> Tensor:
        """Return the mean KL divergence from where the policy began, in the direction that the variant limits."""
        return self._divergence_of(self.policy.distribution(self.batch.states))

    @torch.no_grad()
    def is_within(self, limit: float) -> bool:
        """Tell whether the divergence is at most the limit."""
        return self.divergence().item() <= limit

    @torch.no_grad()
    def is_better_within(self, limit: float) -> bool:
        """Tell whether the divergence is at most the limit and the surrogate with ratios per step above that at θ."""
        now, batch = self.policy.distribution(self.batch.states), self.batch
        ratios = laid_out(now.log_prob(batch.actions), batch.trajectories.mask) - batch.behaviour
        gain = (ratios.expm1() * compose.weights(self.variant, batch.trajectories, batch.fixed)).sum()
        return gain.item() > 0 and self._divergence_of(now).item() <= limit

    @torch.no_grad()
    def log(self, surrogate: Tensor, gradient: Sequence[Tensor], kept: float) -> UpdateLog:
        """Describe the update that has brought the policy where it stands; surrogate and gradient are those at θ."""
        now = self.policy.distribution(self.batch.states)
        share, largest = self._weights(now)
        return UpdateLog(
            surrogate=surrogate.item(),
            gradient_norm=as_vector(gradient).norm().item(),
            entropy=self.start.entropy().mean().item(),
            kl_new_old=kl_divergence(now, self.start).mean().item(),
            kl_old_new=kl_divergence(self.start, now).mean().item(),
            gradient_steps=kept,
            effective_share=share,
            largest_weight=largest,
            penalty=self.penalty,
        )

    def _weights(self, now: Distribution) -> tuple[float, float]:
        """Return the effective share and the largest of the batch's importance weights."""
        if self.variant.importance == "none":
            return 1.0, 1.0
        trajectories = self.batch.trajectories
        ratios = laid_out(now.log_prob(self.batch.actions), trajectories.mask) - self.batch.behaviour
        try:
            weights = compose.importance_weights(self.variant, trajectories, ratios, self._looked_up(self.batch))
        except NonFiniteWeights:
            # No step follows that would use them: they say how far the policy has gone, and that is all.
            return math.nan, math.inf
        return effective_share(weights, compose.live(trajectories, weights)).item(), weights.max().item()

    def _looked_up(self, part: Batch) -> Tensor | None:
        return None if self.state_ratios is None else self.state_ratios(part.trajectories)

    def _divergence_of(self, now: Distribution) -> Tensor:
        reverse = self.variant.kl is not None and self.variant.kl.direction == "old_new"
        return (kl_divergence(self.start, now) if reverse else kl_divergence(now, self.start)).mean()
