"""The gradient estimates of many batches at once, by the estimator code that trains."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pg.environments.tabular import MDP
from pg.estimators import compose
from pg.learning.policies import Policy, flatten, repeat
from pg.learning.updates import advantages
from pg.study.model import Variant
from pg.trajectories import Trajectories

_CHUNK_ELEMENTS = 20_000_000


def batch_gradients(
    policy: Policy, variant: Variant, batches: Trajectories, mdp: MDP | None = None
) -> Float[Tensor, "S D"]:
    """Return the gradient estimate of each of S batches.

    The policy is repeated once per batch, so that one backward pass gives the gradients of many batches apart.

    Parameters
    ----------
    policy
        Which collected the batches.
    variant
        The estimator.
    batches
        S batches of N trajectories.
    mdp
        The environment's tables, where they are known.
    """
    seeds, count, steps = batches.mask.shape
    widest = max([batches.observations.shape[-1], *(layer.out_features for layer in policy.affine)])
    # The optimal baseline takes a copy of the policy for each trajectory.
    parameters = sum(parameter.numel() for parameter in policy.parameters())
    per_chunk = max(1, _CHUNK_ELEMENTS // (count * max(steps * widest, parameters)))
    gradients = [
        _chunk_gradients(policy, variant, batches.chosen(slice(start, start + per_chunk)), mdp)
        for start in range(0, seeds, per_chunk)
    ]
    return torch.cat(gradients)


def _chunk_gradients(policy: Policy, variant: Variant, batches: Trajectories, mdp: MDP | None) -> Tensor:
    seeds, count, steps = batches.mask.shape
    copies = repeat(policy, seeds)
    log_probs = copies.log_prob(
        batches.observations.reshape(seeds, count * steps, -1),
        batches.actions.reshape(seeds, count * steps, *batches.actions.shape[3:]),
    ).reshape(seeds, count, steps)
    objective = compose.surrogate(log_probs, advantages(policy, variant, batches, mdp), batches)
    return flatten(torch.autograd.grad(objective.sum(), copies.parameters_list()))
