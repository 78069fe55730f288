r"""Compute the exact bias of corrections for stale data, and its parts, from an MDP's tables."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pg.environments import exact
from pg.environments.mdp import MDP
from pg.laboratory.reuse import Reuse
from pg.learning.policies import Policy, flatten, repeat, stack
from pg.learning.tabular import action_probabilities, state_distributions_of
from pg.parts import estimator as compose
from pg.parts.critic import Critic
from pg.parts.variant import Variant


def expected_gradient(
    reuse: Reuse, variant: Variant, probabilities: Float[Tensor, " M"], critic: Critic | None = None
) -> Float[Tensor, " D"]:
    r"""Compute $\mathbb{E}_{\tau \sim \pi_\theta}[\hat g]$ of an estimate that is a mean over trajectories.

    Parameters
    ----------
    reuse
        Every trajectory of an MDP, as one batch.
    variant
        One for which `is_mean_over_trajectories` is true.
    probabilities
        (M,), $p_\theta(\tau)$.
    critic
        The variant's value network, fitted to the behaviour policy, where it has one.
    """
    assert reuse.mdp is not None, "trajectories are enumerated from tables"
    assert reuse.trajectories.states is not None, "enumerated trajectories have states"
    copies = repeat(reuse.target, 1)
    # Evaluate the network once per state, not once per step: there are few states and many steps.
    table = action_probabilities(copies, reuse.mdp).log()
    log_probs = table[0, reuse.trajectories.states, reuse.trajectories.actions]
    # The surrogate's mean over M trajectories becomes an expectation.
    chances = (len(probabilities) * probabilities).reshape(1, -1, 1)
    objective = compose.surrogate(log_probs, reuse.score_weights(variant, critic) * chances, reuse.trajectories)
    return flatten(torch.autograd.grad(objective.sum(), copies.parameters_list())).squeeze(0)


def bias_parts(behaviour: Policy, target: Policy, mdp: MDP) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    r"""Split the bias of per-step ratios into the part from states and the part from returns of the old policy.

    Per-step ratios with the behaviour policy's rewards-to-go have expectation $\sum_t \sum_s d_{\theta,t}(s) \sum_a
    \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$. It differs from $\nabla J(\theta')$ by the sum of two vectors:
    the state part $\sum_t \sum_s (d_{\theta,t} - d_{\theta',t})(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}$
    and the return part $\sum_t \sum_s d_{\theta',t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) (Q_{\theta,t} -
    Q_{\theta',t})$.

    Both are (D,), by dynamic programming and differentiation through the target policy's table, in float64.
    """
    copies = repeat(target, 1)
    probabilities = action_probabilities(copies, mdp)
    old, new = state_distributions_of(behaviour, mdp), state_distributions_of(target, mdp)
    with torch.no_grad():
        old_values = exact.values(mdp, action_probabilities(stack([behaviour]), mdp)).actions
        new_values = exact.values(mdp, probabilities).actions

    def gradient(weights: Float[Tensor, "T S A"]) -> Float[Tensor, " D"]:
        total = (weights * probabilities).sum()
        return flatten(torch.autograd.grad(total, copies.parameters_list(), retain_graph=True)).squeeze(0)

    return gradient((old - new).unsqueeze(-1) * old_values), gradient(new.unsqueeze(-1) * (old_values - new_values))
