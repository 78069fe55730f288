"""No constant baseline varies less than the best one."""

import numpy as np
import pytest
import torch
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.mdp import MDP
from pg.environments.small_mdps import bandit, chain, random_mdp
from pg.laboratory.frozen import random_policy
from pg.laboratory.gradients import BestConstant, best_constants
from pg.parts.baselines.constant import Constant
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.pairs import moments, probabilities

LINEAR = PolicyOptions(hidden=())
MDPS = {"chain": chain(3, length=2), "random": random_mdp(2, states=2, seed=4)}


def best(mdp: MDP, seed: int, returns: str) -> BestConstant:
    policy, enumeration = random_policy(LINEAR, mdp.spaces, seed), enumerate_trajectories(mdp, 1000)
    variants = {
        "plain": Variant(returns=returns),
        "other": Variant(returns=returns, baseline="average_reward", batch=3),
    }
    singles = enumeration.trajectories.regrouped(1)
    found = best_constants(policy, variants, singles, probabilities(enumeration, policy))
    assert found["plain"] == found["other"], "of the returns alone"
    return found["plain"]


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
@pytest.mark.parametrize("returns", ["total", "to_go"])
@pytest.mark.parametrize("seed", range(3))
def test_least_variance_is_the_minimum_of_the_parabola(mdp: MDP, returns: str, seed: int) -> None:
    policy, enumeration = random_policy(LINEAR, mdp.spaces, seed), enumerate_trajectories(mdp, 1000)
    constants = (-1.0, 0.0, 2.0)
    variants = [Variant(returns=returns, baseline=Constant(value=constant), batch=1) for constant in constants]
    variances = [moments(enumeration, policy, variant, 1000).total_variance for variant in variants]
    a, b, c = np.polyfit(constants, variances, 2)
    found = best(mdp, seed, returns)
    assert found.variance == pytest.approx(c - b**2 / (4 * a), rel=1e-9)
    assert (found.constant, found.spread) == pytest.approx((-b / (2 * a), a), rel=1e-9)
    assert found.variance_of(5.0) == pytest.approx(np.polyval((a, b, c), 5.0), rel=1e-9)


def test_the_best_constant_leaves_the_bandit_no_variance() -> None:
    assert best(bandit(1), 0, "total").variance == pytest.approx(0, abs=1e-12)


def test_sample_estimates_the_enumerated_least_variance() -> None:
    mdp = MDPS["random"]
    policy, enumeration = random_policy(LINEAR, mdp.spaces, 1), enumerate_trajectories(mdp, 1000)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(probabilities(enumeration, policy), 20_000, replacement=True, generator=generator)
    sample = enumeration.trajectories.map_tensors(lambda values: values[:, drawn]).regrouped(1)
    found = best_constants(policy, {"to_go": Variant(), "total": Variant(returns="total")}, sample)
    assert found == {name: pytest.approx(best(mdp, 1, name), rel=0.1) for name in ("to_go", "total")}


@pytest.mark.parametrize("count", [2, 5])
def test_a_sample_s_variances_are_about_its_own_means_and_corrected_for_that(count: int) -> None:
    mdp = MDPS["random"]
    policy, variants = random_policy(LINEAR, mdp.spaces, 1), {"to_go": Variant()}
    few = enumerate_trajectories(mdp, 1000).trajectories.map_tensors(lambda values: values[:, :count]).regrouped(1)
    all_there_is = torch.full((count,), 1 / count, dtype=torch.float64)
    (sampled,), (whole,) = (best_constants(policy, variants, few, of).values() for of in (None, all_there_is))
    bessel = count / (count - 1)
    assert sampled == pytest.approx((bessel * whole.variance, whole.constant, bessel * whole.spread), rel=1e-12)
