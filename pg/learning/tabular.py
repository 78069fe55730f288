"""Exact quantities of a policy in an MDP with known tables, and their values along trajectories."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.environments import exact
from pg.environments.mdp import MDP
from pg.learning.policies import Policy, StackedPolicy, stacked
from pg.parts.baselines.base import Baseline


def action_probabilities(policy: StackedPolicy, mdp: MDP) -> Float[Tensor, "1 S A"]:
    r"""Return the table $\pi_\theta(a \mid s)$ of one copy of a policy, differentiably and always in float64."""
    seen = torch.as_tensor(mdp.observations, dtype=policy.weights[0].dtype).repeat_interleave(mdp.actions, dim=0)
    actions = torch.arange(mdp.actions).repeat(mdp.states)
    log_probs = policy.log_prob(seen.unsqueeze(0), actions.unsqueeze(0)).to(torch.float64)
    return log_probs.exp().reshape(1, mdp.states, mdp.actions)


def state_values(
    policy: Policy, mdp: MDP, trajectories: Trajectories, discount: float = 1.0, baseline: Baseline | None = None
) -> Float[Tensor, "S N T"]:
    """Return $V_t(s_t)$, the expected reward-to-go of each step of trajectories, zero after the last.

    With a baseline, its values in place of $V_t(s_t)$.
    """
    with torch.no_grad():
        probabilities = action_probabilities(stacked(policy), mdp)
        found = exact.values(mdp, probabilities, discount)
        table = found.states if baseline is None else baseline.state_table(probabilities, found.states, found.actions)
    return _along(trajectories, table)


def state_distributions_of(policy: Policy, mdp: MDP) -> Float[Tensor, "T S"]:
    r"""Return $d_{\theta,t}(s)$, the probability of state s at step t, by dynamic programming."""
    with torch.no_grad():
        return exact.state_distributions(mdp, action_probabilities(stacked(policy), mdp))


def state_ratios(
    policy: Policy, mdp: MDP, behaviour: Float[Tensor, "T S"], trajectories: Trajectories
) -> Float[Tensor, "S N T"]:
    r"""Return $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$ of each step of trajectories, zero after the last.

    `policy` is π_θ', and `behaviour` the distributions of the policy π_θ that collected the trajectories.
    """
    # States that the behaviour policy never visits occur only in entries after the last step.
    ratios = state_distributions_of(policy, mdp) / behaviour.clamp(min=torch.finfo(behaviour.dtype).tiny)
    return _along(trajectories, ratios)


def _along(trajectories: Trajectories, table: Float[Tensor, "T S"]) -> Float[Tensor, "S N T"]:
    """Look up a table at each step of trajectories; the result has the precision of the rewards."""
    if trajectories.states is None:
        raise ValueError("these trajectories have no indices of states, which a table is looked up by")
    steps = torch.arange(trajectories.mask.shape[-1], device=trajectories.mask.device)
    return table.to(trajectories.rewards)[steps, trajectories.states].where(trajectories.mask, 0)
