"""Measure importance sampling from a behaviour policy that gives an action little or no probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.randomness import torch_generator
from pg.environments.enumeration import Enumeration, enumerate_paid
from pg.experiments.metric import values
from pg.experiments.support.metrics import METRICS
from pg.experiments.support.options import SupportOptions
from pg.laboratory.frozen import random_policy
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.job import MeasurementJob
from pg.laboratory.reference import truth
from pg.learning.policies import Parameters, Policy, stacked
from pg.learning.tabular import action_probabilities
from pg.parts.corrections.base import Ratios
from pg.parts.corrections.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Weighted:
    r"""Estimates of ∇J from the M trajectories that a proposal can draw.

    Attributes
    ----------
    probabilities
        (M,), under the proposal.
    estimates
        (M, D), those of single trajectories, weighted by $p_{\theta'}(\tau) / p_\theta(\tau)$.
    gradient
        (D,), $\nabla J$ of the target policy.
    batch
        N, trajectories per batch.
    sampled
        (repetitions, D), estimates of sampled batches.
    """

    probabilities: Float[Tensor, " M"]
    estimates: Float[Tensor, "M D"]
    gradient: Float[Tensor, " D"]
    batch: int
    sampled: Float[Tensor, "R D"]

    @property
    def total_variance(self) -> float:
        """That of a batch."""
        spread = (self.estimates - self.probabilities @ self.estimates).square().sum(-1)
        return (self.probabilities @ spread).item() / self.batch

    @property
    def relative_bias(self) -> float:
        """Exact, by enumeration."""
        return ((self.probabilities @ self.estimates - self.gradient).norm() / self.gradient.norm()).item()


def withhold_support(job: MeasurementJob[SupportOptions], policies: Mapping[int, Parameters]) -> pd.DataFrame:
    r"""Estimate ∇J of a random target policy from proposals that withhold an action, and compare with the exact ∇J.

    There is a row per seed, variant and probability left, with `METRICS`.

    Raises
    ------
    NoTables
        If the environment's transition probabilities are not known.
    EnumerationTooLarge
        If there are more trajectories than the limit.
    """
    del policies  # Policies are random here.
    enumeration, rows = enumerate_paid(job.environment, job.options.limit), []
    singles = enumeration.trajectories.regrouped(1)
    for seed in job.seeds:
        for name, variant in job.variants.items():
            target = random_policy(variant.policy, enumeration.mdp.spaces, seed)
            gradient = truth(enumeration.mdp, target).gradient
            estimates = batch_gradients(target, variant, singles, enumeration.mdp)
            for left in job.options.left:
                chances, weighted = _drawn(enumeration, target, estimates, job.options.action, left)
                shape, generator = (job.options.repetitions, variant.batch), torch_generator(seed, "support", str(left))
                members = torch.multinomial(chances, math.prod(shape), replacement=True, generator=generator)
                sampled = weighted[members].unflatten(0, shape).mean(1)
                found = Weighted(chances, weighted, gradient, variant.batch, sampled)
                names = {"seed": seed, "variant": name, "batch": variant.batch, "left": left}
                rows.append({**names, **values(METRICS, found)})
    return pd.DataFrame(rows)


def proposal(target: Float[Tensor, "1 S A"], action: int, left: float) -> Float[Tensor, "1 S A"]:
    """Set an action's probability in every state to what is left, and rescale those of the other actions."""
    others = target.clone()
    others[..., action] = 0
    behaviour = others / others.sum(-1, keepdim=True) * (1 - left)
    behaviour[..., action] = left
    return behaviour


def _drawn(
    enumeration: Enumeration, target: Policy, estimates: Float[Tensor, "M D"], action: int, left: float
) -> tuple[Float[Tensor, " M"], Float[Tensor, "M D"]]:
    """Return the trajectories that the proposal can draw: probabilities and weighted estimates.

    Trajectories that it cannot draw are omitted, even if likely under the target.
    """
    table = action_probabilities(stacked(target), enumeration.mdp).detach()
    behaviour = proposal(table, action, left)
    probabilities = enumeration.probabilities(behaviour)
    possible = probabilities > 0
    every = enumeration.trajectories.map_tensors(lambda values: values[:, possible])
    assert every.states is not None, "enumerated trajectories have states"
    chosen = (0, every.states, every.actions)
    log_ratios = table[chosen].log() - behaviour[chosen].log()
    weights = Trajectory()(Ratios(every, log_ratios))[0]
    return probabilities[possible], weights * estimates[possible]
