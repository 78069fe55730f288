r"""Estimate the gradient at a target policy from trajectories of an earlier policy.

The behaviour policy π_θ collected the trajectories; the estimates are of $\nabla J(\theta')$ at the target policy π_θ'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pg.core.trajectories import Trajectories, on_valid_steps, valid_steps
from pg.environments.mdp import MDP
from pg.laboratory.distances import log_ratios
from pg.laboratory.gradients import chunks, weighted_sums
from pg.learning.advantages import fixed
from pg.learning.policies import Policy, stacked
from pg.learning.scores import scores
from pg.learning.tabular import action_probabilities, state_distributions_of, state_ratios
from pg.parts import estimator as compose
from pg.parts.corrections.weights import has_weight
from pg.parts.critic import Critic
from pg.parts.variant import Variant
from pg.parts.windows.base import Window


@dataclass(frozen=True, slots=True)
class Reuse:
    r"""Trajectories of π_θ with their probability ratios under π_θ'.

    Attributes
    ----------
    behaviour, target
        π_θ and π_θ'.
    mdp
        The environment's tables, if they are known.
    trajectories
        S batches of N trajectories of π_θ.
    log_ratios
        (S, N, T), $\log \rho_t$, zero after the end of each trajectory.
    state_ratios
        (S, N, T), $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$, if the environment has tables.
    batches
        B, if each of the S batches is a window of B batches by different policies; θ is the newest of them.
    """

    behaviour: Policy
    target: Policy
    mdp: MDP | None
    trajectories: Trajectories
    log_ratios: Float[Tensor, "S N T"]
    state_ratios: Float[Tensor, "S N T"] | None
    batches: int = 1

    @classmethod
    def at(cls, target: Policy, behaviour: Policy, trajectories: Trajectories, mdp: MDP | None = None) -> Reuse:
        """Compute the ratios of a target policy along trajectories of the behaviour policy."""
        if mdp is None:
            return cls(behaviour, target, None, trajectories, log_ratios(behaviour, target, trajectories), None)
        logs = _tabulated_log_ratios(behaviour, target, trajectories, mdp)
        states = state_ratios(target, mdp, state_distributions_of(behaviour, mdp), trajectories)
        return cls(behaviour, target, mdp, trajectories, logs, states)

    @classmethod
    def of_window(
        cls,
        target: Policy,
        policies: Sequence[Policy],
        trajectories: Trajectories,
        window: Window,
        mdp: MDP | None = None,
        log_probs: Float[Tensor, "B S N T"] | None = None,
    ) -> Reuse:
        """Compute the ratios of a target policy along windows: equally many trajectories by each policy, in order.

        The log-probabilities of all steps under each policy are computed unless they are given.
        """
        with torch.no_grad():
            if log_probs is None:
                log_probs = torch.stack([on_valid_steps(policy.log_prob, trajectories) for policy in policies])
            is_newest = target is policies[-1]
            new = log_probs[-1] if is_newest else on_valid_steps(target.log_prob, trajectories)
            ratios = (new - window(log_probs)) * trajectories.mask
        return cls(policies[-1], target, mdp, trajectories, ratios, None, len(policies))

    def of_batches(self, batches: slice) -> Reuse:
        """Return a range of batches."""
        return self._changed(self.trajectories.of_batches(batches), lambda values: values[batches])

    def regrouped(self, count: int) -> Reuse:
        """Return the same trajectories as disjoint batches of `count` each, on the S axis, like `Trajectories`."""
        steps = self.log_ratios.shape[-1]
        return self._changed(self.trajectories.regrouped(count), lambda values: values.reshape(-1, count, steps))

    def importance_weights(self, variant: Variant) -> Float[Tensor, "S N #T"]:
        """Return a variant's importance weights, per step or per trajectory."""
        return compose.importance_weights(variant, self.trajectories, self.log_ratios, self.state_ratios)

    def live(self, weights: Float[Tensor, "S N #T"]) -> Bool[Tensor, "S N #T"]:
        """Return which importance weights belong to valid steps."""
        return has_weight(weights, self.trajectories.mask)

    def score_weights(self, variant: Variant, critic: Critic | None = None) -> Float[Tensor, "S N T"]:
        """Return the weight of each score at θ' in a variant's estimate; the advantages are those of θ."""
        kept = fixed(self.behaviour, variant, self.trajectories, self.mdp, critic, self.batches)
        return compose.weights(variant, self.trajectories, kept, self.log_ratios, self.state_ratios)

    def _changed(self, trajectories: Trajectories, change: Callable[[Tensor], Tensor]) -> Reuse:
        states = None if self.state_ratios is None else change(self.state_ratios)
        return replace(self, trajectories=trajectories, log_ratios=change(self.log_ratios), state_ratios=states)


def corrected_gradients(reuse: Reuse, variant: Variant) -> Float[Tensor, "S D"]:
    """Return the estimate of ∇J(θ') by one estimator from each of S batches of trajectories of π_θ."""
    return corrected_gradients_of_all(reuse, {"": variant})[""]


def corrected_gradients_of_all(
    reuse: Reuse, variants: Mapping[str, Variant], critics: Mapping[str, Critic | None] = MappingProxyType({})
) -> dict[str, Float[Tensor, "S D"]]:
    """Return the estimates of ∇J(θ') by several estimators from the same S batches of trajectories of π_θ.

    The value networks, by the name of the estimator, are fitted to the behaviour policy.
    """
    parts = [
        weighted_sums(
            scores(chunk.target, *valid_steps(chunk.trajectories)),
            chunk.trajectories,
            ((name, chunk.score_weights(variant, critics.get(name))) for name, variant in variants.items()),
        )
        for chunk in map(reuse.of_batches, chunks(reuse.target, reuse.trajectories))
    ]
    return {name: torch.cat([part[name] for part in parts]) for name in variants}


def _tabulated_log_ratios(
    behaviour: Policy, target: Policy, trajectories: Trajectories, mdp: MDP
) -> Float[Tensor, "S N T"]:
    # Look up a table of states: enumerated trajectories have many steps in few states.
    with torch.no_grad():
        new, old = (action_probabilities(stacked(policy), mdp)[0].log() for policy in (target, behaviour))
    return (new - old)[trajectories.states, trajectories.actions] * trajectories.mask
