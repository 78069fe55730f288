r"""Behaviour cloning: fit a policy to demonstrated actions.

It minimises the cross-entropy of discrete actions, or the squared error of the policy's mean to real ones (lecture,
"What does the gradient mean" and "How to implement"). This is the policy gradient's surrogate with every weight 1.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from pg.core.trajectories import Trajectories, valid_steps
from pg.parts.starts.base import Beginning

if TYPE_CHECKING:
    from pg.learning.policies import Policy
    from pg.parts.starts.clone import Clone


def imitate(policy: Policy, start: Clone, shown: Trajectories) -> Beginning:
    """Fit a policy in place to demonstrations, S = 1, and return its losses.

    A policy that normalises observations takes their first mean and variance from the demonstrations.
    """
    shown = shown.on(policy.device)
    if policy.scaling is not None:
        policy.scaling.observe(valid_steps(shown)[0])
    fitted, validated = split(shown, start.validated)
    fit(policy, start, fitted, validated)
    return Beginning(
        demonstration_steps=int(shown.mask.sum()),
        demonstrator_return=shown.returns.to(torch.float64).mean().item(),
        imitation_training_loss=mean_loss(policy, fitted),
        imitation_loss=mean_loss(policy, validated),
    )


def split(shown: Trajectories, validated: int) -> tuple[Trajectories, Trajectories]:
    """Return the trajectories to fit to, and the last ones for validation.

    Whole trajectories are independent. Neighbouring steps are similar: if steps were divided, validation would reward
    memorised steps.
    """
    return shown.map_tensors(lambda values: values[:, :-validated]), shown.map_tensors(
        lambda values: values[:, -validated:]
    )


def fit(policy: Policy, start: Clone, fitted: Trajectories, validated: Trajectories) -> None:
    r"""Minimise the mean loss in place, $\theta \leftarrow \arg\min_\theta \bar\ell(\theta)$.

    Each epoch is one step of Adam on all fitted trajectories. The parameters with the least loss on the validation
    trajectories are kept; these may be the initial ones.

    A Gaussian policy keeps its standard deviations: the squared error does not depend on them, and their most likely
    value is 0 for a deterministic demonstrator, which would end exploration.
    """
    states, actions = valid_steps(fitted)
    optimizer = torch.optim.Adam(policy.parameters(), lr=start.learning_rate, fused=True)
    least, best = mean_loss(policy, validated), deepcopy(policy.state_dict())
    for _ in range(start.epochs):
        optimizer.zero_grad()
        losses(policy, states, actions).mean().backward()
        optimizer.step()
        found = mean_loss(policy, validated)
        if found < least:
            least, best = found, deepcopy(policy.state_dict())
    policy.load_state_dict(best)
    policy.zero_grad()


def mean_loss(policy: Policy, shown: Trajectories) -> float:
    r"""Return $\bar\ell(\theta)$, the mean loss over the steps of demonstrations."""
    with torch.no_grad():
        return losses(policy, *valid_steps(shown)).to(torch.float64).mean().item()


def losses(policy: Policy, states: Float[Tensor, "n O"], actions: Shaped[Tensor, " n *A"]) -> Float[Tensor, " n"]:
    r"""Return the loss of each step.

    $-\log \pi_\theta(a \mid s)$ for discrete actions, $\lVert a - \mu_\theta(s) \rVert^2$ for real ones.
    """
    if policy.shape.is_discrete:
        return policy.cross_entropies(states, actions)
    return functional.mse_loss(policy.distribution(states).mean, actions, reduction="none").sum(-1)
