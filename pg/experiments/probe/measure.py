"""Measure gradient estimates on frozen policies: all estimators on the same trajectories of the same policy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from jaxtyping import Float
from torch import Tensor

from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.experiments.estimates import Estimates
from pg.experiments.metric import values
from pg.experiments.probe.clouds import SHOWN, clouds
from pg.experiments.probe.factors import factors
from pg.experiments.probe.metrics import METRICS
from pg.experiments.probe.options import ProbeOptions
from pg.laboratory.critics import fitted_critics
from pg.laboratory.frozen import generators_of, policy_of, sample
from pg.laboratory.gradients import above_rounding, best_constants, gradients_of_all
from pg.laboratory.job import MeasurementJob
from pg.laboratory.reference import Reference, reference
from pg.learning.policies import Parameters

# The first columns of the rows after those that name them; any others follow.
_COLUMNS = (
    *("total_variance", "snr", "cosine", "pairwise_cosine", "relative_bias", "relative_bias_noise", "shrinkage"),
    *("shrinkage_se", "squared_gradient", "empty", "reference_snr", "reference_trajectories", "reference_flagged"),
    *("returns_alike", "least_variance"),
)

_log = logging.getLogger("pg")


@dataclass(frozen=True)
class Probed(Estimates):
    """The estimates of one variant at one batch size.

    Attributes
    ----------
    returns
        (S, N), of the batches.
    least_variance
        The total variance with the best constant baseline.
    value_network
        Share of the variance of rewards-to-go that the variant's value network explains; None if it has none.
    """

    returns: Float[Tensor, "S N"]
    least_variance: float
    value_network: float | None = None

    @property
    def tables(self) -> float | None:
        """$J$, from the environment's tables; None if it has none."""
        return self.reference.objective


def probe(job: MeasurementJob[ProbeOptions], policies: Mapping[int, Parameters]) -> dict[str, pd.DataFrame]:
    """Measure every variant at every batch size on each seed's policy.

    Returns
    -------
    dict
        "rows": a row for each, with `METRICS`. "clouds": a row for each of the first estimates, with its coordinates
        along the true gradient and across it. "trajectories": the factors of the scores of one batch of the first size.
    """
    options, rows, points, single = job.options, [], [], []
    environments, mdp = make_environments(job.environment, options.sample.trajectories), mdp_of(job.environment)
    for seed in job.seeds:
        policy = policy_of(job, policies, seed, environments.spaces)
        pool = sample(environments, policy, generators_of(seed, job.stage, "pool"), job.environment.rewards)
        if mdp is None:
            truth = reference(job.environment, policy, options.sample, seed, job.stage, pool)
        else:
            truth = Reference.exact(mdp, policy)
        _log.info("seed %d: reference of %d trajectories, SNR %.1f", seed, truth.trajectories, truth.snr)
        of_reference = {
            "squared_gradient": truth.squared_gradient,
            "reference_snr": truth.snr,
            "reference_trajectories": truth.trajectories,
        }
        best = best_constants(policy, job.variants, pool.regrouped(1))
        critics = fitted_critics(
            job.environment, policy, job.variants, seed, job.stage, options.sample.critic_trajectories
        )
        explained = {
            name: None if critic is None else critic.explained_variance(pool) for name, critic in critics.items()
        }
        kept: dict[tuple[int, str], Float[Tensor, "S D"]] = {}
        for size in options.sample.batches:
            batches = pool.regrouped(size)
            for name, estimated in gradients_of_all(policy, job.variants, batches, mdp, critics).items():
                gradients = estimated.double()
                if not job.variants[name].normalise_advantages:
                    gradients = above_rounding(gradients, batches, best[name].variance_of(0) / size)
                found = Probed(gradients, truth, batches.returns, best[name].variance / size, explained[name])
                names = {"seed": seed, "variant": name, "batch": size}
                rows.append({**names, **dict.fromkeys(_COLUMNS), **of_reference, **values(METRICS, found)})
                kept[size, name] = gradients[:SHOWN]
        points += [{"seed": seed, **point} for point in clouds(kept, truth.gradient)]
        first = pool.regrouped(options.sample.batches[0]).of_batch(0)
        single += [{"seed": seed, **row} for row in factors(policy, job.variants, first, mdp, critics)]
    return {"rows": pd.DataFrame(rows), "clouds": pd.DataFrame(points), "trajectories": pd.DataFrame(single)}
