"""Improve a policy by gradient steps on its batch, and measure what they did."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from pg.environments.tabular import MDP
from pg.estimators import compose
from pg.estimators.compose import Fixed
from pg.estimators.importance import effective_share
from pg.learning.constraints import Penalty, natural_direction, parameters_of, restore, search_back
from pg.learning.policies import Policy, detached
from pg.learning.scores import score_products
from pg.learning.tabular import state_distributions_of, state_ratios, state_values
from pg.study.model import Optimizer, Variant
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
        Effective sample size of the importance weights at θ' over that of equal ones.
    largest_weight
        The largest importance weight at θ'.
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


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch with what stays fixed at the behaviour policy θ while steps are taken on it.

    Attributes
    ----------
    trajectories
        S = 1.
    behaviour
        (1, N, T), log π_θ(a_t|s_t), zero behind the end.
    fixed
        Returns, baseline and normalisation.
    """

    trajectories: Trajectories
    behaviour: Float[Tensor, "1 N T"]
    fixed: Fixed

    def part(self, members: Tensor) -> Batch:
        """Return some of its trajectories, whose baseline stays that of the whole batch."""
        baseline, scale = self.fixed.baseline, self.fixed.scale
        return Batch(
            self.trajectories.changed(lambda values: values[:, members]),
            self.behaviour[:, members],
            Fixed(self.fixed.returns[:, members], baseline[:, members] if baseline.shape[1] > 1 else baseline, scale),
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
) -> UpdateLog:
    r"""Take the variant's steps $\theta' \leftarrow \theta' + \alpha \nabla_{\theta'} \tilde J(\theta')$ on one batch.

    Lecture, "Full algorithm" and "Off-policy policy gradient": K passes over the batch, M steps in each, within the
    variant's limit on the KL divergence.

    Parameters
    ----------
    policy
        π_θ, which collected the trajectories; it is π_θ' afterwards.
    optimizer
        Turns a gradient into a step.
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

    Raises
    ------
    NonFiniteWeights
        If an importance weight is not finite.
    ValueError
        If something is missing that the variant needs.
    """
    states, actions = valid_steps(trajectories)
    before = policy.distribution(states)
    log_probs = laid_out(before.log_prob(actions), trajectories.mask)
    batch = Batch(trajectories, log_probs.detach(), fixed(policy, variant, trajectories, mdp))
    frozen = detached(before)
    factor = penalty.factor if variant.kl is not None and variant.kl.hold_by == "penalty" and penalty else 0.0
    climb = _Climb(policy, optimizer, variant, batch, frozen, mdp, factor)
    steps = climb.naturally(log_probs) if _is_natural(variant) else climb.step_by_step(log_probs, shuffling)
    with torch.no_grad():
        after = policy.distribution(states)
        new_old = kl_divergence(after, frozen).mean().item()
        old_new = kl_divergence(frozen, after).mean().item()
        weights = climb.importance_weights(laid_out(after.log_prob(actions), trajectories.mask))
        if penalty is not None and variant.kl is not None and factor:
            penalty.adapt(new_old if variant.kl.direction == "new_old" else old_new, variant.kl.limit)
        return UpdateLog(
            surrogate=climb.first_surrogate,
            gradient_norm=climb.first_gradient_norm,
            entropy=frozen.entropy().mean().item(),
            kl_new_old=new_old,
            kl_old_new=old_new,
            gradient_steps=steps,
            effective_share=effective_share(weights, compose.live(trajectories, weights)).item(),
            largest_weight=weights.max().item(),
            penalty=factor,
        )


def advantages(policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None) -> Tensor:
    """Return what weights each log-likelihood at the policy that collected the trajectories, (S, N, T)."""
    return compose.weights(variant, trajectories, fixed(policy, variant, trajectories, mdp))


def fixed(policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None) -> Fixed:
    """Return what stays fixed at the policy's present parameters.

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
    return compose.fixed(variant, trajectories, products, values)


class _Climb:
    """The steps of one update: a policy on its way from θ to θ', and what it may look at."""

    def __init__(
        self,
        policy: Policy,
        optimizer: torch.optim.Optimizer,
        variant: Variant,
        batch: Batch,
        frozen: Distribution,
        mdp: MDP | None,
        penalty: float,
    ) -> None:
        self._policy = policy
        self._optimizer = optimizer
        self._variant = variant
        self._batch = batch
        self._frozen = frozen
        self._mdp = mdp
        self._behaviour_states = _state_distributions(policy, variant, mdp)
        self._penalty = penalty
        self.first_surrogate = math.nan
        self.first_gradient_norm = math.nan

    def step_by_step(self, log_probs: Float[Tensor, "1 N T"], shuffling: np.random.Generator | None) -> float:
        """Take the optimizer's steps within the limit; return how many were kept."""
        start = parameters_of(self._policy)
        taken = 0
        for part in self._parts(shuffling):
            before = parameters_of(self._policy) if self._stops_early else start
            # Before the first step the policy stands where it collected the batch: its log-likelihoods are known.
            known = log_probs if taken == 0 and part is self._batch else None
            self._differentiate(part, known)
            self._optimizer.step()
            taken += 1
            if self._stops_early and not self._within_limit():
                restore(self._policy, before)
                return taken - 1
        if self._variant.kl is not None and self._variant.kl.hold_by == "line_search":
            direction = [end - begin for end, begin in zip(parameters_of(self._policy), start, strict=True)]
            return taken * search_back(self._policy, start, direction, self._within_limit)
        return taken

    def naturally(self, log_probs: Float[Tensor, "1 N T"]) -> float:
        """Take the step of the natural gradient that the limit allows; return the share of it that was kept."""
        assert self._variant.kl is not None
        self._differentiate(self._batch, log_probs)
        gradient = [_gradient_of(parameter) for parameter in self._policy.parameters()]
        start = parameters_of(self._policy)
        direction = natural_direction(self._policy, gradient, self._divergence, self._variant.kl.limit)
        return search_back(self._policy, start, direction, self._within_limit_and_better)

    def importance_weights(self, log_probs: Float[Tensor, "1 N T"]) -> Float[Tensor, "1 N #T"]:
        """Return the variant's weights of the whole batch where the policy stands."""
        trajectories = self._batch.trajectories
        ratios = log_probs - self._batch.behaviour
        return compose.importance_weights(self._variant, trajectories, ratios, self._state_ratios(trajectories))

    @property
    def _stops_early(self) -> bool:
        return self._variant.kl is not None and self._variant.kl.hold_by == "early_stop"

    def _parts(self, shuffling: np.random.Generator | None) -> Iterator[Batch]:
        variant = self._variant
        for _ in range(variant.gradient_steps):
            if variant.minibatches == 1:
                yield self._batch
                continue
            if shuffling is None:
                raise ValueError("minibatches are cut at random: a generator is needed")
            order = torch.from_numpy(shuffling.permutation(self._batch.behaviour.shape[1]))
            yield from (self._batch.part(members) for members in order.chunk(variant.minibatches))

    def _differentiate(self, part: Batch, log_probs: Float[Tensor, "1 N T"] | None) -> None:
        """Put the gradient of the surrogate on a part of the batch, less the penalty, where the optimizer looks."""
        if log_probs is None:
            log_probs = self._log_probs(part)
        # At θ itself every ratio is 1, exactly.
        ratios = log_probs.detach() - part.behaviour
        weights = compose.weights(
            self._variant, part.trajectories, part.fixed, ratios, self._state_ratios(part.trajectories)
        )
        surrogate = compose.surrogate(log_probs, weights, part.trajectories).squeeze(0)
        self._optimizer.zero_grad()
        (surrogate - self._penalty * self._divergence() if self._penalty else surrogate).backward()
        if math.isnan(self.first_surrogate):
            self.first_surrogate = surrogate.item()
            gradient = [_gradient_of(parameter).flatten() for parameter in self._policy.parameters()]
            self.first_gradient_norm = torch.cat(gradient).norm().item()

    def _log_probs(self, part: Batch) -> Float[Tensor, "1 N T"]:
        states, actions = valid_steps(part.trajectories)
        return laid_out(self._policy.log_prob(states, actions), part.trajectories.mask)

    def _state_ratios(self, trajectories: Trajectories) -> Float[Tensor, "1 N T"] | None:
        if self._variant.importance != "exact_state":
            return None
        if self._mdp is None or self._behaviour_states is None:
            raise ValueError("importance: exact_state needs the environment's tables")
        return state_ratios(self._policy, self._mdp, self._behaviour_states, trajectories)

    def _divergence(self) -> Tensor:
        """Return the mean KL divergence between the policy and itself at θ, in the variant's direction."""
        states, _ = valid_steps(self._batch.trajectories)
        now = self._policy.distribution(states)
        if self._variant.kl is not None and self._variant.kl.direction == "old_new":
            return kl_divergence(self._frozen, now).mean()
        return kl_divergence(now, self._frozen).mean()

    def _within_limit(self) -> bool:
        assert self._variant.kl is not None
        with torch.no_grad():
            return self._divergence().item() <= self._variant.kl.limit

    def _within_limit_and_better(self) -> bool:
        with torch.no_grad():
            ratios = (self._log_probs(self._batch) - self._batch.behaviour).exp()
            fixed = self._batch.fixed
            gain = ((ratios - 1) * fixed.advantages * self._batch.trajectories.mask).sum()
        return gain.item() > 0 and self._within_limit()


def _is_natural(variant: Variant) -> bool:
    return variant.kl is not None and variant.kl.hold_by == "natural_gradient"


def _gradient_of(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _state_distributions(policy: Policy, variant: Variant, mdp: MDP | None) -> Float[Tensor, "T S"] | None:
    if variant.importance != "exact_state" or mdp is None:
        return None
    return state_distributions_of(policy, mdp)
