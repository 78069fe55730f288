r"""Distances between two policies: between their actions in the same states, and between their states."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import kl_divergence

from pg.core.trajectories import Trajectories, on_valid_steps, valid_steps
from pg.environments.mdp import MDP
from pg.learning.policies import Policy
from pg.learning.tabular import state_distributions_of
from pg.parts.limits.base import Direction


def log_ratios(behaviour: Policy, target: Policy, trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    r"""Return $\log \rho_t = \log \pi_{\theta'}(a_t \mid s_t) - \log \pi_\theta(a_t \mid s_t)$, zero after the end."""

    def log_ratio(observations: Tensor, actions: Tensor) -> Tensor:
        return target.log_prob(observations, actions) - behaviour.log_prob(observations, actions)

    with torch.no_grad():
        return on_valid_steps(log_ratio, trajectories)


def divergence(
    behaviour: Policy, target: Policy, trajectories: Trajectories, direction: Direction = "new_old"
) -> float:
    r"""Return the mean of $\mathrm{KL}(\pi_{\theta'}(\cdot \mid s) \Vert \pi_\theta(\cdot \mid s))$ over valid steps.

    The behaviour policy π_θ collected the trajectories. The direction is that of the limit on an update; "old_new" is
    $\mathrm{KL}(\pi_\theta \Vert \pi_{\theta'})$.
    """
    states, _ = valid_steps(trajectories)
    first, second = (target, behaviour) if direction == "new_old" else (behaviour, target)
    with torch.no_grad():
        return _divergences(first, second, states).mean().item()


def exact_divergence(behaviour: Policy, target: Policy, mdp: MDP) -> float:
    r"""Compute what `divergence` estimates, $\sum_{t,s} d_{\theta,t}(s) \mathrm{KL}_s / \sum_{t,s} d_{\theta,t}(s)$."""
    visits = state_distributions_of(behaviour, mdp).sum(0)
    with torch.no_grad():
        per_state = _divergences(target, behaviour, torch.as_tensor(mdp.observations))
    return (visits @ per_state / visits.sum()).item()


def state_variation(behaviour: Policy, target: Policy, mdp: MDP) -> float:
    r"""Compute the mean over t of $\frac{1}{2} \sum_s |d_{\theta,t}(s) - d_{\theta',t}(s)|$.

    The sum includes one more state for trajectories that have ended, so that it also counts trajectories that have
    ended under one policy and continue under the other.
    """
    difference = state_distributions_of(behaviour, mdp) - state_distributions_of(target, mdp)
    ended = difference.sum(-1)
    return (difference.abs().sum(-1) + ended.abs()).mean().item() / 2


def _divergences(first: Policy, second: Policy, states: Float[Tensor, "n O"]) -> Float[Tensor, " n"]:
    return kl_divergence(first.distribution(states), second.distribution(states))
