r"""Corrections for data of an earlier policy, measured as gradient steps lead away from it.

The policy π_θ collected the data; after k gradient steps on one batch of it stands π_θ', whose gradient $\nabla
J(\theta')$ is wanted, from the data of π_θ. `Reuse` holds such data as they look from θ'.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.distributions import kl_divergence

from pg.environments import exact
from pg.environments.catalogue import mdp_of
from pg.environments.enumeration import Enumeration, enumerate_trajectories
from pg.environments.stacked import make_environments
from pg.environments.tabular import MDP, count_trajectories
from pg.estimators import compose
from pg.estimators.importance import effective_share
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import Parameters, generators_of, in_float64, sample, thaw
from pg.laboratory.probing import measures
from pg.laboratory.reference import Reference, ratio, reference, truth
from pg.learning.critic import Critic
from pg.learning.policies import Policy, flatten, repeat, stack
from pg.learning.tabular import action_probabilities, state_distributions_of, state_ratios
from pg.learning.updates import fixed, make_optimizer, update
from pg.study.jobs import StalenessJob
from pg.study.model import FROM_THE_BATCH, Variant
from pg.trajectories import Environments, Trajectories, on_valid_steps, valid_steps

_CHUNK_ELEMENTS = 20_000_000
_MOST_ENUMERATED = 200_000
_FEW = 64

Row = dict[str, float | int | str]

_log = logging.getLogger("pg")


@dataclass(frozen=True, slots=True)
class Reuse:
    r"""Trajectories of π_θ as they look from π_θ'.

    Attributes
    ----------
    behaviour, target
        π_θ and π_θ'.
    mdp
        The environment's tables, where they are known.
    trajectories
        S batches of N trajectories of π_θ.
    log_ratios
        (S, N, T), $\log \rho_t$, zero behind the end of each trajectory.
    state_ratios
        (S, N, T), $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$, where the environment has tables.
    """

    behaviour: Policy
    target: Policy
    mdp: MDP | None
    trajectories: Trajectories
    log_ratios: Float[Tensor, "S N T"]
    state_ratios: Float[Tensor, "S N T"] | None

    @classmethod
    def at(cls, target: Policy, behaviour: Policy, trajectories: Trajectories, mdp: MDP | None = None) -> Reuse:
        """Look at the behaviour policy's trajectories from a target policy."""
        if mdp is None:
            log_ratios, states = _log_ratios(target, behaviour, trajectories), None
        else:
            log_ratios = _tabulated_log_ratios(target, behaviour, trajectories, mdp)
            states = state_ratios(target, mdp, state_distributions_of(behaviour, mdp), trajectories)
        return cls(behaviour, target, mdp, trajectories, log_ratios, states)

    def chosen(self, seeds: slice) -> Reuse:
        """Return a range of the S axis."""
        return self._changed(self.trajectories.chosen(seeds), lambda values: values[seeds])

    def regrouped(self, count: int) -> Reuse:
        """Return the same trajectories as disjoint batches of `count` each, the batches on the S axis.

        Raises
        ------
        ValueError
            If they cannot be cut so.
        """
        steps = self.log_ratios.shape[-1]
        return self._changed(self.trajectories.regrouped(count), lambda values: values.reshape(-1, count, steps))

    def importance_weights(self, variant: Variant) -> Float[Tensor, "S N #T"]:
        """Return a variant's importance weights, per step or per trajectory."""
        return compose.importance_weights(variant, self.trajectories, self.log_ratios, self.state_ratios)

    def live(self, weights: Float[Tensor, "S N #T"]) -> Bool[Tensor, "S N #T"]:
        """Tell which importance weights stand for something that happened."""
        return compose.live(self.trajectories, weights)

    def score_weights(self, variant: Variant, critic: Critic | None = None) -> Float[Tensor, "S N T"]:
        """Return what multiplies each score at θ' in a variant's estimate; its advantages stay those of θ."""
        kept = fixed(self.behaviour, variant, self.trajectories, self.mdp, critic)
        return compose.weights(variant, self.trajectories, kept, self.log_ratios, self.state_ratios)

    def _changed(self, trajectories: Trajectories, change: Callable[[Tensor], Tensor]) -> Reuse:
        states = None if self.state_ratios is None else change(self.state_ratios)
        return replace(self, trajectories=trajectories, log_ratios=change(self.log_ratios), state_ratios=states)


def follow_steps(job: StalenessJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    r"""Follow gradient steps on one batch, and measure every correction at each θ' that they lead to.

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
        enumerated and the variant makes nothing out of the batch as a whole; else both are those of `measures`. On
        tables also state_part and return_part of `bias_parts` over $\lVert \nabla J(\theta') \rVert$, and
        state_variation; there kl is exact too.

    Raises
    ------
    NonFiniteWeights
        If an importance weight is not finite.
    """
    bench = _Bench.of(job)
    rows: list[Row] = []
    for seed in job.seeds:
        start = thaw(job.policy, bench.batch_copies.spaces, policies[seed], torch.float64)
        pool = bench.sampled(bench.pool_copies, start, seed, "pool")
        walked_on = bench.sampled(bench.batch_copies, start, seed, "walk")
        critics, walker_critic = bench.fitted_critics(start, seed)
        for steps in job.steps:
            target = walked(start, job.walker, walked_on, steps, bench.mdp, walker_critic)
            true = bench.true_gradient(target, seed, steps)
            reuse = Reuse.at(target, start, pool.regrouped(job.sample.batches[0]), bench.mdp)
            rows += [{"seed": seed, **found} for found in _corrections(bench, reuse, true, steps, critics)]
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
    r"""Return the policy that a number of gradient steps on one batch lead to, with no limit on its divergence.

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
        update(policy, make_optimizer(walker.optimizer, policy, rate), passes, batch, mdp, critic=critic)
    return policy


def corrected_gradients(reuse: Reuse, variant: Variant, critic: Critic | None = None) -> Float[Tensor, "S D"]:
    r"""Return the estimate of $\nabla J(\theta')$ from each of S batches of trajectories of π_θ.

    Parameters
    ----------
    reuse
        The batches.
    variant
        The estimator and its correction.
    critic
        Its value network, fitted to the behaviour policy, where it has one.
    """
    seeds, count, steps = reuse.trajectories.mask.shape
    widest = max([reuse.trajectories.observations.shape[-1], *(layer.out_features for layer in reuse.target.affine)])
    # The optimal baseline takes a copy of the policy for each trajectory.
    parameters = sum(parameter.numel() for parameter in reuse.target.parameters())
    per_chunk = max(1, _CHUNK_ELEMENTS // (count * max(steps * widest, parameters)))
    chunks = [reuse.chosen(slice(start, start + per_chunk)) for start in range(0, seeds, per_chunk)]
    return torch.cat([_chunk_gradients(chunk, variant, critic) for chunk in chunks])


def expected_gradient(
    reuse: Reuse, variant: Variant, probabilities: Float[Tensor, " M"], critic: Critic | None = None
) -> Float[Tensor, " D"]:
    r"""Compute $\mathbb{E}_{\tau \sim \pi_\theta}[\hat g]$ of an estimate that is a mean over trajectories.

    Parameters
    ----------
    reuse
        Every trajectory of an MDP, as one batch.
    variant
        Which `is_mean_over_trajectories`.
    probabilities
        (M,), $p_\theta(\tau)$.
    critic
        The variant's value network, fitted to the behaviour policy, where it has one.
    """
    assert reuse.mdp is not None, "trajectories are enumerated from tables"
    assert reuse.trajectories.states is not None, "enumerated trajectories know their states"
    copies = repeat(reuse.target, 1)
    # A table of the few states instead of the network on each of very many steps.
    table = action_probabilities(copies, reuse.mdp).log()
    log_probs = table[0, reuse.trajectories.states, reuse.trajectories.actions]
    # The surrogate's mean over M trajectories becomes an expectation.
    chances = (len(probabilities) * probabilities).reshape(1, -1, 1)
    objective = compose.surrogate(log_probs, reuse.score_weights(variant, critic) * chances, reuse.trajectories)
    return flatten(torch.autograd.grad(objective.sum(), copies.parameters_list())).squeeze(0)


def is_mean_over_trajectories(variant: Variant) -> bool:
    """Tell whether each trajectory's part of the estimate depends on no other trajectory of its batch."""
    return not (variant.baseline in FROM_THE_BATCH or variant.self_normalised or variant.normalise_advantages)


def bias_parts(behaviour: Policy, target: Policy, mdp: MDP) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    r"""Split the bias of per-step ratios into what states and what returns of the wrong policy make of it.

    Per-step ratios with the behaviour policy's rewards-to-go have expectation $\sum_t \sum_s d_{\theta,t}(s) \sum_a
    \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$. It differs from $\nabla J(\theta')$ by the sum of two vectors:
    the state part $\sum_t \sum_s (d_{\theta,t} - d_{\theta',t})(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}$
    and the return part $\sum_t \sum_s d_{\theta',t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) (Q_{\theta,t} -
    Q_{\theta',t})$.

    Parameters
    ----------
    behaviour, target
        π_θ and π_θ', in float64.
    mdp
        The environment's tables.

    Returns
    -------
    tuple of Tensor
        (D,) each, by dynamic programming and differentiation through the target policy's table.
    """
    copies = repeat(target, 1)
    probabilities = action_probabilities(copies, mdp)
    old, new = state_distributions_of(behaviour, mdp), state_distributions_of(target, mdp)
    with torch.no_grad():
        old_values = exact.values(mdp, action_probabilities(stack([behaviour]), mdp)).actions
        new_values = exact.values(mdp, probabilities).actions

    def gradient(weights: Float[Tensor, "T S A"]) -> Float[Tensor, " D"]:
        total = (weights * probabilities).sum()
        return flatten(torch.autograd.grad(total, copies.parameters_list(), retain_graph=True)).squeeze(0)

    return gradient((old - new).unsqueeze(-1) * old_values), gradient(new.unsqueeze(-1) * (old_values - new_values))


def state_variation(behaviour: Policy, target: Policy, mdp: MDP) -> float:
    r"""Compute the mean over t of $\frac{1}{2} \sum_s |d_{\theta,t}(s) - d_{\theta',t}(s)|$.

    Parameters
    ----------
    behaviour, target
        π_θ and π_θ'.
    mdp
        The environment's tables. What has ended is in no state.
    """
    difference = state_distributions_of(behaviour, mdp) - state_distributions_of(target, mdp)
    return difference.abs().sum(-1).mean().item() / 2


def divergence(behaviour: Policy, target: Policy, trajectories: Trajectories) -> float:
    r"""Return the mean of $\mathrm{KL}(\pi_{\theta'}(\cdot \mid s) \Vert \pi_\theta(\cdot \mid s))$ over valid steps.

    Parameters
    ----------
    behaviour, target
        π_θ, which collected the trajectories, and π_θ'.
    trajectories
        Of any S and N.
    """
    states, _ = valid_steps(trajectories)
    with torch.no_grad():
        return _divergences(behaviour, target, states).mean().item()


def exact_divergence(behaviour: Policy, target: Policy, mdp: MDP) -> float:
    r"""Compute what `divergence` estimates, $\sum_{t,s} d_{\theta,t}(s) \mathrm{KL}_s / \sum_{t,s} d_{\theta,t}(s)$.

    Parameters
    ----------
    behaviour, target
        π_θ and π_θ', in float64.
    mdp
        The environment's tables.
    """
    visits = state_distributions_of(behaviour, mdp).sum(0)
    with torch.no_grad():
        per_state = _divergences(behaviour, target, torch.as_tensor(mdp.observations))
    return (visits @ per_state / visits.sum()).item()


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all seeds of a job share: copies of the environment, its tables, its enumerated trajectories."""

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
            enumeration=enumerate_trajectories(mdp, _MOST_ENUMERATED) if mdp is not None and is_small else None,
            batch_copies=make_environments(job.environment, 1, job.walker.batch),
            pool_copies=make_environments(job.environment, 1, job.sample.trajectories),
        )

    def sampled(self, copies: Environments, policy: Policy, seed: int, purpose: str) -> Trajectories:
        return in_float64(sample(copies, policy, generators_of(seed, self.job.stage, "staleness", purpose)))

    def fitted_critics(self, behaviour: Policy, seed: int) -> tuple[dict[str, Critic | None], Critic | None]:
        """Fit the value networks of the corrections, and that of the walker, to the behaviour policy."""
        job, count = self.job, self.job.sample.critic_trajectories
        critics = fitted_critics(job.environment, behaviour, job.variants, seed, job.stage, count)
        return critics, fitted_critics(job.environment, behaviour, {"": job.walker}, seed, job.stage, count)[""]

    def true_gradient(self, target: Policy, seed: int, steps: int) -> Reference:
        """Return ∇J(θ'), by an independent sample of π_θ' where there are no tables."""
        if self.mdp is not None:
            return Reference.exact(truth(self.mdp, target).gradient)
        # Sampled trajectories are in single precision.
        single, stage = copy.deepcopy(target).float(), f"{self.job.stage}/{steps}"
        few = make_environments(self.job.environment, 1, _FEW)
        tried = sample(few, single, generators_of(seed, stage, "staleness", "tried"))
        return reference(self.job.environment, None, single, self.job.sample, seed, stage, tried)


def _corrections(
    bench: _Bench, reuse: Reuse, true: Reference, steps: int, critics: Mapping[str, Critic | None]
) -> Iterator[Row]:
    """Yield the measures of every variant at one θ'."""
    kl, change = _kl(reuse), {} if reuse.mdp is None else _change(reuse.behaviour, reuse.target, reuse.mdp, true)
    biases = _exact_biases(bench, reuse, true, critics)
    for name, variant in bench.job.variants.items():
        found = measures(corrected_gradients(reuse, variant, critics[name]), true)
        is_exact = name in biases
        weights = reuse.importance_weights(variant)
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
    bench: _Bench, reuse: Reuse, true: Reference, critics: Mapping[str, Critic | None]
) -> dict[str, float]:
    """Return the relative bias of every variant whose expectation a sum over single trajectories gives."""
    if bench.enumeration is None:
        return {}
    behaviour, mdp = reuse.behaviour, bench.enumeration.mdp
    every = Reuse.at(reuse.target, behaviour, bench.enumeration.trajectories, mdp)
    with torch.no_grad():
        probabilities = bench.enumeration.probabilities(action_probabilities(stack([behaviour]), mdp))
    variants = {name: one for name, one in bench.job.variants.items() if is_mean_over_trajectories(one)}
    expected = {name: expected_gradient(every, one, probabilities, critics[name]) for name, one in variants.items()}
    norm = true.gradient.norm().item()
    return {name: ratio((found - true.gradient).norm().item(), norm) for name, found in expected.items()}


def _kl(reuse: Reuse) -> float:
    if reuse.mdp is None:
        return divergence(reuse.behaviour, reuse.target, reuse.trajectories)
    return exact_divergence(reuse.behaviour, reuse.target, reuse.mdp)


def _change(behaviour: Policy, target: Policy, mdp: MDP, true: Reference) -> dict[str, float]:
    """Measure what the change of policy itself does to states and returns."""
    norm = true.gradient.norm().item()
    state_part, return_part = bias_parts(behaviour, target, mdp)
    return {
        "state_part": ratio(state_part.norm().item(), norm),
        "return_part": ratio(return_part.norm().item(), norm),
        "state_variation": state_variation(behaviour, target, mdp),
    }


def _log_ratios(target: Policy, behaviour: Policy, trajectories: Trajectories) -> Float[Tensor, "S N T"]:
    def log_ratio(observations: Tensor, actions: Tensor) -> Tensor:
        return target.log_prob(observations, actions) - behaviour.log_prob(observations, actions)

    with torch.no_grad():
        return on_valid_steps(log_ratio, trajectories)


def _tabulated_log_ratios(
    target: Policy, behaviour: Policy, trajectories: Trajectories, mdp: MDP
) -> Float[Tensor, "S N T"]:
    # Enumerated trajectories have very many steps in very few states.
    with torch.no_grad():
        new, old = (action_probabilities(stack([policy]), mdp)[0].log() for policy in (target, behaviour))
    return (new - old)[trajectories.states, trajectories.actions] * trajectories.mask


def _chunk_gradients(reuse: Reuse, variant: Variant, critic: Critic | None) -> Float[Tensor, "S D"]:
    trajectories = reuse.trajectories
    seeds, count, steps = trajectories.mask.shape
    copies = repeat(reuse.target, seeds)
    log_probs = copies.log_prob(
        trajectories.observations.reshape(seeds, count * steps, -1),
        trajectories.actions.reshape(seeds, count * steps, *trajectories.actions.shape[3:]),
    ).reshape(seeds, count, steps)
    objective = compose.surrogate(log_probs, reuse.score_weights(variant, critic), trajectories)
    return flatten(torch.autograd.grad(objective.sum(), copies.parameters_list()))


def _divergences(behaviour: Policy, target: Policy, states: Float[Tensor, "n O"]) -> Float[Tensor, " n"]:
    return kl_divergence(target.distribution(states), behaviour.distribution(states))
