"""Sampled moments deviate from the exact ones by their standard errors, for every estimator over many policies.

One policy's deviation may be large by chance, or small because its standard error is too large; the distribution over
many policies shows both errors.
"""

from functools import cache

import pytest
import torch
from pg.environments.compiled import CompiledEnvironments
from pg.environments.enumeration import Enumeration, enumerate_trajectories
from pg.environments.record import Environment
from pg.environments.small_mdps import chain, random_mdp
from pg.environments.tables import tables
from pg.experiments.exact.measure import Moments
from pg.experiments.exact.record import ExactExperiment
from pg.laboratory.frozen import generators_of, in_float64, random_policy
from pg.laboratory.gradients import gradients_of_all
from pg.laboratory.reference import truth
from pg.learning.policies import Policy
from pg.learning.rollout import actor_of, collect
from pg.parts.variant import PolicyOptions, Variant
from scipy.stats import chi2, kstest
from tests.laboratory.jobs import job_of, rows_of
from tests.laboratory.pairs import moments
from tests.parts.named import BASELINES, constant, gae

POLICIES, BATCHES, N = 30, 3000, 2
LIMIT = 10_000
BY_CHANCE = 1e-4
SMALL = PolicyOptions(hidden=(3,))
MDPS = {"random": random_mdp(2, states=2, seed=4), "corridor": chain(5, length=2, slip=0)}
STATISTICS = ["in a fixed direction", "along the gradient of J", "total variance"]
VARIANTS = {
    f"{returns}-{baseline}": Variant(returns=returns, baseline=constant(baseline, 0.7), batch=N, policy=SMALL)
    for returns in ("total", "to_go")
    for baseline in BASELINES
    if baseline not in ("running_average", "value_network")
}
VARIANTS["gae-exact"] = Variant(**{"returns": gae(0.6), "baseline": "exact", "batch": N, "policy": SMALL})


def measured(gradients: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Return numbers per batch; their means estimate the mean in each direction and the total variance: (S, 3)."""
    count = len(gradients)
    squares = (gradients - gradients.mean(0)).square().sum(-1, keepdim=True) * count / (count - 1)
    return torch.cat([gradients @ directions.T, squares], 1)


def in_standard_errors(values: torch.Tensor, exact: Moments, directions: torch.Tensor) -> torch.Tensor:
    """Count the standard errors between the means of such numbers and what they estimate: (3,)."""
    expected = torch.cat([directions @ exact.mean, torch.tensor([exact.total_variance], dtype=torch.float64)])
    return (values.mean(0) - expected) / (values.std(0) / len(values) ** 0.5)


@cache
def policies(mdp: str) -> list[Policy]:
    return [random_policy(SMALL, MDPS[mdp].spaces, seed) for seed in range(POLICIES)]


@cache
def directions(mdp: str) -> list[torch.Tensor]:
    gradients = [truth(MDPS[mdp], policy).gradient for policy in policies(mdp)]
    fixed = torch.randn(gradients[0].shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return [torch.stack([fixed, gradient]) for gradient in gradients]


@cache
def sampled(mdp: str) -> list[dict[str, torch.Tensor]]:
    """Sample batches of each policy, and measure every variant's gradients of them."""
    environments = CompiledEnvironments(tables(MDPS[mdp]), MDPS[mdp].horizon, N * BATCHES)
    found = list[dict[str, torch.Tensor]]()
    for seed, (policy, along) in enumerate(zip(policies(mdp), directions(mdp), strict=True)):
        pool = collect(environments, actor_of(policy), generators_of(seed, mdp, "monte carlo"))
        gradients = gradients_of_all(policy, VARIANTS, in_float64(pool).regrouped(N), MDPS[mdp])
        found.append({name: measured(each, along) for name, each in gradients.items()})
    return found


@cache
def enumerated(mdp: str) -> Enumeration:
    return enumerate_trajectories(MDPS[mdp], LIMIT)


def deviations(name: str, exactly: str) -> torch.Tensor:
    """Compare a variant's samples with the exact moments of another, or with its own: (statistics, policies)."""
    found = [
        in_standard_errors(values[name], moments(enumerated(mdp), policy, VARIANTS[exactly], LIMIT), along)
        for mdp in MDPS
        for policy, values, along in zip(policies(mdp), sampled(mdp), directions(mdp), strict=True)
    ]
    return torch.stack(found, 1)


def look_standard_normal(numbers: torch.Tensor) -> bool:
    below = float(chi2(len(numbers)).cdf(numbers.square().sum().item()))
    return min(float(kstest(numbers, "norm").pvalue), below, 1 - below) > BY_CHANCE


@pytest.mark.long
@pytest.mark.parametrize("name", VARIANTS)
def test_samples_deviate_by_their_standard_errors(name: str) -> None:
    for statistic, numbers in zip(STATISTICS, deviations(name, exactly=name), strict=True):
        assert look_standard_normal(numbers), statistic


@pytest.mark.long
@pytest.mark.parametrize("statistic", [1, 2])
def test_moments_of_another_estimator_are_rejected(statistic: int) -> None:
    assert not look_standard_normal(deviations("to_go-average_reward", exactly="to_go-none")[statistic])


def test_numbers_of_another_distribution_are_rejected() -> None:
    numbers = torch.randn(60, generator=torch.Generator().manual_seed(1))
    assert look_standard_normal(numbers)
    assert not look_standard_normal(numbers / 2)
    assert not look_standard_normal(numbers * 2)
    assert not look_standard_normal(numbers + 1)


def test_the_sampled_variance_is_the_enumerated_one() -> None:
    environment = Environment(id="pg/Chain-v0", kwargs={"length": 2, "slip": 0.2}, horizon=3)
    variants = {name: VARIANTS[name] for name in ("total-none", "to_go-leave_one_out")}
    rows = rows_of(job_of(ExactExperiment, environment, variants, 0, 1, sampled_batches=20_000))
    assert rows["variance_ratio"].tolist() == pytest.approx([1] * 4, rel=0.05)
    assert (rows["variance_ratio"] == rows["sampled_variance"] / rows["total_variance"]).all()
