"""Measure importance sampling from a behaviour policy that gives an action little or no probability."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.randomness import torch_generator
from pg.environments.enumeration import Enumeration, enumerate_paid
from pg.experiments.support.job import SupportJob
from pg.laboratory.frozen import random_policy
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.reference import truth
from pg.learning.policies import Policy, stack
from pg.learning.tabular import action_probabilities
from pg.parts.corrections.base import Ratios
from pg.parts.corrections.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class _Weighted:
    """The trajectories that a proposal can draw: probabilities (M,), weighted gradient estimates (M, D)."""

    probabilities: Float[Tensor, " M"]
    estimates: Float[Tensor, "M D"]


def withhold_support(job: SupportJob) -> pd.DataFrame:
    r"""Estimate ∇J of a random target policy from proposals that withhold an action, and compare with the exact ∇J.

    Parameters
    ----------
    job
        An environment with tables, the action, and the probabilities left to it.

    Returns
    -------
    DataFrame
        A row per seed, variant and probability left: total_variance and relative_bias, exact by enumeration, of the
        mean of N trajectories weighted by $p_{\theta'}(\tau) / p_\theta(\tau)$; and median_error, the median of
        $\lVert \hat g - \nabla J \rVert / \lVert \nabla J \rVert$ over sampled batches.

    Raises
    ------
    NoTables
        If the environment's transition probabilities are not known.
    EnumerationTooLarge
        If there are more trajectories than the limit.
    """
    enumeration = enumerate_paid(job.environment, job.limit)
    singles = enumeration.trajectories.regrouped(1)
    rows: list[dict[str, float | int | str]] = []
    for seed in job.seeds:
        for name, variant in job.variants.items():
            target = random_policy(variant.policy, enumeration.mdp.spaces, seed)
            gradient = truth(enumeration.mdp, target).gradient
            estimates = batch_gradients(target, variant, singles, enumeration.mdp)
            for left in job.left:
                drawn = _drawn(enumeration, target, estimates, job.action, left)
                generator = torch_generator(seed, "support", str(left))
                rows.append(
                    {
                        "seed": seed,
                        "variant": name,
                        "batch": variant.batch,
                        "left": left,
                        **_moments(drawn, gradient, variant.batch),
                        "median_error": _median_error(drawn, gradient, variant.batch, job.repetitions, generator),
                    }
                )
    return pd.DataFrame(rows)


def proposal(target: Float[Tensor, "1 S A"], action: int, left: float) -> Float[Tensor, "1 S A"]:
    """Set an action's probability in every state, and rescale those of the other actions.

    Parameters
    ----------
    target
        (1, S_, A), the target policy's probabilities.
    action
        The action that is withheld.
    left
        The action's new probability.
    """
    others = target.clone()
    others[..., action] = 0
    behaviour = others / others.sum(-1, keepdim=True) * (1 - left)
    behaviour[..., action] = left
    return behaviour


def _drawn(
    enumeration: Enumeration, target: Policy, estimates: Float[Tensor, "M D"], action: int, left: float
) -> _Weighted:
    """Weight the trajectories that the proposal can draw; omit the others, even if likely under the target."""
    table = action_probabilities(stack([target]), enumeration.mdp).detach()
    behaviour = proposal(table, action, left)
    probabilities = enumeration.probabilities(behaviour)
    possible = probabilities > 0
    every = enumeration.trajectories.changed(lambda values: values[:, possible])
    assert every.states is not None, "enumerated trajectories have states"
    chosen = (0, every.states, every.actions)
    log_ratios = table[chosen].log() - behaviour[chosen].log()
    weights = Trajectory()(Ratios(every, log_ratios))[0]
    return _Weighted(probabilities[possible], weights * estimates[possible])


def _moments(drawn: _Weighted, gradient: Float[Tensor, " D"], batch: int) -> dict[str, float]:
    mean = drawn.probabilities @ drawn.estimates
    variance = drawn.probabilities @ (drawn.estimates - mean).square().sum(-1)
    return {
        "total_variance": variance.item() / batch,
        "relative_bias": ((mean - gradient).norm() / gradient.norm()).item(),
    }


def _median_error(
    drawn: _Weighted, gradient: Float[Tensor, " D"], batch: int, repetitions: int, generator: torch.Generator
) -> float:
    members = torch.multinomial(drawn.probabilities, repetitions * batch, replacement=True, generator=generator)
    means = drawn.estimates[members].unflatten(0, (repetitions, batch)).mean(1)
    return ((means - gradient).norm(dim=-1).median() / gradient.norm()).item()
