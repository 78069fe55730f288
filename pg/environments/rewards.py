r"""Transform rewards: scale, offset, shaping, the time of payment, and normalisation, for trajectories and for tables.

The order is fixed. Every reward is scaled and shifted, $r'_t = \alpha r_t + c$; then shaped by potentials, $r''_t =
r'_t + \Phi(s_{t+1}) - \Phi(s_t)$ with $\Phi = 0$ after the last step, also at the horizon; then paid when it is earned,
or as one sum with the last step, or for the last step alone. Last, a learner that normalises rewards divides them by
the running standard deviation σ of its discounted returns (`pg.learning.scaling.RewardScale`).

| option | total return | reward-to-go | $\nabla J$ |
|---|---|---|---|
| scale $\alpha$ | $\alpha R$ | $\alpha G_t$ | $\alpha \nabla J$ |
| offset $c$ | $R + c L$, L steps | $G_t + c (L - t)$ | if lengths vary, of another task: longer trajectories gain |
| shaping | $R - \Phi(s_0)$ | $G_t - \Phi(s_t)$: a state baseline | the same |
| at_end | $R$ | $R$ | the same |
| terminal_only | the last step's own reward | the same as the total return | of another objective |
| normalise | $R / \sigma$ | $G_t / \sigma$ | $\nabla J / \sigma$ |
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pg.core.trajectories import Trajectories
from pg.environments.mdp import MDP, with_potential
from pg.environments.record import Rewards

if TYPE_CHECKING:
    # Validation of a study imports this module, and torch takes long to import.
    from jaxtyping import Float
    from torch import Tensor

AS_EARNED = Rewards()
"""The environment's own rewards."""


def paid(rewards: Rewards, trajectories: Trajectories) -> Trajectories:
    """Replace the environment's own rewards of trajectories by the transformed ones.

    Potentials for trajectories without states raise a ValueError.
    """
    if rewards == AS_EARNED:
        return trajectories
    mask = trajectories.mask
    transformed = (rewards.scale * trajectories.rewards + rewards.offset) * mask
    if rewards.shaping is not None:
        transformed = transformed + _shaping_rewards(rewards.shaping, trajectories)
    is_last = mask & (mask.cumsum(-1) == trajectories.lengths.unsqueeze(-1))
    if rewards.paid == "at_end":
        transformed = transformed.sum(-1, keepdim=True) * is_last
    elif rewards.paid == "terminal_only":
        transformed = transformed * is_last
    return replace(trajectories, rewards=transformed)


def _shaping_rewards(potentials: tuple[float, ...], trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    if trajectories.states is None:
        raise ValueError("shaping needs trajectories with states, from an environment with tables")
    current = trajectories.rewards.new_tensor(potentials)[trajectories.states] * trajectories.mask
    following = current.roll(-1, dims=-1)
    # No state follows the last step; roll() has moved the first one there.
    following[..., -1] = 0
    return following - current


def paid_tables(rewards: Rewards, mdp: MDP) -> MDP:
    r"""Replace the environment's own rewards of tables by the transformed ones.

    J and $\nabla J$ of these tables equal those of trajectories with `paid` rewards. State values are equal as
    well, except with at_end: there the remaining return depends on earlier rewards, and the tables pay rewards when
    they are earned, which gives the same J and $\nabla J$.
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


def divided(trajectories: Trajectories, deviation: float) -> Trajectories:
    """Divide the rewards of trajectories by a number."""
    return replace(trajectories, rewards=trajectories.rewards / deviation)


def divided_tables(mdp: MDP, deviation: float) -> MDP:
    """Divide the rewards of tables by a number."""
    last = mdp.last_rewards
    return replace(mdp, rewards=mdp.rewards / deviation, last_rewards=None if last is None else last / deviation)
