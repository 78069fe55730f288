"""The true gradient: exact if the environment has tables, else estimated from a large independent sample."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.environments.copies import make_environments
from pg.environments.exact import objective
from pg.environments.mdp import MDP
from pg.environments.record import Environment
from pg.laboratory.frozen import generators_of
from pg.laboratory.frozen import sample as sampled
from pg.laboratory.gradients import batch_gradients, gradients_of_all
from pg.laboratory.job import Sample
from pg.learning.policies import Policy, flatten, repeat
from pg.learning.tabular import action_probabilities
from pg.parts.baselines.leave_one_out import LeaveOneOut
from pg.parts.baselines.optimal import Optimal
from pg.parts.baselines.per_step_leave_one_out import PerStepLeaveOneOut
from pg.parts.returns.to_go import ToGo
from pg.parts.variant import Variant

_ENOUGH_SNR = 30.0

# All are unbiased for every policy; the one with the least variance is used.
_REFERENCE_CANDIDATES: dict[str, Variant] = {
    baseline.name: Variant(returns=ToGo(), baseline=baseline)
    for baseline in (LeaveOneOut(), PerStepLeaveOneOut(), Optimal())
}
_REFERENCE_BATCH = 16
_FEW = 64


@dataclass(frozen=True, slots=True)
class Truth:
    r"""The objective $J(\theta)$ of a policy and its gradient $\nabla_\theta J$ (D,), by dynamic programming."""

    objective: float
    gradient: Float[Tensor, " D"]


@dataclass(frozen=True, slots=True)
class Reference:
    r"""The true gradient: exact, or estimated from an independent sample.

    Attributes
    ----------
    gradient
        (D,), mean of the sample's batch gradients.
    total_variance
        tr Cov of that mean.
    squared_gradient
        ‖∇J‖², estimated without bias as the product of the means of two halves of the sample.
    trajectories
        Size of the sample; 0 if ∇J is exact.
    objective
        $J$, if it is exact as well.
    """

    gradient: Float[Tensor, " D"]
    total_variance: float
    squared_gradient: float
    trajectories: int
    objective: float | None = None

    @classmethod
    def exact(cls, mdp: MDP, policy: Policy) -> Reference:
        """Return the exact gradient from the environment's tables; its variance is 0."""
        found = truth(mdp, copy.deepcopy(policy).double())
        return cls(found.gradient, 0.0, found.gradient.square().sum().item(), 0, found.objective)

    @property
    def snr(self) -> float:
        """‖∇J‖² over the variance of the mean: infinite if ∇J is exact, NaN if ∇J is exactly zero."""
        if self.total_variance > 0:
            return self.squared_gradient / self.total_variance
        return math.inf if self.is_exact and self.squared_gradient > 0 else math.nan

    @property
    def is_exact(self) -> bool:
        """Return whether no sample was needed."""
        return self.trajectories == 0

    @property
    def is_noisy(self) -> bool:
        """Return whether the signal-to-noise ratio is below 30, or undefined."""
        return not self.snr >= _ENOUGH_SNR


def truth(mdp: MDP, policy: Policy) -> Truth:
    r"""Compute $J$ and $\nabla_\theta J$ of a float64 policy by dynamic programming.

    The target of every bias in the study is the undiscounted objective.
    """
    # Copies of a policy have their parameters in the order of the estimates.
    copy = repeat(policy, 1)
    value = objective(mdp, action_probabilities(copy, mdp))
    return Truth(value.item(), flatten(torch.autograd.grad(value, copy.parameters_list())).squeeze(0))


def reference(
    environment: Environment, policy: Policy, sample: Sample, seed: int, stage: str, pool: Trajectories
) -> Reference:
    """Estimate the true gradient by sampling, for environments without tables.

    The pool consists of other trajectories of the policy. It only chooses the estimator, so that the sample is
    independent of it. The sample is doubled while it is noisy. Seed and stage determine its random numbers.
    """
    # A variance needs two batches.
    count = pool.mask.shape[1]
    pooled = pool.regrouped(_REFERENCE_BATCH if count % _REFERENCE_BATCH == 0 and count > _REFERENCE_BATCH else 2)
    candidates = gradients_of_all(policy, _REFERENCE_CANDIDATES, pooled)
    variances = {baseline: gradients.var(0).sum().item() for baseline, gradients in candidates.items()}
    variant = _REFERENCE_CANDIDATES[min(variances, key=lambda baseline: variances[baseline])]
    copies, generators = make_environments(environment, sample.reference), generators_of(seed, stage, "reference")

    def more() -> Float[Tensor, "S D"]:
        part = sampled(copies, policy, generators, environment.rewards)
        return batch_gradients(policy, variant, part.regrouped(_REFERENCE_BATCH))

    gradients = more()
    while True:
        found = _summarised(gradients)
        if not found.is_noisy or 2 * found.trajectories > sample.reference_limit:
            return found
        # Trajectories collected so far are kept.
        while len(gradients) < 2 * (found.trajectories // _REFERENCE_BATCH):
            gradients = torch.cat([gradients, more()])


def true_gradient(
    environment: Environment, mdp: MDP | None, policy: Policy, sample: Sample, seed: int, stage: str, purpose: str
) -> Reference:
    """Return the true gradient of a float64 policy that is no snapshot: exact with tables, else by sampling."""
    if mdp is not None:
        return Reference.exact(mdp, policy)
    # Sampled trajectories are in single precision.
    single, few = copy.deepcopy(policy).float(), make_environments(environment, _FEW)
    tried = sampled(few, single, generators_of(seed, stage, purpose, "tried"), environment.rewards)
    return reference(environment, single, sample, seed, stage, tried)


def _summarised(gradients: Float[Tensor, "S D"]) -> Reference:
    gradients = gradients.to(torch.float64)
    count = gradients.shape[0]
    mean = gradients.mean(0)
    return Reference(
        gradient=mean,
        total_variance=(gradients - mean).square().sum().item() / (count - 1) / count,
        squared_gradient=(gradients[0::2].mean(0) @ gradients[1::2].mean(0)).item(),
        trajectories=count * _REFERENCE_BATCH,
    )
