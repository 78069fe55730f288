"""What is known exactly of a policy in an MDP whose tables are known."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.environments import exact
from pg.environments.mdp import MDP
from pg.learning.policies import Policy, StackedPolicy, stack


def action_probabilities(policy: StackedPolicy, mdp: MDP) -> Float[Tensor, "1 S A"]:
    r"""Lay $\pi_\theta(a \mid s)$ out as a table, differentiably.

    Parameters
    ----------
    policy
        A stack of one policy.
    mdp
        Whose states the policy sees as the MDP shows them.

    Returns
    -------
    Tensor
        (1, S_, A) in float64, whatever the policy's own precision.
    """
    seen = torch.as_tensor(mdp.observations, dtype=policy.weights[0].dtype).repeat_interleave(mdp.actions, dim=0)
    actions = torch.arange(mdp.actions).repeat(mdp.states)
    log_probs = policy.log_prob(seen.unsqueeze(0), actions.unsqueeze(0)).to(torch.float64)
    return log_probs.exp().reshape(1, mdp.states, mdp.actions)


def state_values(policy: Policy, mdp: MDP, trajectories: Trajectories, discount: float = 1.0) -> Float[Tensor, "S N T"]:
    r"""Look up $V_t(s_t)$, what is still to come on average from each step of a trajectory.

    Parameters
    ----------
    policy
        Whose values they are.
    mdp
        Where the trajectories come from.
    trajectories
        With the numbers of their states.
    discount
        $\gamma$ of the values.

    Returns
    -------
    Tensor
        (S, N, T) in the precision of the rewards, zero behind the end of each trajectory.

    Raises
    ------
    ValueError
        If the trajectories do not know their states.
    """
    with torch.no_grad():
        table = exact.values(mdp, action_probabilities(stack([policy]), mdp), discount).states
    return _along("values", table, trajectories)


def state_distributions_of(policy: Policy, mdp: MDP) -> Float[Tensor, "T S"]:
    r"""Compute $d_{\theta,t}(s)$, the probability of being in s at step t, by dynamic programming.

    Parameters
    ----------
    policy
        That acts.
    mdp
        Where it acts.
    """
    with torch.no_grad():
        return exact.state_distributions(mdp, action_probabilities(stack([policy]), mdp))


def state_ratios(
    policy: Policy, mdp: MDP, behaviour: Float[Tensor, "T S"], trajectories: Trajectories
) -> Float[Tensor, "S N T"]:
    r"""Look up $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$ along trajectories of the behaviour policy.

    Parameters
    ----------
    policy
        π_θ'.
    mdp
        Where the trajectories come from.
    behaviour
        (T, S_), $d_{\theta,t}(s)$.
    trajectories
        Of the behaviour policy, with the numbers of their states.

    Returns
    -------
    Tensor
        (S, N, T) in the precision of the rewards, zero behind the end of each trajectory.

    Raises
    ------
    ValueError
        If the trajectories do not know their states.
    """
    # States that the behaviour policy never visits are looked up only behind the end of a trajectory.
    ratios = state_distributions_of(policy, mdp) / behaviour.clamp(min=torch.finfo(behaviour.dtype).tiny)
    return _along("ratios", ratios, trajectories)


def _along(what: str, table: Float[Tensor, "T S"], trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    if trajectories.states is None:
        raise ValueError(f"{what} are looked up by state, and these trajectories do not know theirs")
    steps = torch.arange(trajectories.mask.shape[-1], device=trajectories.mask.device)
    return table.to(trajectories.rewards)[steps, trajectories.states].where(trajectories.mask, 0)
