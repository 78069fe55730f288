"""Take single updates from a frozen policy, each on a new batch; measure their size and the change of likelihoods."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pg.core.randomness import generator
from pg.core.trajectories import Environments, Trajectories
from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.environments.mdp import MDP
from pg.experiments.metric import missing, values
from pg.experiments.update.effects import Effect
from pg.experiments.update.metrics import METRICS
from pg.experiments.update.options import UpdateOptions
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, in_float64, policy_of, sample
from pg.laboratory.job import MeasurementJob
from pg.learning.policies import Parameters, Policy
from pg.learning.updates import update
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.critic import Critic
from pg.parts.limits.base import Limit
from pg.parts.variant import Variant

_log = logging.getLogger("pg")


@dataclass(frozen=True, slots=True)
class Improver:
    """A variant that takes several updates, each from the same policy and with a new optimizer.

    Attributes
    ----------
    variant, mdp, critic
        The estimator and its optimizer; the environment's tables and the value network, where there are any.
    shuffling
        Generator that shuffles batches into minibatches, if the variant uses them.
    limit_state
        State that the limit on the KL divergence keeps between updates, as in training. A penalty needs it, because its
        initial factor does not keep the limit.
    """

    variant: Variant
    mdp: MDP | None
    shuffling: np.random.Generator
    limit_state: dict[str, float]
    critic: Critic | None

    def improved(self, policy: Policy, batch: Trajectories) -> Policy:
        """Return a copy of a float64 policy after one update on a batch of its trajectories, S = 1."""
        improved, rate = copy.deepcopy(policy), self.variant.optimizer.learning_rate
        # Validation refuses tuned variants here, so "tuned" is the default of a natural gradient, which needs no rate.
        optimizer = self.variant.optimizer.over(improved.parameters(), 0.0 if rate == "tuned" else rate)
        update(improved, optimizer, self.variant, batch, self.mdp, self.shuffling, self.limit_state, self.critic)
        return improved


@dataclass(frozen=True, slots=True)
class Updates:
    """The effects of the updates of one variant from one policy, and the variant's limit."""

    effects: Sequence[Effect]
    limit: Limit | None

    @property
    def rank_correlations(self) -> Float[Tensor, " n"]:
        """The rank correlation of each update; NaN where its fresh trajectories do not differ in return."""
        return torch.tensor([one.rank_correlation for one in self.effects], dtype=torch.float64)

    @property
    def below_rise(self) -> Bool[Tensor, " n"]:
        """Of all batches' trajectories that earned less than their batch's mean: which became likelier."""
        return torch.cat([one.below_rise for one in self.effects])

    @property
    def above_rise(self) -> Bool[Tensor, " n"]:
        """The same of those that earned more."""
        return torch.cat([one.above_rise for one in self.effects])

    @property
    def kl_on_batch(self) -> float:
        """Mean divergence on the batches."""
        return fmean(one.kl_on_batch for one in self.effects)

    @property
    def kl_on_fresh(self) -> float:
        """Mean divergence on fresh trajectories."""
        return fmean(one.kl_on_fresh for one in self.effects)


def take_updates(job: MeasurementJob[UpdateOptions], policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Take single updates, each from the frozen policy and on a separate batch, and measure their effects.

    Variants of equal N get the same batches, and all variants the same fresh trajectories. There is a row per seed and
    variant, with `METRICS`. If an importance weight of an update is not finite, the variant's metrics are NaN for that
    policy, and the log gives the reason.
    """
    mdp, fresh_copies = mdp_of(job.environment), make_environments(job.environment, job.options.fresh)
    sizes = {variant.batch for variant in job.variants.values()}
    batch_copies = {size: make_environments(job.environment, size) for size in sizes}
    rows: list[dict[str, int | float | str]] = []
    for seed in job.seeds:
        policy = policy_of(job, policies, seed, fresh_copies.spaces, torch.float64)
        critics = fitted_critics(job.environment, policy, job.variants, seed, job.stage)
        minibatches = (seed, "probe", job.stage, "update", "minibatches")
        improvers = {
            name: Improver(variant, mdp, generator(*minibatches), {}, critics[name])
            for name, variant in job.variants.items()
        }
        effects: dict[str, list[Effect]] = {name: [] for name in improvers}
        failed: set[str] = set()
        for batches, fresh in _samples(job, seed, policy, batch_copies, fresh_copies):
            for name, improver in improvers.items():
                batch = batches[improver.variant.batch]
                try:
                    improved = improver.improved(policy, batch)
                except NonFiniteWeights as error:
                    _log.warning("seed %d: an update by %s failed: %s", seed, name, error)
                    failed.add(name)
                else:
                    effects[name].append(Effect.of(policy, improved, batch, fresh, improver.variant.kl))
        for name, variant in job.variants.items():
            found = missing(METRICS) if name in failed else values(METRICS, Updates(effects[name], variant.kl))
            rows.append({"seed": seed, "variant": name, "batch": variant.batch, **found})
        _log.info("seed %d: %d updates by each of %d variants", seed, job.options.updates, len(job.variants))
    return pd.DataFrame(rows)


def _samples(
    job: MeasurementJob[UpdateOptions],
    seed: int,
    policy: Policy,
    batch_copies: Mapping[int, Environments],
    fresh_copies: Environments,
) -> Iterator[tuple[dict[int, Trajectories], Trajectories]]:
    """Yield a batch of each size and fresh trajectories, as often as the job takes updates."""

    def sampled(environments: Environments, repetition: int, purpose: str) -> Trajectories:
        generators = generators_of(seed, job.stage, "update", str(repetition), purpose)
        return in_float64(sample(environments, policy, generators, job.environment.rewards))

    for repetition in range(job.options.updates):
        batches = {size: sampled(copies, repetition, "batch") for size, copies in batch_copies.items()}
        yield batches, sampled(fresh_copies, repetition, "fresh")
