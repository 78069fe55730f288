r"""Measure corrections for stale data, after 0, 1, 2, ... gradient steps away from the policy that collected them.

The policy π_θ collected the data. After k gradient steps on one batch the policy is π_θ'. The corrections estimate its
gradient $\nabla J(\theta')$ from the data of π_θ.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
import torch

from pg.core.trajectories import Environments, Trajectories
from pg.environments.catalogue import mdp_of
from pg.environments.enumeration import Enumeration, enumerate_paid
from pg.environments.mdp import MDP, count_trajectories
from pg.environments.stacked import make_environments
from pg.experiments.probe.measure import measures
from pg.experiments.staleness.bias import bias_parts, expected_gradient
from pg.experiments.staleness.job import StalenessJob
from pg.laboratory.critics import fitted_critics
from pg.laboratory.distances import divergence, exact_divergence, state_variation
from pg.laboratory.frozen import generators_of, in_float64, sample
from pg.laboratory.reference import Reference, ratio, reference
from pg.laboratory.reuse import Reuse, corrected_gradients_of_all
from pg.learning.policies import Parameters, Policy, stack, thaw
from pg.learning.tabular import action_probabilities
from pg.learning.updates import update
from pg.parts.corrections.weights import NonFiniteWeights, effective_share
from pg.parts.critic import Critic
from pg.parts.variant import Variant

_MOST_ENUMERATED = 200_000
_FEW = 64

_MEASURED = (
    "kl",
    "total_variance",
    "relative_bias",
    "relative_bias_noise",
    "cosine",
    "effective_share",
    "largest_weight",
)

Row = dict[str, float | int | str]

_log = logging.getLogger("pg")


def follow_steps(job: StalenessJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    r"""Take gradient steps on one batch, and measure every correction at each θ' on the way.

    Parameters
    ----------
    job
        The environment, the variant whose steps are followed, the corrections and the sample's size.
    policies
        Parameters of each seed's frozen policy, θ.

    Returns
    -------
    DataFrame
        A row per seed, number of steps k and variant. kl is $\mathbb{E}_{s \sim \pi_\theta}
        [\mathrm{KL}(\pi_{\theta'} \Vert \pi_\theta)]$; total_variance and cosine are those of `measures`, over batches
        of trajectories of π_θ against $\nabla J(\theta')$; effective_share is the mean over these batches and
        largest_weight the largest over all. relative_bias is exact, and its noise 0, where trajectories can be
        enumerated and the variant computes nothing from the batch as a whole; else both are those of `measures`. On
        tables also state_part and return_part of `bias_parts` over $\lVert \nabla J(\theta') \rVert$, and
        state_variation; there kl is exact too.

    Notes
    -----
    If an importance weight is not finite, the variant's measures are NaN and the log gives the reason. Other policies
    and other corrections are not affected.
    """
    bench = _Bench.of(job)
    rows: list[Row] = []
    for seed in job.seeds:
        start = thaw(job.policy, bench.batch_copies.spaces, policies[seed], torch.float64)
        pool = bench.sampled(bench.pool_copies, start, seed, "pool")
        walk_batch = bench.sampled(bench.batch_copies, start, seed, "walk")
        critics, walker_critic = bench.fitted_critics(start, seed)
        for steps in job.steps:
            try:
                target = walked(start, job.walker, walk_batch, steps, bench.mdp, walker_critic)
            except NonFiniteWeights as error:
                _log.warning("seed %d: the walk of %d steps failed: %s", seed, steps, error)
                rows += [{"seed": seed, **_unknown(bench, name, steps)} for name in job.variants]
                continue
            true = bench.true_gradient(target, seed, steps)
            reuse = Reuse.at(target, start, pool.regrouped(job.sample.batches[0]), bench.mdp)
            rows += [{"seed": seed, **found} for found in _of_each(bench, reuse, true, steps, critics, seed)]
        _log.info("seed %d: %d corrections after %d steps and before", seed, len(job.variants), max(job.steps))
    return pd.DataFrame(rows)


def walked(
    start: Policy,
    walker: Variant,
    batch: Trajectories,
    steps: int,
    mdp: MDP | None = None,
    critic: Critic | None = None,
) -> Policy:
    r"""Return the policy after a number of gradient steps on one batch, with no limit on its divergence.

    It is one update of so many passes over the whole batch, so that ratios stay those to θ, and a longer walk goes on
    where a shorter one ends.

    Parameters
    ----------
    start
        π_θ, which collected the batch; it stays as it is.
    walker
        The estimator that is followed, and the optimizer with its learning rate.
    batch
        S = 1.
    steps
        k; 0 gives the start.
    mdp
        The environment's tables, where they are known.
    critic
        The walker's value network, where it has one.
    """
    policy = copy.deepcopy(start)
    rate = walker.optimizer.learning_rate
    assert not isinstance(rate, str), "validation lets no tuned variant walk"
    if steps:
        passes = walker.model_copy(update={"gradient_steps": steps, "minibatches": 1, "kl": None})
        update(policy, walker.optimizer.over(policy.parameters(), rate), passes, batch, mdp, critic=critic)
    return policy


@dataclass(frozen=True, slots=True)
class _Bench:
    """Data that all seeds of a job share: copies of the environment, its tables, its enumerated trajectories."""

    job: StalenessJob
    mdp: MDP | None
    enumeration: Enumeration | None
    batch_copies: Environments
    pool_copies: Environments

    @classmethod
    def of(cls, job: StalenessJob) -> _Bench:
        mdp = mdp_of(job.environment)
        is_small = mdp is not None and count_trajectories(mdp) <= _MOST_ENUMERATED
        return cls(
            job=job,
            mdp=mdp,
            enumeration=enumerate_paid(job.environment, _MOST_ENUMERATED) if is_small else None,
            batch_copies=make_environments(job.environment, 1, job.walker.batch),
            pool_copies=make_environments(job.environment, 1, job.sample.trajectories),
        )

    def sampled(self, copies: Environments, policy: Policy, seed: int, purpose: str) -> Trajectories:
        generators = generators_of(seed, self.job.stage, "staleness", purpose)
        return in_float64(sample(copies, policy, generators, self.job.environment.rewards))

    def fitted_critics(self, behaviour: Policy, seed: int) -> tuple[dict[str, Critic | None], Critic | None]:
        """Fit the value networks of the corrections, and that of the walker, to the behaviour policy."""
        job, count = self.job, self.job.sample.critic_trajectories
        critics = fitted_critics(job.environment, behaviour, job.variants, seed, job.stage, count)
        return critics, fitted_critics(job.environment, behaviour, {"": job.walker}, seed, job.stage, count)[""]

    def true_gradient(self, target: Policy, seed: int, steps: int) -> Reference:
        """Return ∇J(θ'), by an independent sample of π_θ' if there are no tables."""
        if self.mdp is not None:
            return Reference.exact(self.mdp, target)
        # Sampled trajectories are in single precision.
        single, stage = copy.deepcopy(target).float(), f"{self.job.stage}/{steps}"
        few = make_environments(self.job.environment, 1, _FEW)
        generators = generators_of(seed, stage, "staleness", "tried")
        tried = sample(few, single, generators, self.job.environment.rewards)
        return reference(self.job.environment, single, self.job.sample, seed, stage, tried)


def _of_each(
    bench: _Bench, reuse: Reuse, true: Reference, steps: int, critics: Mapping[str, Critic | None], seed: int
) -> list[Row]:
    """Return the measures of every variant; missing values for a variant with weights that are not finite."""
    try:
        return list(_corrections(bench, bench.job.variants, reuse, true, steps, critics))
    except NonFiniteWeights:
        rows: list[Row] = []
        for name, variant in bench.job.variants.items():
            try:
                rows += list(_corrections(bench, {name: variant}, reuse, true, steps, critics))
            except NonFiniteWeights as error:
                _log.warning("seed %d, after %d steps: %s: %s", seed, steps, name, error)
                rows.append(_unknown(bench, name, steps))
        return rows


def _unknown(bench: _Bench, name: str, steps: int) -> Row:
    return {
        "variant": name,
        "batch": bench.job.sample.batches[0],
        "steps": steps,
        **dict.fromkeys(_MEASURED, math.nan),
    }


def _corrections(
    bench: _Bench,
    variants: Mapping[str, Variant],
    reuse: Reuse,
    true: Reference,
    steps: int,
    critics: Mapping[str, Critic | None],
) -> Iterator[Row]:
    """Yield the measures of some variants at one θ'."""
    kl, change = _kl(reuse), {} if reuse.mdp is None else _change(reuse.behaviour, reuse.target, reuse.mdp, true)
    biases = _exact_biases(bench.enumeration, variants, reuse, true, critics)
    for name, gradients in corrected_gradients_of_all(reuse, variants, critics).items():
        found = measures(gradients, true)
        is_exact = name in biases
        weights = reuse.importance_weights(variants[name])
        yield {
            "variant": name,
            "batch": reuse.trajectories.mask.shape[1],
            "steps": steps,
            "kl": kl,
            "total_variance": found["total_variance"],
            "relative_bias": biases[name] if is_exact else found["relative_bias"],
            "relative_bias_noise": 0.0 if is_exact else found["relative_bias_noise"],
            "cosine": found["cosine"],
            "effective_share": effective_share(weights, reuse.live(weights)).mean().item(),
            "largest_weight": weights.max().item(),
            **change,
        }


def _exact_biases(
    enumeration: Enumeration | None,
    variants: Mapping[str, Variant],
    reuse: Reuse,
    true: Reference,
    critics: Mapping[str, Critic | None],
) -> dict[str, float]:
    """Return the relative bias of every variant whose expectation is a sum over single trajectories."""
    if enumeration is None:
        return {}
    every = Reuse.at(reuse.target, reuse.behaviour, enumeration.trajectories, enumeration.mdp)
    with torch.no_grad():
        table = action_probabilities(stack([reuse.behaviour]), enumeration.mdp)
        probabilities = enumeration.probabilities(table)
    expected = {
        name: expected_gradient(every, variant, probabilities, critics[name])
        for name, variant in variants.items()
        if variant.is_mean_over_trajectories
    }
    norm = true.gradient.norm().item()
    return {name: ratio((found - true.gradient).norm().item(), norm) for name, found in expected.items()}


def _kl(reuse: Reuse) -> float:
    if reuse.mdp is None:
        return divergence(reuse.behaviour, reuse.target, reuse.trajectories)
    return exact_divergence(reuse.behaviour, reuse.target, reuse.mdp)


def _change(behaviour: Policy, target: Policy, mdp: MDP, true: Reference) -> dict[str, float]:
    """Measure the change of states and returns by the change of policy."""
    norm = true.gradient.norm().item()
    state_part, return_part = bias_parts(behaviour, target, mdp)
    return {
        "state_part": ratio(state_part.norm().item(), norm),
        "return_part": ratio(return_part.norm().item(), norm),
        "state_variation": state_variation(behaviour, target, mdp),
    }
