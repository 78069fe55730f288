"""Improve a policy by gradient steps on its batch, and measure what they did."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from pg.environments.mdp import MDP
from pg.estimators import compose
from pg.estimators.compose import Fixed, StateValues
from pg.estimators.importance import NonFiniteWeights, effective_share
from pg.learning.constraints import (
    Penalty,
    natural_direction,
    parameters_of,
    search_back,
    shorten,
    stop_early,
)
from pg.learning.critic import Critic
from pg.learning.networks import as_vector
from pg.learning.policies import Policy, detached
from pg.learning.scores import score_products
from pg.learning.tabular import state_distributions_of, state_ratios, state_values
from pg.study.model import KL, Optimizer, Variant
from pg.trajectories import Trajectories, laid_out, valid_steps


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
class Batch:
    """A batch, or a part of one, with what stays fixed at the behaviour policy θ while steps are taken on it.

    Attributes
    ----------
    trajectories
        S = 1.
    states, actions
        Of the n valid steps.
    behaviour
        (1, N, T), log π_θ(a_t|s_t), zero behind the end.
    fixed
        Returns, baseline and normalisation.
    members
        Which trajectories of the whole batch these are.
    """

    trajectories: Trajectories
    states: Float[Tensor, "n O"]
    actions: Shaped[Tensor, " n *A"]
    behaviour: Float[Tensor, "1 N T"]
    fixed: Fixed
    members: Tensor | slice

    def part(self, members: Tensor) -> Batch:
        """Return some of its trajectories, whose baseline and normalisation stay those of the whole batch."""
        trajectories = self.trajectories.changed(lambda values: values[:, members])
        baseline = self.fixed.baseline.expand(-1, self.behaviour.shape[1], -1)
        return Batch(
            trajectories,
            *valid_steps(trajectories),
            self.behaviour[:, members],
            Fixed(self.fixed.returns[:, members], baseline[:, members], self.fixed.scale),
            members,
        )


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
    shuffling: np.random.Generator | None = None,
    penalty: Penalty | None = None,
    critic: Critic | None = None,
) -> UpdateLog:
    r"""Take the variant's steps $\theta' \leftarrow \theta' + \alpha \nabla_{\theta'} \tilde J(\theta')$ on one batch.

    Lecture, "Full algorithm" and "Off-policy policy gradient": K passes over the batch, M steps in each, within the
    variant's limit on the KL divergence.

    Parameters
    ----------
    policy
        π_θ, which collected the trajectories; it is π_θ' afterwards.
    optimizer
        Turns a gradient into a step. What it has learned from a step that is then undone or shortened, it keeps.
    variant
        The estimator, and how long it may use a batch.
    trajectories
        The batch, S = 1.
    mdp
        The environment's tables, where they are known.
    shuffling
        Cuts the batch into minibatches; needed where the variant has any.
    penalty
        The KL penalty's factor, which is adapted; needed where the variant is held by one.
    critic
        The value network, as fitted on earlier batches; needed where the variant has one. It stays as it is.

    Raises
    ------
    NonFiniteWeights
        If an importance weight is not finite where a step is to be taken. The policy is left there.
    ValueError
        If something is missing that the variant needs.
    """
    states, actions = valid_steps(trajectories)
    before = policy.distribution(states)
    log_probs = laid_out(before.log_prob(actions), trajectories.mask)
    held = fixed(policy, variant, trajectories, mdp, critic)
    batch = Batch(trajectories, states, actions, log_probs.detach(), held, members=slice(None))
    ratios = _state_ratios(policy, variant, mdp)
    ascent = _Ascent(policy, variant, batch, detached(before), ratios, _penalty_factor(variant, penalty))
    parts = _parts(batch, variant, shuffling)
    first = next(parts)
    # The log-likelihoods at θ are known, and taking them as they are makes every ratio there 1 exactly.
    surrogate, gradient = ascent.differentiate(first, log_probs[:, first.members])
    kept = _climb(ascent, gradient, _steps(ascent, optimizer, parts))
    log = ascent.log(surrogate, gradient, kept)
    if (kl := _penalising(variant)) is not None and penalty is not None:
        penalty.adapt(log.kl_old_new if kl.direction == "old_new" else log.kl_new_old, kl.limit)
    return log


def advantages(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> Tensor:
    """Return what weights each log-likelihood at the policy that collected the trajectories, (S, N, T)."""
    return compose.weights(variant, trajectories, fixed(policy, variant, trajectories, mdp, critic))


def fixed(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> Fixed:
    """Return what stays fixed at the policy's present parameters.

    Raises
    ------
    ValueError
        If the variant needs the environment's tables or a value network and there is none.
    """
    products, values = None, None
    if compose.needs_score_products(variant):
        products = score_products(
            policy, trajectories, compose.returns(variant, trajectories), compose.state_weights(variant, trajectories)
        )
    if compose.needs_state_values(variant):
        values = _state_values(policy, variant, trajectories, mdp, critic)
    return compose.fixed(variant, trajectories, products, values)


def _state_values(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None, critic: Critic | None
) -> StateValues:
    """Return the values that a variant subtracts, from the tables or from the network: either is a function of s, t."""
    if variant.baseline == "value_network":
        if critic is None:
            raise ValueError("baseline: value_network needs a network that has been fitted")
        return critic.values(trajectories)
    if mdp is None:
        raise ValueError("baseline: exact needs the environment's tables")
    along = state_values(policy, mdp, trajectories, variant.discount)
    return StateValues(along, rest=along.new_zeros(along.shape[:2]))


@dataclass(frozen=True, slots=True)
class _Ascent:
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


def _parts(batch: Batch, variant: Variant, shuffling: np.random.Generator | None) -> Iterator[Batch]:
    """Yield what each step of an update is taken on: the batch K times, or M parts of it in each of K passes."""
    for _ in range(variant.gradient_steps):
        if variant.minibatches == 1:
            yield batch
            continue
        if shuffling is None:
            raise ValueError("minibatches are cut at random: a generator is needed")
        order = torch.from_numpy(shuffling.permutation(batch.behaviour.shape[1]))
        yield from (batch.part(members) for members in order.chunk(variant.minibatches))


def _steps(ascent: _Ascent, optimizer: torch.optim.Optimizer, parts: Iterator[Batch]) -> Iterator[None]:
    """Take a step each time the next one is asked for: the first along the gradient that the optimizer sees already."""
    optimizer.step()
    yield
    for part in parts:
        ascent.differentiate(part, ascent.log_probs(part))
        optimizer.step()
        yield


def _climb(ascent: _Ascent, gradient: Sequence[Tensor], steps: Iterator[None]) -> float:
    """Take the steps that the limit allows; return how many were kept."""
    kl = ascent.variant.kl
    if kl is None or kl.hold_by == "penalty":
        return float(sum(1 for _ in steps))
    within = partial(ascent.is_within, kl.limit)
    match kl.hold_by:
        case "early_stop":
            return stop_early(ascent.policy, steps, within)
        case "line_search":
            return shorten(ascent.policy, steps, within)
        case "natural_gradient":
            direction = natural_direction(ascent.policy, gradient, ascent.divergence, kl.limit)
            here = parameters_of(ascent.policy)
            return search_back(ascent.policy, here, direction, partial(ascent.is_better_within, kl.limit))


def _penalising(variant: Variant) -> KL | None:
    return variant.kl if variant.kl is not None and variant.kl.hold_by == "penalty" else None


def _penalty_factor(variant: Variant, penalty: Penalty | None) -> float:
    if _penalising(variant) is None:
        return 0.0
    if penalty is None:
        raise ValueError("kl.hold_by: penalty needs the factor that earlier updates have left")
    return penalty.factor


def _state_ratios(policy: Policy, variant: Variant, mdp: MDP | None) -> Callable[[Trajectories], Tensor] | None:
    if variant.importance != "exact_state":
        return None
    if mdp is None:
        raise ValueError("importance: exact_state needs the environment's tables")
    return partial(state_ratios, policy, mdp, state_distributions_of(policy, mdp))
