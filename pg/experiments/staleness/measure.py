r"""Measure corrections for stale data, after 0, 1, 2, ... gradient steps away from the policy that collected them.

The policy π_θ collected the data. After k gradient steps on one batch the policy is π_θ'. The corrections estimate its
gradient $\nabla J(\theta')$ from the data of π_θ.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pg.core.trajectories import Environments, Trajectories
from pg.environments import exact
from pg.environments.catalogue import COMPONENTS, mdp_of
from pg.environments.copies import make_environments
from pg.environments.enumeration import Enumeration, enumerate_paid
from pg.environments.mdp import MDP, count_trajectories
from pg.experiments.estimates import Estimates
from pg.experiments.gradient_metrics import ratio
from pg.experiments.metric import missing, values
from pg.experiments.staleness import shift
from pg.experiments.staleness.metrics import METRICS
from pg.experiments.staleness.options import STATES, WEIGHTS, StalenessOptions
from pg.laboratory.critics import fitted_critics
from pg.laboratory.distances import divergence, exact_divergence, state_variation
from pg.laboratory.frozen import generators_of, in_float64, policy_of, sample
from pg.laboratory.job import MeasurementJob
from pg.laboratory.reference import Reference, true_gradient
from pg.laboratory.reuse import Reuse, corrected_gradients_of_all
from pg.learning.policies import Parameters, Policy, flatten, repeat, stacked
from pg.learning.tabular import action_probabilities, state_distributions_of
from pg.learning.updates import update
from pg.parts import estimator as compose
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.critic import Critic
from pg.parts.variant import Variant

_MOST_ENUMERATED = 200_000
_VISITED = 64  # trajectories of a policy, for the histogram of its states
_WALKER = "walk.variant"  # no name of a variant has a dot

# The first columns of the rows after those that name them; any others follow.
_COLUMNS = (
    *("kl", "total_variance", "relative_bias", "relative_bias_noise", "cosine", "effective_share"),
    "largest_weight",
)

_log = logging.getLogger("pg")


@dataclass(frozen=True, slots=True)
class Change:
    """The change of states and returns by a change of policy: norms of `bias_parts` over ‖∇J(θ')‖, and variation."""

    state_part: float
    return_part: float
    state_variation: float


@dataclass(frozen=True)
class Corrected(Estimates):
    r"""The estimates of $\nabla J(\theta')$ by one variant, from batches of trajectories of π_θ.

    Attributes
    ----------
    weights, live
        (S, N, T) or (S, N, 1): the importance weights, and which of them belong to valid steps.
    kl
        $\mathbb{E}_{s \sim \pi_\theta} [\mathrm{KL}(\pi_{\theta'} \Vert \pi_\theta)]$, exact if there are tables.
    exact_bias
        The relative bias if trajectories can be enumerated and the variant computes nothing from the batch as a whole,
        else None.
    tables
        None if the environment has no tables.
    """

    weights: Float[Tensor, "S N #T"]
    live: Bool[Tensor, "S N #T"]
    kl: float
    exact_bias: float | None
    tables: Change | None

    @property
    def relative_bias(self) -> float:
        """Exact if possible."""
        return super().relative_bias if self.exact_bias is None else self.exact_bias

    @property
    def relative_bias_noise(self) -> float:
        """0 if the bias is exact."""
        return super().relative_bias_noise if self.exact_bias is None else 0.0


def follow_steps(job: MeasurementJob[StalenessOptions], policies: Mapping[int, Parameters]) -> dict[str, pd.DataFrame]:
    """Take gradient steps on one batch, and measure every correction at each θ' that the study names.

    If an importance weight is not finite, the variant's metrics are NaN and the log gives the reason. Other policies
    and other corrections are not affected.

    Returns
    -------
    dict
        "rows": a row per seed, number of steps k and variant, with `METRICS`. "weights": the histogram of importance
        weights, per seed, k and variant. "states": the histograms of states in the data and of those that π_θ' visits,
        per seed and k; they are in the rows of the first variant, because they are the same for all.
    """
    shared, rows, weights, states = _Shared.of(job), [], [], []
    walk, size = job.options.walk, job.options.sample.batches[0]
    for seed in job.seeds:
        start = policy_of(job, policies, seed, shared.batch_copies.spaces, torch.float64)
        pool = shared.sampled(shared.pool_copies, start, seed, "pool")
        walk_batch = shared.sampled(shared.batch_copies, start, seed, "walk")
        variants, count = {**job.variants, _WALKER: shared.walker}, job.options.sample.critic_trajectories
        critics = fitted_critics(job.environment, start, variants, seed, job.stage, count)
        targets: dict[int, Policy] = {}
        for steps in walk.steps:
            found: dict[str, dict[str, float]] = {name: missing(METRICS) for name in job.variants}
            try:
                target = walked(start, shared.walker, walk_batch, steps, shared.mdp, critics[_WALKER])
            except NonFiniteWeights as error:
                _log.warning("seed %d: the walk of %d steps failed: %s", seed, steps, error)
            else:
                true = shared.true_gradient(target, seed, steps)
                reuse = Reuse.at(target, start, pool.regrouped(size), shared.mdp)
                found |= _measured(shared, reuse, true, critics, f"seed {seed}, after {steps} steps")
                weights += [{"seed": seed, "steps": steps, **row} for row in _weights(reuse, job.variants)]
                targets[steps] = target
            for name in job.variants:
                names = {"seed": seed, "variant": name, "batch": size, "steps": steps}
                rows.append({**names, **dict.fromkeys(_COLUMNS), **found[name]})
        states += [{"seed": seed, **row} for row in _states(shared, start, targets, pool, seed)]
        _log.info("seed %d: %d corrections after up to %d steps", seed, len(job.variants), max(walk.steps))
    return {
        "rows": pd.DataFrame(rows),
        "weights": shift.table(weights, WEIGHTS),
        "states": shift.table(states, STATES),
    }


def walked(
    start: Policy,
    walker: Variant,
    batch: Trajectories,
    steps: int,
    mdp: MDP | None = None,
    critic: Critic | None = None,
) -> Policy:
    r"""Return the policy after a number of gradient steps on one batch, with no limit on its divergence.

    The steps are passes over the whole batch (S = 1) in one update: ratios are those to θ in every step, and a longer
    walk continues a shorter one. The start π_θ collected the batch, and is not changed. The walker has a number as
    learning rate; tables or critic are needed if its baseline needs them.
    """
    policy = copy.deepcopy(start)
    rate = walker.optimizer.learning_rate
    assert not isinstance(rate, str), "validation refuses walks with a tuned learning rate"
    if steps:
        passes = walker.model_copy(update={"gradient_steps": steps, "minibatches": 1, "kl": None})
        update(policy, walker.optimizer.over(policy.parameters(), rate), passes, batch, mdp, critic=critic)
    return policy


@dataclass(frozen=True, slots=True)
class _Shared:
    """Data that all seeds of a job share: copies of the environment, its tables, its enumerated trajectories."""

    job: MeasurementJob[StalenessOptions]
    walker: Variant
    mdp: MDP | None
    enumeration: Enumeration | None
    batch_copies: Environments
    pool_copies: Environments

    @classmethod
    def of(cls, job: MeasurementJob[StalenessOptions]) -> _Shared:
        mdp, walker = mdp_of(job.environment), job.others[_WALKER]
        is_small = mdp is not None and count_trajectories(mdp) <= _MOST_ENUMERATED
        return cls(
            job=job,
            walker=walker,
            mdp=mdp,
            enumeration=enumerate_paid(job.environment, _MOST_ENUMERATED) if is_small else None,
            batch_copies=make_environments(job.environment, walker.batch),
            pool_copies=make_environments(job.environment, job.options.sample.trajectories),
        )

    def sampled(self, copies: Environments, policy: Policy, seed: int, purpose: str) -> Trajectories:
        generators = generators_of(seed, self.job.stage, "staleness", purpose)
        return in_float64(sample(copies, policy, generators, self.job.environment.rewards))

    def true_gradient(self, target: Policy, seed: int, steps: int) -> Reference:
        """Return ∇J(θ'), by an independent sample of π_θ' if there are no tables."""
        job, stage = self.job, f"{self.job.stage}/{steps}"
        return true_gradient(job.environment, self.mdp, target, job.options.sample, seed, stage, "staleness")


def _measured(
    shared: _Shared, reuse: Reuse, true: Reference, critics: Mapping[str, Critic | None], where: str
) -> dict[str, dict[str, float]]:
    """Return the metrics of every variant whose weights are finite, at one θ'."""
    try:
        return _corrections(shared, shared.job.variants, reuse, true, critics)
    except NonFiniteWeights:
        found: dict[str, dict[str, float]] = {}
        for name, variant in shared.job.variants.items():
            try:
                found |= _corrections(shared, {name: variant}, reuse, true, critics)
            except NonFiniteWeights as error:
                _log.warning("%s: %s: %s", where, name, error)
        return found


def _corrections(
    shared: _Shared,
    variants: Mapping[str, Variant],
    reuse: Reuse,
    true: Reference,
    critics: Mapping[str, Critic | None],
) -> dict[str, dict[str, float]]:
    """Return the metrics of some variants at one θ'."""
    behaviour, target, norm, change = reuse.behaviour, reuse.target, true.gradient.norm().item(), None
    if reuse.mdp is None:
        kl = divergence(behaviour, target, reuse.trajectories)
    else:
        kl = exact_divergence(behaviour, target, reuse.mdp)
        states, returns = (ratio(part.norm().item(), norm) for part in bias_parts(behaviour, target, reuse.mdp))
        change = Change(states, returns, state_variation(behaviour, target, reuse.mdp))
    biases: dict[str, float] = {}
    if shared.enumeration is not None:
        every = Reuse.at(target, behaviour, shared.enumeration.trajectories, shared.enumeration.mdp)
        with torch.no_grad():
            chances = shared.enumeration.probabilities(action_probabilities(stacked(behaviour), shared.enumeration.mdp))
        for name, variant in variants.items():
            if variant.is_mean_over_trajectories:
                bias = expected_gradient(every, variant, chances, critics[name]) - true.gradient
                biases[name] = ratio(bias.norm().item(), norm)
    found: dict[str, dict[str, float]] = {}
    for name, gradients in corrected_gradients_of_all(reuse, variants, critics).items():
        weights = reuse.importance_weights(variants[name])
        live, bias = reuse.live(weights), biases.get(name)
        found[name] = values(METRICS, Corrected(gradients.double(), true, weights, live, kl, bias, change))
    return found


def _weights(reuse: Reuse, variants: Mapping[str, Variant]) -> Iterator[dict[str, object]]:
    """Yield the histogram of every variant's weights, unless one of them is not finite."""
    for name, variant in variants.items():
        with suppress(NonFiniteWeights):
            weights = reuse.importance_weights(variant)
            yield from ({"variant": name, **row} for row in shift.weight_counts(weights, reuse.live(weights)))


def _states(
    shared: _Shared, start: Policy, targets: Mapping[int, Policy], pool: Trajectories, seed: int
) -> Iterator[dict[str, object]]:
    """Yield the histograms of states: exact with tables, else from the data and a new sample of each π_θ'."""
    first = next(iter(shared.job.variants))
    if shared.mdp is not None:
        for steps, target in targets.items():
            yield from (
                {"variant": first, "steps": steps, **row} for row in shift.state_shares(shared.mdp, start, target)
            )
    elif targets:
        copies = make_environments(shared.job.environment, _VISITED)
        visited = {steps: shared.sampled(copies, target, seed, f"visited/{steps}") for steps, target in targets.items()}
        names = COMPONENTS.get(shared.job.environment.id, ())
        yield from ({"variant": first, **row} for row in shift.observed_shares(names, pool, visited))


def expected_gradient(
    reuse: Reuse, variant: Variant, probabilities: Float[Tensor, " M"], critic: Critic | None = None
) -> Float[Tensor, " D"]:
    r"""Compute $\mathbb{E}_{\tau \sim \pi_\theta}[\hat g]$ of an estimate that is a mean over trajectories.

    `is_mean_over_trajectories` is true of the variant, and `reuse` holds every trajectory of an MDP as one batch, with
    `probabilities` $p_\theta(\tau)$. A value network is fitted to the behaviour policy.
    """
    assert reuse.mdp is not None, "trajectories are enumerated from tables"
    assert reuse.trajectories.states is not None, "enumerated trajectories have states"
    copies = repeat(reuse.target, 1)
    # Evaluate the network once per state, not once per step: there are few states and many steps.
    table = action_probabilities(copies, reuse.mdp).log()
    log_probs = table[0, reuse.trajectories.states, reuse.trajectories.actions]
    # The surrogate's mean over M trajectories becomes an expectation.
    chances = (len(probabilities) * probabilities).reshape(1, -1, 1)
    objective = compose.surrogate(log_probs, reuse.score_weights(variant, critic) * chances, reuse.trajectories)
    return flatten(torch.autograd.grad(objective.sum(), copies.parameters_list())).squeeze(0)


def bias_parts(behaviour: Policy, target: Policy, mdp: MDP) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    r"""Split the bias of per-step ratios into the part from states and the part from returns of the old policy.

    Per-step ratios with the behaviour policy's rewards-to-go have expectation $\sum_t \sum_s d_{\theta,t}(s) \sum_a
    \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$. It differs from $\nabla J(\theta')$ by the sum of two vectors:
    the state part $\sum_t \sum_s (d_{\theta,t} - d_{\theta',t})(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}$
    and the return part $\sum_t \sum_s d_{\theta',t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) (Q_{\theta,t} -
    Q_{\theta',t})$.

    Both are (D,), by dynamic programming and differentiation through the target policy's table, in float64.
    """
    copies = repeat(target, 1)
    probabilities = action_probabilities(copies, mdp)
    old, new = state_distributions_of(behaviour, mdp), state_distributions_of(target, mdp)
    with torch.no_grad():
        old_values = exact.values(mdp, action_probabilities(stacked(behaviour), mdp)).actions
        new_values = exact.values(mdp, probabilities).actions

    def gradient(weights: Float[Tensor, "T S A"]) -> Float[Tensor, " D"]:
        total = (weights * probabilities).sum()
        return flatten(torch.autograd.grad(total, copies.parameters_list(), retain_graph=True)).squeeze(0)

    return gradient((old - new).unsqueeze(-1) * old_values), gradient(new.unsqueeze(-1) * (old_values - new_values))
