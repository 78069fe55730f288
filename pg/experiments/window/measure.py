r"""Measure estimates of $\nabla J(\theta')$ from the batches of several policies: the latest of a learner.

A learner takes one update on each batch. Its last policy is θ'. A window of ω has one batch by each of its last ω
policies, the newest of which is θ' itself.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from pg.core.trajectories import Environments, Trajectories, joined
from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.environments.enumeration import Enumeration, enumerate_paid
from pg.environments.mdp import MDP, count_trajectories
from pg.experiments.gradient_metrics import ratio
from pg.experiments.metric import missing, values
from pg.experiments.staleness.measure import Corrected, expected_gradient
from pg.experiments.window.metrics import METRICS
from pg.experiments.window.options import WindowOptions
from pg.laboratory.distances import divergence, exact_divergence
from pg.laboratory.frozen import generators_of, in_float64, policy_of, sample
from pg.laboratory.job import MeasurementJob
from pg.laboratory.reference import Reference, true_gradient
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.policies import Parameters, Policy, stacked
from pg.learning.recent import Recent, collected
from pg.learning.tabular import action_probabilities
from pg.learning.updates import update
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.variant import Variant
from pg.parts.windows.own import Own

_MOST_ENUMERATED = 5_000
_LEARNER = "path.variant"  # no name of a variant has a dot
_ONE = Own(batches=1)

# The first columns of the rows after those that name them; any others follow.
_COLUMNS = (
    *("kl_from_oldest", "total_variance", "relative_bias", "relative_bias_noise", "cosine", "effective_share"),
    "largest_weight",
)

_log = logging.getLogger("pg")


def slide_windows(job: MeasurementJob[WindowOptions], policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Follow a learner, and measure every variant on the batches of as many of its latest policies as it has batches.

    There is a row per seed and variant, with `METRICS`. If an importance weight is not finite, the variant's metrics
    are NaN and the log gives the reason.
    """
    shared, rows = _Shared.of(job), []
    for seed in job.seeds:
        first = policy_of(job, policies, seed, shared.pool_copies.spaces, torch.float64)
        recent = shared.samples_along_path(first, seed)
        found = _Measured(shared, recent, shared.true_gradient(recent.policies[-1], seed))
        for name, variant in job.variants.items():
            try:
                metrics = values(METRICS, found.of(variant))
            except NonFiniteWeights as error:
                _log.warning("seed %d: %s: %s", seed, name, error)
                metrics = missing(METRICS)
            names = {"seed": seed, "variant": name, "batch": job.options.sample.batches[0]}
            rows.append({**names, **dict.fromkeys(_COLUMNS), **metrics})
        _log.info("seed %d: %d variants after %d updates", seed, len(job.variants), job.options.path.iterations)
    return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all seeds of a job share: copies of the environment, its tables, its enumerated trajectories."""

    job: MeasurementJob[WindowOptions]
    mdp: MDP | None
    enumeration: Enumeration | None
    batch_copies: Environments
    pool_copies: Environments

    @classmethod
    def of(cls, job: MeasurementJob[WindowOptions]) -> _Shared:
        mdp = mdp_of(job.environment)
        is_small = mdp is not None and count_trajectories(mdp) <= _MOST_ENUMERATED
        return cls(
            job=job,
            mdp=mdp,
            enumeration=enumerate_paid(job.environment, _MOST_ENUMERATED) if is_small else None,
            batch_copies=make_environments(job.environment, job.others[_LEARNER].batch),
            pool_copies=make_environments(job.environment, job.options.sample.trajectories),
        )

    def path(self, first: Policy, seed: int) -> list[Policy]:
        """Return the learner's policies, from the first to the last."""
        learner, policy, visited = self.job.others[_LEARNER], copy.deepcopy(first), [first]
        rate = learner.optimizer.learning_rate
        assert not isinstance(rate, str), "validation refuses learners with a tuned learning rate"
        optimizer = learner.optimizer.over(policy.parameters(), rate)
        for iteration in range(self.job.options.path.iterations):
            batch = self.sampled(self.batch_copies, policy, seed, f"path {iteration}")
            update(policy, optimizer, learner, batch, self.mdp)
            visited.append(copy.deepcopy(policy))
        return visited

    def samples_along_path(self, first: Policy, seed: int) -> Recent:
        """Return a sample of each of the learner's policies."""
        recent = None
        for at, policy in enumerate(self.path(first, seed)):
            recent = collected(policy, self.sampled(self.pool_copies, policy, seed, f"pool {at}"), recent)
        assert recent is not None, "a path has at least one policy"
        return recent

    def sampled(self, copies: Environments, policy: Policy, seed: int, purpose: str) -> Trajectories:
        generators = generators_of(seed, self.job.stage, "window", purpose)
        return in_float64(sample(copies, policy, generators, self.job.environment.rewards))

    def true_gradient(self, target: Policy, seed: int) -> Reference:
        job = self.job
        return true_gradient(job.environment, self.mdp, target, job.options.sample, seed, job.stage, "window")


@dataclass(frozen=True, slots=True)
class _Measured:
    """The policies of one learner with a sample of each, and the gradient at the last."""

    shared: _Shared
    recent: Recent
    true: Reference

    def of(self, variant: Variant) -> Corrected:
        """Return the estimates of a variant, each from a batch of every policy in its window."""
        recent, mdp = self.recent.latest(variant.batches), self.shared.mdp
        size = self.shared.job.options.sample.batches[0]

        def grouped(values: Tensor) -> Tensor:
            """Divide the samples into batches, and join one of each policy: (1, B M, ...) to (S, B N, ...)."""
            batches = values.reshape(recent.batches, -1, size, *values.shape[2:])
            return batches.transpose(0, 1).flatten(1, 2)

        oldest, newest = recent.policies[0], recent.policies[-1]
        reuse = Reuse.of_window(
            target=newest,
            policies=recent.policies,
            trajectories=recent.trajectories.map_tensors(grouped),
            window=variant.window or _ONE,
            log_probs=torch.stack([grouped(one) for one in recent.log_probs]),
        )
        gradients, weights = corrected_gradients(reuse, variant), reuse.importance_weights(variant)
        if mdp is None:
            of_oldest = self.shared.job.options.sample.trajectories
            kl = divergence(oldest, newest, recent.trajectories.map_tensors(lambda values: values[:, :of_oldest]))
        else:
            kl = exact_divergence(oldest, newest, mdp)
        bias = self._exact_bias(variant, recent.policies)
        return Corrected(gradients, self.true, weights, reuse.live(weights), kl, bias, None)

    def _exact_bias(self, variant: Variant, policies: Sequence[Policy]) -> float | None:
        """Return the relative bias if trajectories are enumerated and the estimate is a mean over them."""
        enumeration = self.shared.enumeration
        if enumeration is None or not variant.is_mean_over_trajectories:
            return None
        every = joined([enumeration.trajectories] * len(policies))
        reuse = Reuse.of_window(policies[-1], policies, every, variant.window or _ONE, enumeration.mdp)
        with torch.no_grad():
            tables = [action_probabilities(stacked(policy), enumeration.mdp) for policy in policies]
            chances = torch.cat([enumeration.probabilities(table) for table in tables]) / len(policies)
        bias = expected_gradient(reuse, variant, chances) - self.true.gradient
        return ratio(bias.norm().item(), self.true.gradient.norm().item())
