r"""What a policy is paid for what it earns: the same transformation of trajectories and of tables.

It goes in one order. Every reward is scaled and shifted, $r'_t = \alpha r_t + c$; then shaped by potentials, $r''_t =
r'_t + \Phi(s_{t+1}) - \Phi(s_t)$ with $\Phi = 0$ once the trajectory has ended, by itself or at the horizon; then paid
when it is earned, or together at the end, or only where it is the last.

| option | total return | reward-to-go | $\nabla J$ |
|---|---|---|---|
| scale $\alpha$ | $\alpha R$ | $\alpha G_t$ | $\alpha \nabla J$ |
| offset $c$ | $R + c L$, L the steps taken | $G_t + c (L - t)$ | of a task in which lasting pays, where lengths vary |
| shaping | $R - \Phi(s_0)$ | $G_t - \Phi(s_t)$: a state baseline | the same |
| at_end | $R$ | $R$ | the same |
| terminal_only | the last step's own reward | as the return | of another objective |
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pg.core.trajectories import Trajectories
from pg.environments.mdp import MDP, with_potential
from pg.environments.record import Rewards

if TYPE_CHECKING:
    # Studies are validated without waiting for torch, and validation knows environments.
    from jaxtyping import Float
    from torch import Tensor

AS_EARNED = Rewards()
"""Rewards as the environment gives them."""


def paid(rewards: Rewards, trajectories: Trajectories) -> Trajectories:
    """Replace the rewards that trajectories have earned by what is paid for them.

    Parameters
    ----------
    rewards
        The transformation.
    trajectories
        Of any S and N, with the environment's own rewards; with the numbers of their states where there are potentials.

    Returns
    -------
    Trajectories
        The same but for their rewards.

    Raises
    ------
    ValueError
        If there are potentials, and the trajectories do not know their states.
    """
    if rewards == AS_EARNED:
        return trajectories
    mask = trajectories.mask
    found = (rewards.scale * trajectories.rewards + rewards.offset) * mask
    if rewards.shaping is not None:
        found = found + _gained(rewards.shaping, trajectories)
    is_last = mask & (mask.cumsum(-1) == trajectories.lengths.unsqueeze(-1))
    match rewards.paid:
        case "when_earned":
            pass
        case "at_end":
            found = found.sum(-1, keepdim=True) * is_last
        case "terminal_only":
            found = found * is_last
    return replace(trajectories, rewards=found)


def paid_tables(rewards: Rewards, mdp: MDP) -> MDP:
    r"""Replace the rewards of tables by what is paid for them.

    Objective and $\nabla J$ of these tables are those of the trajectories that are `paid`. So are state values, but for
    at_end, where what is still to come depends on what has been earned: the tables pay when it is earned, since J and
    $\nabla J$ are the same for every policy.

    Parameters
    ----------
    rewards
        The transformation.
    mdp
        Tables with the environment's own rewards.
    """
    last = mdp.last_rewards
    mdp = replace(
        mdp,
        rewards=rewards.scale * mdp.rewards + rewards.offset,
        last_rewards=None if last is None else rewards.scale * last + rewards.offset,
    )
    if rewards.shaping is not None:
        mdp = with_potential(mdp, np.asarray(rewards.shaping))
    if rewards.paid == "terminal_only":
        mdp = replace(mdp, rewards=mdp.rewards * mdp.terminates, last_rewards=mdp.rewards_at(mdp.horizon - 1))
    return mdp


def _gained(potentials: tuple[float, ...], trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    if trajectories.states is None:
        raise ValueError("potentials are looked up by state, and these trajectories do not know theirs")
    held = trajectories.rewards.new_tensor(potentials)[trajectories.states] * trajectories.mask
    reached = held.roll(-1, dims=-1)
    # Behind the last step there is no state: what was rolled around from the first one does not count.
    reached[..., -1] = 0
    return reached - held
