r"""Improve a policy by gradient steps on one batch: $\theta' \leftarrow \theta' + \alpha \nabla \tilde J(\theta')$."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from pg.core.trajectories import Trajectories, laid_out, valid_steps
from pg.environments.mdp import MDP
from pg.learning.advantages import fixed
from pg.learning.policies import Policy, detached
from pg.learning.recent import Recent
from pg.learning.tabular import state_distributions_of, state_ratios
from pg.parts import estimator
from pg.parts.corrections.weights import effective_share, has_weight
from pg.parts.critic import Critic
from pg.parts.estimator import Fixed
from pg.parts.variant import Variant

_LOGGED_STATES = 512


class UpdateLog(NamedTuple):
    r"""Measurements of one update from θ to θ'; means are over the valid steps of the batch, or of all in a window.

    Attributes
    ----------
    surrogate, gradient_norm
        $\tilde J(\theta)$ and the Euclidean norm of its gradient, before it is clipped, at the first step.
    entropy
        Mean entropy of π_θ(·|s).
    kl_new_old, kl_old_new
        Mean KL(π_θ'‖π_θ), the direction of the lecture's constraint, and KL(π_θ‖π_θ'). Without a limit on it, the mean
        over at most 512 steps that are evenly spaced in the batch.
    gradient_steps
        Number of steps that were kept; fractional where a step was shortened.
    effective_share
        Effective sample size of the importance weights of the last step over that of equal weights. It is 1 without a
        correction, and after a single step on one batch, which is taken at θ.
    largest_weight
        Largest importance weight of the last step.
    penalty
        Factor of the KL penalty during the update; 0 without one.
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


FAILED = UpdateLog(**dict.fromkeys(UpdateLog._fields, math.nan))
"""Log of an update that was abandoned because an importance weight was not finite."""


def update(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    variant: Variant,
    trajectories: Trajectories,
    mdp: MDP | None = None,
    shuffling: np.random.Generator | None = None,
    limit_state: dict[str, float] | None = None,
    critic: Critic | None = None,
    recent: Recent | None = None,
) -> UpdateLog:
    r"""Take the variant's gradient steps on one batch: M minibatches in each of K passes, within its limit.

    The policy π_θ, which collected the batch, is changed in place to π_θ'. The moments of the optimizer include every
    step, also those that a limit undoes or shortens. `limit_state` holds what the limit keeps from one update to the
    next, and is changed in place. Depending on its parts, a variant needs the environment's tables, a generator that
    divides the batch into minibatches, and a critic that was fitted to earlier batches. With a window the steps are
    taken on all of its `recent` batches, the last of which is the batch.

    Raises
    ------
    NonFiniteWeights
        If an importance weight is not finite before a step. The policy keeps the steps taken so far.
    ValueError
        If something is missing that the variant needs.

    Notes
    -----
    The lecture's sections "Full algorithm" and "Off-policy policy gradient". The batch has S = 1.
    """
    ascent = Ascent(policy, optimizer, variant, trajectories, mdp, critic, recent)
    again = variant.normalise_advantages == "minibatch"
    minibatches = divided(ascent.batch, variant.gradient_steps, variant.minibatches, shuffling, normalised=again)
    if variant.kl is not None:
        return ascent.log(variant.kl.take_steps(ascent, minibatches, {} if limit_state is None else limit_state))
    taken = 0
    for minibatch in minibatches:
        ascent.step(minibatch)
        taken += 1
    return ascent.log(taken)


@dataclass(frozen=True, slots=True)
class Minibatch:
    """Some or all trajectories of a batch, S = 1, with the quantities that stay fixed at the behaviour policy θ.

    States and actions are those of the n valid steps. Baseline and normalisation are those of the whole batch, unless
    advantages are normalised again. `members` are the indices of these trajectories in the batch.
    """

    trajectories: Trajectories
    states: Float[Tensor, "n O"]
    actions: Shaped[Tensor, " n *A"]
    behaviour: Float[Tensor, "1 N T"]
    """What ratios divide by: log π_θ(a_t|s_t), or that of the window's policies; zero after the last step."""
    fixed: Fixed
    members: Tensor | slice

    def select(self, members: Tensor, *, normalised: bool = False) -> Minibatch:
        """Return some of the trajectories, with advantages that are normalised over their steps if asked."""
        trajectories = self.trajectories.map_tensors(lambda values: values[:, members])
        baseline = self.fixed.baseline.expand(-1, self.behaviour.shape[1], -1)
        constants = Fixed(self.fixed.returns[:, members], baseline[:, members], self.fixed.scale)
        if normalised:
            constants = estimator.normalised(constants.returns, constants.baseline, trajectories.mask)
        return Minibatch(trajectories, *valid_steps(trajectories), self.behaviour[:, members], constants, members)


def divided(
    batch: Minibatch,
    passes: int,
    count: int,
    shuffling: np.random.Generator | None = None,
    *,
    normalised: bool = False,
) -> Iterator[Minibatch]:
    """Yield the minibatches of each pass: the batch itself, or `count` random parts of equal size."""
    if count > 1 and shuffling is None:
        raise ValueError("minibatches are drawn at random and need a generator")
    for _ in range(passes):
        if shuffling is None or count == 1:
            yield batch
            continue
        order = torch.from_numpy(shuffling.permutation(batch.behaviour.shape[1])).to(batch.states.device)
        yield from (batch.select(members, normalised=normalised) for members in order.chunk(count))


class Ascent:
    """An update in progress: takes its steps, and measures how far the policy is from θ. Parameters as of `update`."""

    def __init__(
        self,
        policy: Policy,
        optimizer: torch.optim.Optimizer,
        variant: Variant,
        trajectories: Trajectories,
        mdp: MDP | None = None,
        critic: Critic | None = None,
        recent: Recent | None = None,
    ) -> None:
        self.theta = policy.theta
        self._policy, self._optimizer, self._variant, self._mdp = policy, optimizer, variant, mdp
        if recent is not None:
            trajectories = recent.trajectories
        states, actions = valid_steps(trajectories)
        start = policy.distribution(states)
        # log π_θ(a_t|s_t) as a function of θ, for the gradient of the first step.
        self._log_probs = laid_out(start.log_prob(actions), trajectories.mask)
        self._start = detached(start)
        behaviour, batches = self._log_probs.detach(), 1
        if variant.batches > 1 and recent is None:
            raise ValueError("a window needs the batches of earlier policies")
        if recent is not None and variant.window is not None:
            behaviour, batches = recent.behaviour(variant.window), recent.batches
        constants = fixed(policy, variant, trajectories, mdp, critic, batches)
        self.batch = Minibatch(trajectories, states, actions, behaviour, constants, slice(None))
        self._visits: Tensor | None = None
        if variant.importance.needs_state_ratios:
            if mdp is None:
                raise ValueError(f"importance: {variant.importance.name} needs the environment's tables")
            self._visits = state_distributions_of(policy, mdp)
        self._first: tuple[Tensor, Tensor, float] | None = None
        self._last: tuple[Minibatch, Tensor, Tensor | None] | None = None
        self._reached: Distribution | None = None

    def step(self, minibatch: Minibatch, penalty: float = 0.0) -> None:
        """Take one optimizer step on the surrogate of a minibatch, less the penalty times the KL divergence."""
        self.theta.grad = self._variant.optimizer.direction(self, minibatch, penalty)
        self._optimizer.step()
        self._reached = None

    def gradient(self, minibatch: Minibatch | None = None, penalty: float = 0.0) -> Float[Tensor, " D"]:
        """Return the gradient of the objective of `step`, by default on the whole batch, before it is clipped."""
        part = minibatch or self.batch
        if self._first is None:
            # Reusing the log-likelihoods at θ for the first gradient makes every ratio exactly 1.
            distribution, log_probs = None, self._log_probs[:, part.members]
        else:
            distribution = self._policy.distribution(part.states)
            log_probs = laid_out(distribution.log_prob(part.actions), part.trajectories.mask)
        ratios, states = log_probs.detach() - part.behaviour, self._state_ratios(part)
        weights = estimator.weights(self._variant, part.trajectories, part.fixed, ratios, states)
        surrogate = estimator.surrogate(log_probs, weights, part.trajectories).squeeze(0)
        objective = surrogate - penalty * self.differentiable_kl() if penalty else surrogate
        if bonus := self._variant.entropy_bonus:
            entropies = (distribution or self._policy.distribution(part.states)).entropy()
            objective = objective + bonus * entropies.sum() / part.behaviour.shape[1]
        (gradient,) = torch.autograd.grad(objective, self.theta)
        self._first = self._first or (surrogate.detach(), gradient, penalty)
        self._last = part, ratios, states
        return gradient

    def position(self) -> Float[Tensor, " D"]:
        """Return a copy of the parameters."""
        return self.theta.detach().clone()

    @torch.no_grad()
    def move_to(self, position: Float[Tensor, " D"]) -> None:
        """Set the parameters."""
        self.theta.copy_(position)
        self._reached = None

    @torch.no_grad()
    def gain(self) -> float:
        """Return N times the objective less its value at θ, with ratios per step in the place of log-likelihoods."""
        weights = estimator.weights(self._variant, self.batch.trajectories, self.batch.fixed)
        gained = (self._log_ratios().expm1() * weights).sum()
        if bonus := self._variant.entropy_bonus:
            gained += bonus * (self._reached_distribution().entropy() - self._start.entropy()).sum()
        return gained.item()

    @torch.no_grad()
    def kl(self) -> float:
        """Return the mean KL divergence from θ over the batch's states, in the limit's direction."""
        return self._kl_of(self._reached_distribution(), self._start).item()

    def differentiable_kl(self, most: int | None = None) -> Tensor:
        """Return the same divergence as `kl`, as a differentiable function of the parameters.

        With `most`, it is the mean over at most so many states, evenly spaced in the batch.
        """
        count = len(self.batch.states)
        some = _some(count, most or count)
        return self._kl_of(self._policy.distribution(self.batch.states[some]), detached(self._start, some))

    def divergence_from_here(self, minibatch: Minibatch, most: int) -> Callable[[], Tensor]:
        """Return the mean KL divergence from the present policy, as a differentiable function of the parameters.

        The mean is over at most so many of the minibatch's states.
        """
        states = minibatch.states[_some(len(minibatch.states), most)]
        here = detached(self._policy.distribution(states))
        return lambda: kl_divergence(self._policy.distribution(states), here).mean()

    @torch.no_grad()
    def log(self, steps: float) -> UpdateLog:
        """Return the log of the update, given the number of steps that were kept."""
        assert self._first is not None, "an update differentiates at least once"
        surrogate, gradient, penalty = self._first
        share, largest = self._importance()
        if self._variant.kl is None:
            # A pass over all states would take as long as half a gradient step.
            some = _some(len(self.batch.states), _LOGGED_STATES)
            start, reached = detached(self._start, some), self._policy.distribution(self.batch.states[some])
        else:
            start, reached = self._start, self._reached_distribution()
        return UpdateLog(
            surrogate=surrogate.item(),
            gradient_norm=gradient.norm().item(),
            entropy=self._start.entropy().mean().item(),
            kl_new_old=kl_divergence(reached, start).mean().item(),
            kl_old_new=kl_divergence(start, reached).mean().item(),
            gradient_steps=float(steps),
            effective_share=share,
            largest_weight=largest,
            penalty=penalty,
        )

    def _importance(self) -> tuple[float, float]:
        """Return the effective share and the largest of the importance weights of the last gradient."""
        if self._last is None or not self._variant.importance.corrects:
            return 1.0, 1.0
        part, ratios, states = self._last
        weights = estimator.importance_weights(self._variant, part.trajectories, ratios, states)
        return effective_share(weights, has_weight(weights, part.trajectories.mask)).item(), weights.max().item()

    def _log_ratios(self) -> Tensor:
        mask = self.batch.trajectories.mask
        return laid_out(self._reached_distribution().log_prob(self.batch.actions), mask) - self.batch.behaviour

    def _reached_distribution(self) -> Distribution:
        """Return π(·|s) in the batch's states at the present parameters, computed once per position."""
        if self._reached is None:
            self._reached = self._policy.distribution(self.batch.states)
        return self._reached

    def _state_ratios(self, part: Minibatch) -> Tensor | None:
        if self._mdp is None or self._visits is None:
            return None
        return state_ratios(self._policy, self._mdp, self._visits, part.trajectories)

    def _kl_of(self, distribution: Distribution, start: Distribution) -> Tensor:
        is_reversed = self._variant.kl is not None and self._variant.kl.direction == "old_new"
        pair = (start, distribution) if is_reversed else (distribution, start)
        return kl_divergence(*pair).mean()


def _some(count: int, most: int) -> slice:
    """Return a slice of at most so many of a number of states, evenly spaced."""
    return slice(None, None, -(-count // most))
