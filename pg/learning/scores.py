"""Inner products of whole trajectories' scores, from which the variance-optimal baseline is made."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pg.estimators.baselines import ScoreProducts
from pg.learning.policies import Policy, flatten, repeat
from pg.trajectories import Trajectories


def score_products(
    policy: Policy,
    trajectories: Trajectories,
    returns: Float[Tensor, "S N T"],
    state_weights: Float[Tensor, "S N T"] | None = None,
) -> ScoreProducts:
    r"""Compute $\langle A_i, B_i \rangle$ and $\lVert B_i \rVert^2$ of every trajectory.

    $A = \sum_t c_t \psi_t W_t$ and $B = \sum_t c_t \psi_t$, with scores $\psi_t = \nabla \log \pi(a_t \mid s_t)$.

    Parameters
    ----------
    policy
        The one policy that collected all S × N trajectories.
    trajectories
        Theirs.
    returns
        (S, N, T), $W_t$, as the variant weights its log-likelihoods.
    state_weights
        (S, N, T), $c_t$, where the variant discounts states; 1 by default.

    Returns
    -------
    ScoreProducts
        Detached, (S, N) each.

    Notes
    -----
    Each trajectory gets a copy of the policy of its own, so that one backward pass gives all $A_i$ and a second one
    all $B_i$.
    """
    batch, mask = trajectories.mask.shape[:2], trajectories.mask.flatten(0, 1)
    copies = repeat(policy, mask.shape[0])
    log_probs = copies.log_prob(trajectories.observations.flatten(0, 1), trajectories.actions.flatten(0, 1))
    weights = mask if state_weights is None else state_weights.flatten(0, 1) * mask
    scored = log_probs * weights

    def gradients(total: Tensor, *, keep_graph: bool) -> Float[Tensor, "SN D"]:
        return flatten(torch.autograd.grad(total, copies.parameters_list(), retain_graph=keep_graph))

    weighted = gradients((scored * returns.flatten(0, 1)).sum(), keep_graph=True)
    plain = gradients(scored.sum(), keep_graph=False)
    return ScoreProducts((weighted * plain).sum(-1).unflatten(0, batch), plain.square().sum(-1).unflatten(0, batch))
