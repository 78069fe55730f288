"""Take single updates from a frozen policy, each on a new batch; measure their size and the change of likelihoods."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from pg.core.randomness import generator
from pg.core.trajectories import Environments, Trajectories
from pg.environments.catalogue import mdp_of
from pg.environments.mdp import MDP
from pg.environments.stacked import make_environments
from pg.experiments.update import likelihoods, moves
from pg.experiments.update.job import UpdateJob
from pg.experiments.update.likelihoods import Effect
from pg.experiments.update.moves import Move
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, in_float64, sample
from pg.learning.policies import Parameters, Policy, thaw
from pg.learning.updates import update
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.critic import Critic
from pg.parts.variant import Variant

_UNKNOWN: dict[str, float] = dict.fromkeys(
    ("rank_correlation", "rising_below_average", "rising_above_average", "kl_on_batch", "kl_on_fresh"), math.nan
)

_log = logging.getLogger("pg")


@dataclass(frozen=True, slots=True)
class Improver:
    """A variant that takes several updates, each from the same policy.

    Attributes
    ----------
    variant
        The estimator, and the optimizer with its learning rate; each update has a new optimizer.
    mdp
        The environment's tables, where they are known.
    shuffling
        Generator that shuffles batches into minibatches, if the variant uses them.
    limit_state
        State that the limit on the KL divergence keeps between updates, as in training. A penalty needs it, because its
        initial factor does not keep the limit.
    critic
        The variant's value network, fitted to the policy, where it has one.
    """

    variant: Variant
    mdp: MDP | None
    shuffling: np.random.Generator
    limit_state: dict[str, float]
    critic: Critic | None

    def improved(self, policy: Policy, batch: Trajectories) -> Policy:
        """Return a copy of the policy after one update on a batch.

        Parameters
        ----------
        policy
            In float64; not changed.
        batch
            Trajectories of the policy, S = 1, in float64.
        """
        improved, rate = copy.deepcopy(policy), self.variant.optimizer.learning_rate
        # Validation refuses tuned variants here, so "tuned" is the default of a natural gradient, which needs no rate.
        optimizer = self.variant.optimizer.over(improved.parameters(), 0.0 if rate == "tuned" else rate)
        update(improved, optimizer, self.variant, batch, self.mdp, self.shuffling, self.limit_state, self.critic)
        return improved


def take_updates(job: UpdateJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Take single updates, each from the frozen policy and on a separate batch, and measure their effects.

    Parameters
    ----------
    job
        The environment and the estimators. Variants of equal N get the same batches, and all variants the same
        fresh trajectories.
    policies
        Parameters of each seed's frozen policy.

    Returns
    -------
    DataFrame
        A row per seed and variant: seed, variant, batch, `likelihoods.measures` of the effects, and
        `moves.measures` of the divergences. Columns over the limit exist only if some variant has a limit.

    Notes
    -----
    If an importance weight of an update is not finite, the variant's measures are NaN for that policy, and the log
    gives the reason.
    """
    mdp, fresh_copies = mdp_of(job.environment), make_environments(job.environment, 1, job.fresh)
    sizes = {variant.batch for variant in job.variants.values()}
    batch_copies = {size: make_environments(job.environment, 1, size) for size in sizes}
    rows: list[dict[str, int | float | str]] = []
    for seed in job.seeds:
        policy = thaw(job.policy, fresh_copies.spaces, policies[seed], torch.float64)
        samples = _samples(job, seed, policy, batch_copies, fresh_copies)
        rows += _rows(seed, policy, _improvers(job, seed, policy, mdp), samples)
        _log.info("seed %d: %d updates by each of %d variants", seed, job.updates, len(job.variants))
    return pd.DataFrame(rows)


def _improvers(job: UpdateJob, seed: int, policy: Policy, mdp: MDP | None) -> dict[str, Improver]:
    critics = fitted_critics(job.environment, policy, job.variants, seed, job.stage)
    return {
        name: Improver(variant, mdp, generator(seed, "probe", job.stage, "update", "minibatches"), {}, critics[name])
        for name, variant in job.variants.items()
    }


def _rows(
    seed: int,
    policy: Policy,
    improvers: Mapping[str, Improver],
    samples: Iterable[tuple[Mapping[int, Trajectories], Trajectories]],
) -> list[dict[str, int | float | str]]:
    """Take an update by each variant on each sample, and return a row per variant."""
    effects: dict[str, list[Effect]] = {name: [] for name in improvers}
    gone: dict[str, list[Move]] = {name: [] for name in improvers}
    lost: set[str] = set()
    for batches, fresh in samples:
        for name, improver in improvers.items():
            batch = batches[improver.variant.batch]
            try:
                improved = improver.improved(policy, batch)
            except NonFiniteWeights as error:
                _log.warning("seed %d: an update by %s is lost: %s", seed, name, error)
                lost.add(name)
                continue
            effects[name].append(Effect.of(policy, improved, batch, fresh))
            gone[name].append(Move.of(policy, improved, batch, fresh, improver.variant.kl))
    return [
        {
            "seed": seed,
            "variant": name,
            "batch": improver.variant.batch,
            **(_UNKNOWN if name in lost else _found(effects[name], gone[name], improver.variant)),
        }
        for name, improver in improvers.items()
    ]


def _found(effects: list[Effect], gone: list[Move], variant: Variant) -> dict[str, float]:
    return {**likelihoods.measures(effects), **moves.measures(gone, variant.kl)}


def _samples(
    job: UpdateJob, seed: int, policy: Policy, batch_copies: Mapping[int, Environments], fresh_copies: Environments
) -> Iterator[tuple[dict[int, Trajectories], Trajectories]]:
    """Yield a batch of each size and fresh trajectories, as often as the job takes updates."""

    def sampled(environments: Environments, repetition: int, purpose: str) -> Trajectories:
        generators = generators_of(seed, job.stage, "update", str(repetition), purpose)
        return in_float64(sample(environments, policy, generators, job.environment.rewards))

    for repetition in range(job.updates):
        batches = {size: sampled(copies, repetition, "batch") for size, copies in batch_copies.items()}
        yield batches, sampled(fresh_copies, repetition, "fresh")
