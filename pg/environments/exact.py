r"""Exact quantities of a tabular MDP: objective, values, state distributions and policy gradient.

A policy is a float64 table of action probabilities $\pi_t(a \mid s)$ of shape (T, S_, A), or (1, S_, A) if it is the
same at every step. All functions are differentiable in that table and use dynamic programming over the horizon. The
discount $\gamma$ is 1 in the lecture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pg.environments.mdp import MDP


@dataclass(frozen=True, slots=True)
class Values:
    r"""Expected rewards from step t on, discounted from step t: $V_t(s)$ and $Q_t(s, a)$."""

    states: Float[Tensor, "T S"]
    actions: Float[Tensor, "T S A"]

    @property
    def advantages(self) -> Float[Tensor, "T S A"]:
        r"""Advantage $A_t(s, a) = Q_t(s, a) - V_t(s)$, (T, S_, A)."""
        return self.actions - self.states.unsqueeze(-1)


def values(mdp: MDP, policy: Float[Tensor, "#T S A"], discount: float = 1.0) -> Values:
    r"""Compute $Q_t = r_t + \gamma P V_{t+1}$ and $V_t(s) = \sum_a \pi_t(a \mid s) Q_t(s, a)$, with $V_T = 0$."""
    transitions = torch.as_tensor(mdp.transitions)
    rewards = [torch.as_tensor(mdp.expected_rewards_at(step)) for step in range(mdp.horizon)]
    next_values = transitions.new_zeros(mdp.states)
    states: list[Tensor] = []
    actions: list[Tensor] = []
    for expected_rewards, probabilities in zip(reversed(rewards), reversed(_every_step(mdp, policy)), strict=True):
        action_values = expected_rewards + discount * transitions @ next_values
        next_values = (probabilities * action_values).sum(-1)
        states.append(next_values)
        actions.append(action_values)
    return Values(torch.stack(states[::-1]), torch.stack(actions[::-1]))


def state_distributions(mdp: MDP, policy: Float[Tensor, "#T S A"]) -> Float[Tensor, "T S"]:
    r"""Compute $d_t(s)$, the probability that the trajectory reaches step t and is in state s at step t.

    $d_{t+1}(s') = \sum_{s,a} d_t(s) \pi_t(a \mid s) P(s' \mid s, a)$;
    row t sums to the probability that the trajectory reaches step t.
    """
    transitions = torch.as_tensor(mdp.transitions)
    distributions = [torch.as_tensor(mdp.start)]
    for probabilities in _every_step(mdp, policy)[:-1]:
        distributions.append(torch.einsum("s,sa,sap->p", distributions[-1], probabilities, transitions))
    return torch.stack(distributions)


def objective(mdp: MDP, policy: Float[Tensor, "#T S A"], discount: float = 1.0) -> Float[Tensor, ""]:
    r"""Compute $J = \mathbb{E}[\sum_t \gamma^t r_t] = \sum_s d_0(s) V_0(s)$."""
    return torch.as_tensor(mdp.start) @ values(mdp, policy, discount).states[0]


def gradient(mdp: MDP, policy: Float[Tensor, "#T S A"], discount: float = 1.0) -> Float[Tensor, "#T S A"]:
    r"""Differentiate J through its recursion: $\partial J / \partial \pi_t(a \mid s)$, of the policy's shape.

    Entries of the table are treated as independent; the chain rule with $\nabla_\theta \pi$ gives $\nabla_\theta J$.
    """
    table = policy.detach().requires_grad_()
    (derivative,) = torch.autograd.grad(objective(mdp, table, discount), table)
    return derivative


def policy_gradient_theorem(
    mdp: MDP, policy: Float[Tensor, "#T S A"], discount: float = 1.0
) -> Float[Tensor, "#T S A"]:
    r"""Compute $\partial J / \partial \pi_t(a \mid s) = \gamma^t d_t(s) Q_t(s, a)$, of the policy's shape.

    With the chain rule this is $\nabla J = \sum_t \gamma^t \sum_s d_t(s) \sum_a \nabla \pi_t(a \mid s) Q_t(s, a)$
    (Sutton, McAllester, Singh & Mansour 2000, theorem 1, for a finite horizon); summed over t if the policy is the
    same at every step.
    """
    table = policy.detach()
    weights = discount ** torch.arange(mdp.horizon, dtype=table.dtype)
    visits = weights[:, None] * state_distributions(mdp, table)
    return (visits.unsqueeze(-1) * values(mdp, table, discount).actions).sum_to_size(table.shape)


def _every_step(mdp: MDP, policy: Float[Tensor, "#T S A"]) -> tuple[Float[Tensor, "S A"], ...]:
    if policy.shape[0] not in (1, mdp.horizon) or policy.shape[1:] != (mdp.states, mdp.actions):
        raise ValueError(
            f"policy has shape {tuple(policy.shape)}, expected (1 or {mdp.horizon}, {mdp.states}, {mdp.actions})"
        )
    return policy.expand(mdp.horizon, -1, -1).unbind()
