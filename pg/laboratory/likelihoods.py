r"""What one update does to the likelihood of trajectories: more of the good stuff, less of the bad stuff.

$\Delta \log p(\tau) = \log p_{\theta'}(\tau) - \log p_\theta(\tau) = \sum_t \log \pi_{\theta'}(a_t \mid s_t) -
\log \pi_\theta(a_t \mid s_t)$: the start and the transitions are the environment's, and cancel.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.stats import spearmanr
from torch import Tensor

from pg.environments.catalogue import mdp_of
from pg.environments.stacked import make_environments
from pg.environments.tabular import MDP
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import Parameters, generators_of, in_float64, sample, thaw
from pg.learning.constraints import Penalty
from pg.learning.critic import Critic
from pg.learning.policies import Policy
from pg.learning.updates import make_optimizer, update
from pg.randomness import generator
from pg.study.jobs import UpdateJob
from pg.study.model import Variant
from pg.trajectories import Environments, Trajectories, on_valid_steps

# Sums of equal terms in another order differ by rounding; trajectories that change alike must tie.
_DECIMALS = 9

_log = logging.getLogger("pg")


@dataclass(frozen=True, slots=True)
class Effect:
    r"""What one update did to trajectories of the policy that it started from.

    Attributes
    ----------
    rank_correlation
        Spearman's, of $\Delta \log p(\tau)$ with the return over trajectories that the update has not seen.
    below_rise, above_rise
        Of those trajectories of the batch that earned less (more) than the batch's mean: true where
        $\Delta \log p(\tau) > 0$.
    """

    rank_correlation: float
    below_rise: Bool[Tensor, " n"]
    above_rise: Bool[Tensor, " n"]


def take_updates(job: UpdateJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Take single updates, each from the frozen policy itself on a batch of its own, and measure their effects.

    Parameters
    ----------
    job
        The environment and the estimators. Variants of equal N meet the same batches, and all variants the same
        fresh trajectories.
    policies
        Parameters of each seed's frozen policy.

    Returns
    -------
    DataFrame
        A row per seed and variant: seed, variant, batch, and what `measures` makes of the effects.
    """
    mdp, fresh_copies = mdp_of(job.environment), make_environments(job.environment, 1, job.fresh)
    sizes = {variant.batch for variant in job.variants.values()}
    batch_copies = {size: make_environments(job.environment, 1, size) for size in sizes}
    rows: list[dict[str, int | float | str]] = []
    for seed in job.seeds:
        policy = thaw(job.policy, fresh_copies.spaces, policies[seed], torch.float64)
        effects: dict[str, list[Effect]] = {name: [] for name in job.variants}
        shuffling = generator(seed, "probe", job.stage, "update", "minibatches")
        critics = fitted_critics(job.environment, policy, job.variants, seed, job.stage)
        for batches, fresh in _samples(job, seed, policy, batch_copies, fresh_copies):
            for name, variant in job.variants.items():
                batch = batches[variant.batch]
                effects[name].append(take_update(policy, variant, batch, fresh, mdp, shuffling, critics[name]))
        rows += [
            {"seed": seed, "variant": name, "batch": variant.batch, **measures(effects[name])}
            for name, variant in job.variants.items()
        ]
        _log.info("seed %d: %d updates by each of %d variants", seed, job.updates, len(job.variants))
    return pd.DataFrame(rows)


def take_update(
    policy: Policy,
    variant: Variant,
    batch: Trajectories,
    fresh: Trajectories,
    mdp: MDP | None = None,
    shuffling: np.random.Generator | None = None,
    critic: Critic | None = None,
) -> Effect:
    """Let a copy of the policy take one update, and tell what it did to the batch and to fresh trajectories.

    Parameters
    ----------
    policy
        In float64; it stays as it is.
    variant
        The estimator, and the optimizer with its learning rate.
    batch, fresh
        Trajectories of the policy, S = 1, in float64: those that the update learns from, and others.
    mdp
        The environment's tables, where they are known.
    shuffling
        Cuts the batch where the variant takes minibatches.
    critic
        The value network, where the variant has one.
    """
    improved = copy.deepcopy(policy)
    rate = variant.optimizer.learning_rate
    # Validation lets no tuned variant take single updates, and a natural gradient needs no rate.
    optimizer = make_optimizer(variant.optimizer, improved, 0.0 if rate == "tuned" else rate)
    update(improved, optimizer, variant, batch, mdp, shuffling=shuffling, penalty=Penalty(), critic=critic)

    changes, returns = log_likelihood_changes(policy, improved, batch), batch.returns
    return Effect(
        rank_correlation=_rank_correlation(log_likelihood_changes(policy, improved, fresh), fresh.returns),
        below_rise=changes[returns < returns.mean()] > 0,
        above_rise=changes[returns > returns.mean()] > 0,
    )


def log_likelihood_changes(before: Policy, after: Policy, trajectories: Trajectories) -> Float[Tensor, "S N"]:
    r"""Return $\Delta \log p(\tau)$ of each trajectory, to nine decimals.

    Parameters
    ----------
    before, after
        $\pi_\theta$ and $\pi_{\theta'}$, in float64.
    trajectories
        In float64.
    """

    def log_ratio(observations: Tensor, actions: Tensor) -> Tensor:
        return after.log_prob(observations, actions) - before.log_prob(observations, actions)

    with torch.no_grad():
        return on_valid_steps(log_ratio, trajectories).sum(-1).round(decimals=_DECIMALS)


def measures(effects: Sequence[Effect]) -> dict[str, float]:
    r"""Summarise what the updates of one variant from one policy did.

    rank_correlation is the mean over those updates whose fresh trajectories differ in return; it says of $R$ what it
    says of $R - b$, since a constant changes no rank. rising_below_average and rising_above_average are shares, over
    the trajectories of all batches, of those below (above) their batch's mean return that became likelier. Each is
    undefined (NaN) where nothing is left to average.

    Notes
    -----
    The rank correlation tests the lecture's "Intuition". The shares test what it says of baselines, about a
    trajectory's own term of the gradient, on what the whole step makes of the trajectory: probabilities sum to one,
    and so a trajectory may become less likely although its own term pushes it up, where others are pushed harder.
    """
    return {
        "rank_correlation": _mean_of_defined([one.rank_correlation for one in effects]),
        "rising_below_average": _share([one.below_rise for one in effects]),
        "rising_above_average": _share([one.above_rise for one in effects]),
    }


def _samples(
    job: UpdateJob, seed: int, policy: Policy, batch_copies: Mapping[int, Environments], fresh_copies: Environments
) -> Iterator[tuple[dict[int, Trajectories], Trajectories]]:
    """Yield a batch of each size and fresh trajectories, as often as the job takes updates."""

    def sampled(environments: Environments, repetition: int, purpose: str) -> Trajectories:
        generators = generators_of(seed, job.stage, "update", str(repetition), purpose)
        return in_float64(sample(environments, policy, generators))

    for repetition in range(job.updates):
        batches = {size: sampled(copies, repetition, "batch") for size, copies in batch_copies.items()}
        yield batches, sampled(fresh_copies, repetition, "fresh")


def _rank_correlation(changes: Float[Tensor, "1 N"], returns: Float[Tensor, "1 N"]) -> float:
    """Return Spearman's correlation, undefined (NaN) where all returns are equal.

    It is 0 where all changes are equal, since such an update prefers no trajectory to another.
    """
    if returns.unique().numel() == 1:
        return float("nan")
    if changes.unique().numel() == 1:
        return 0.0
    return float(spearmanr(changes.flatten().numpy(), returns.flatten().numpy()).statistic)


def _mean_of_defined(values: Sequence[float]) -> float:
    return torch.tensor(values, dtype=torch.float64).nanmean().item()


def _share(marked: Sequence[Bool[Tensor, " n"]]) -> float:
    return torch.cat([*marked]).to(torch.float64).mean().item()
