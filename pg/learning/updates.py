"""Improve a policy by gradient steps on its batch, within the variant's limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pg.core.trajectories import Trajectories, laid_out, valid_steps
from pg.environments.mdp import MDP
from pg.learning.advantages import fixed
from pg.learning.ascent import Ascent, UpdateLog
from pg.learning.constraints import (
    Penalty,
    natural_direction,
    parameters_of,
    search_back,
    shorten,
    stop_early,
)
from pg.learning.critic import Critic
from pg.learning.distributions import detached
from pg.learning.minibatches import Batch, parts_of
from pg.learning.policies import Policy
from pg.learning.tabular import state_distributions_of, state_ratios
from pg.parts.learner import KL, Optimizer
from pg.parts.variant import Variant


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
    ascent = Ascent(policy, variant, batch, detached(before), ratios, _penalty_factor(variant, penalty))
    parts = parts_of(batch, variant, shuffling)
    first = next(parts)
    # The log-likelihoods at θ are known, and taking them as they are makes every ratio there 1 exactly.
    surrogate, gradient = ascent.differentiate(first, log_probs[:, first.members])
    kept = _climb(ascent, gradient, _steps(ascent, optimizer, parts))
    log = ascent.log(surrogate, gradient, kept)
    if (kl := _penalising(variant)) is not None and penalty is not None:
        penalty.adapt(log.kl_old_new if kl.direction == "old_new" else log.kl_new_old, kl.limit)
    return log


def _steps(ascent: Ascent, optimizer: torch.optim.Optimizer, parts: Iterator[Batch]) -> Iterator[None]:
    """Take a step each time the next one is asked for: the first along the gradient that the optimizer sees already."""
    optimizer.step()
    yield
    for part in parts:
        ascent.differentiate(part, ascent.log_probs(part))
        optimizer.step()
        yield


def _climb(ascent: Ascent, gradient: Sequence[Tensor], steps: Iterator[None]) -> float:
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
