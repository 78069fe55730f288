r"""Weights against the horizon: one state with independent steps, in closed form.

With ratios ρ that are independent from step to step, $\operatorname{Var}[\log w_{0:T}] = T \operatorname{Var}[\log
\rho]$, and the effective share of many trajectories tends to $1 / \mathbb{E}[w^2] = \mathbb{E}[\rho^2]^{-T}$.
"""

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Trajectories
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.record import Environment
from pg.environments.small_mdps import bandit, chain, random_mdp
from pg.experiments.horizon import measure
from pg.experiments.horizon.measure import Cut, UnreachableDivergence, moved
from pg.experiments.horizon.metrics import METRICS
from pg.experiments.horizon.record import HorizonExperiment
from pg.experiments.metric import values
from pg.laboratory.distances import divergence
from pg.laboratory.frozen import in_float64, random_policy
from pg.laboratory.reference import truth
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions, Variant
from scipy import stats
from tests.laboratory.jobs import frozen, job_of, rows_of

LINEAR = PolicyOptions(hidden=())
ENDLESS = Environment(id="pg/Random-v0", kwargs={"states": 1, "termination": 0.0}, horizon=50)
VARIANTS = {
    "trajectory": Variant(importance="trajectory", batch=500),
    "per_decision": Variant(importance="per_decision", batch=500),
    "per_step": Variant(importance="per_step", batch=500),
}
KL = 0.02


def lengthened(
    *seeds: int, environment: Environment = ENDLESS, variants: dict[str, Variant] = VARIANTS, **options: Any
) -> pd.DataFrame:
    options = {"horizons": (1, 4, 16), "trajectories": 4000, "kl": KL} | options
    return rows_of(job_of(HorizonExperiment, environment, variants, *seeds, policy=LINEAR, **options))


def measures(reuse: Reuse, variant: Variant) -> dict[str, float]:
    return values(METRICS, Cut.of(reuse, variant))


@cache
def lengthened_once(seed: int) -> pd.DataFrame:
    return lengthened(seed)


def probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def known_ratios(seed: int) -> tuple[list[float], list[float]]:
    """Solve for the ratios of a policy of two actions that diverges by KL, from the sampled frozen policy.

    There are two solutions; return the one with the first ratio of the rows' weights.
    """
    old = frozen(LINEAR, ENDLESS, seed)
    weights, biases = np.split(old["theta"], 2)
    logits = weights + biases
    p = probability(float(logits[0] - logits[1]))
    largest = lengthened(seed, horizons=(1,)).set_index("variant")["largest_weight"]["per_step"]
    candidates = [(largest * p, 1 - largest * p), (1 - largest * (1 - p), largest * (1 - p))]

    def diverges(q: tuple[float, float]) -> float:
        return sum(new * math.log(new / then) for new, then in zip(q, (p, 1 - p), strict=True))

    q = min((q for q in candidates if min(q) > 0), key=lambda q: abs(diverges(q) - KL))
    assert diverges(q) == pytest.approx(KL, rel=1e-6)
    return [p, 1 - p], [q[0] / p, q[1] / (1 - p)]


def test_quantiles_of_products_fan_out_as_those_of_a_binomial() -> None:
    """Of T independent steps the number with the first ratio is binomial, and the logarithm of the product linear."""
    chances, ratios = known_ratios(0)
    first, second = map(math.log, ratios)
    rows = lengthened_once(0).set_index(["variant", "horizon"])
    for at in (5, 25, 75, 95):
        found = rows[f"log_weight_q{at:02d}"]
        for horizon in (4, 16):
            share = at / 100 if first > second else 1 - at / 100
            count = stats.binom.ppf(share, horizon, chances[0])
            neighbours = [one * first + (horizon - one) * second for one in (count - 1, count, count + 1)]
            assert min(abs(found["trajectory", horizon] - one) for one in neighbours) < 1e-6
        assert found["per_step", 16] == pytest.approx(found["per_step", 4], abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_only_the_variance_of_log_products_grows_with_the_horizon(seed: int) -> None:
    chances, ratios = known_ratios(seed)
    step = chances[0] * chances[1] * (math.log(ratios[0]) - math.log(ratios[1])) ** 2
    rows = lengthened_once(seed).set_index(["variant", "horizon"])["log_weight_variance"]
    for horizon in (1, 4, 16):
        assert rows["trajectory", horizon] == pytest.approx(horizon * step, rel=0.15)
        assert rows["per_step", horizon] == pytest.approx(step, rel=0.15)
        assert rows["per_decision", horizon] == rows["trajectory", horizon]


def test_only_the_effective_share_of_products_falls_with_the_horizon() -> None:
    chances, ratios = known_ratios(0)
    second = sum(chance * ratio**2 for chance, ratio in zip(chances, ratios, strict=True))
    rows = lengthened_once(0).set_index(["variant", "horizon"])["effective_share"]
    for horizon in (1, 4, 16):
        assert rows["trajectory", horizon] == pytest.approx(second**-horizon, rel=0.1)
        assert rows["per_step", horizon] == pytest.approx(1 / second, rel=0.02)
        mean = np.mean([second**-t for t in range(1, horizon + 1)])
        assert rows["per_decision", horizon] == pytest.approx(mean, rel=0.1)


def test_all_corrections_are_equal_in_trajectories_of_one_step() -> None:
    rows = lengthened(0, horizons=(1,)).drop(columns="variant")
    assert len(rows.round(12).drop_duplicates()) == 1


def test_products_have_larger_and_smaller_weights_than_their_factors() -> None:
    rows = lengthened_once(0).set_index(["variant", "horizon"])
    for before, after in pairwise((1, 4, 16)):
        for metric in ("largest_weight", "log_weight_variance", "total_variance"):
            assert rows[metric]["trajectory", before] < rows[metric]["trajectory", after]
        assert rows["largest_weight"]["per_step", before] == pytest.approx(rows["largest_weight"]["per_step", after])
    assert rows["median_weight"]["trajectory", 16] < 1
    assert rows["total_variance"]["per_step", 16] < rows["total_variance"]["trajectory", 16]


def test_only_weights_of_valid_steps_count() -> None:
    """Four trajectories of at most two steps, of which the second and third end after one: weights by hand."""
    mdp = chain(2, length=1)
    policy = random_policy(LINEAR, mdp.spaces, 0)
    several = enumerate_trajectories(mdp, 100).trajectories.map_tensors(lambda values: values[:, :4])
    ratios = torch.tensor([[[2.0, 3.0], [0.5, 9.0], [4.0, 9.0], [1.2, 1.5]]], dtype=torch.float64)
    mask = torch.tensor([[[True, True], [True, False], [True, False], [True, True]]])
    data = replace(several, mask=mask, rewards=several.rewards * mask)
    reuse = Reuse(policy, policy, None, data, torch.where(mask, ratios.log(), 0), None)

    per_step = measures(reuse, Variant(importance="per_step", batch=2))
    assert per_step["largest_weight"] == pytest.approx(4)
    # torch's median is the lower of the two in the middle, here of 0.5, 1.2, 1.5, 2, 3 and 4.
    assert per_step["median_weight"] == pytest.approx(1.5)
    assert per_step["log_weight_variance"] == pytest.approx(np.var(np.log([0.5, 1.2, 1.5, 2, 3, 4]), ddof=1))
    first = ((2.5**2 / (2 * 4.25)) + 1) / 2
    second = ((5.2**2 / (2 * (4**2 + 1.2**2))) + 1) / 2
    assert per_step["effective_share"] == pytest.approx((first + second) / 2)

    whole = measures(reuse, Variant(importance="trajectory", batch=2))
    assert whole["largest_weight"] == pytest.approx(6)
    assert whole["log_weight_variance"] == pytest.approx(np.var(np.log([6, 0.5, 4, 1.8]), ddof=1))
    cut_off = measures(reuse, Variant(importance={"name": "trajectory", "truncate_at": 2.0}, batch=2))
    assert cut_off["largest_weight"] == 2
    assert cut_off["log_weight_variance"] == whole["log_weight_variance"]

    quantiles = [whole[f"log_weight_q{at}"] for at in ("05", "25", "50", "75", "95")]
    # Of four values the quantiles at 0, 1/3, 2/3 and 1 are these themselves, and lines lead from one to the next.
    low, second, third, high = np.log([0.5, 1.8, 4, 6])
    lines = [low + 0.15 * (second - low), low + 0.75 * (second - low), (second + third) / 2]
    lines += [third + 0.25 * (high - third), third + 0.85 * (high - third)]
    assert quantiles == pytest.approx(lines)
    assert per_step["log_weight_q50"] == pytest.approx(np.log(1.5 * 2) / 2)

    uncorrected = measures(reuse, Variant(batch=2))
    assert (uncorrected["largest_weight"], uncorrected["log_weight_variance"]) == (1, 0)


def test_total_variance_is_that_of_estimates_from_batches() -> None:
    mdp = random_mdp(2, states=2)
    behaviour, target = (random_policy(LINEAR, mdp.spaces, seed) for seed in (0, 1))
    every = enumerate_trajectories(mdp, 1000).trajectories.map_tensors(lambda values: values[:, :48])
    reuse, variant = Reuse.at(target, behaviour, every, mdp), Variant(importance="per_decision", batch=6)
    estimates = corrected_gradients(reuse.regrouped(6), variant)
    known = (estimates - estimates.mean(0)).square().sum() / 7
    assert measures(reuse, variant)["total_variance"] == pytest.approx(known.item())


def test_exact_state_ratios_are_included_in_log_weights() -> None:
    mdp = random_mdp(2, states=2)
    behaviour, target = (random_policy(LINEAR, mdp.spaces, seed) for seed in (0, 1))
    reuse = Reuse.at(target, behaviour, enumerate_trajectories(mdp, 1000).trajectories, mdp)
    assert reuse.state_ratios is not None
    known = (reuse.log_ratios + reuse.state_ratios.log())[reuse.trajectories.mask].var()
    variant = Variant(importance="exact_state", batch=reuse.log_ratios.shape[1] // 2)
    assert measures(reuse, variant)["log_weight_variance"] == pytest.approx(known.item())


def direction(seed: int) -> torch.Tensor:
    policy, _ = sampled_policy()
    return torch.randn(policy.theta.shape, generator=torch_generator(seed, "direction"), dtype=policy.theta.dtype)


def sampled_policy() -> tuple[Policy, Reuse]:
    mdp = chain(6, length=3)
    policy = random_policy(PolicyOptions(hidden=(5,)), mdp.spaces, 0)
    return policy, Reuse.at(policy, policy, in_float64(enumerate_trajectories(mdp, 10_000).trajectories), mdp)


@pytest.mark.parametrize("kl", [1e-6, 0.01, 0.2])
def test_the_policy_moves_by_the_divergence_in_a_direction(kl: float) -> None:
    policy, reuse = sampled_policy()
    before = policy.theta.detach().clone()
    one, other = (moved(policy, reuse.trajectories, kl, direction(seed)) for seed in (0, 1))
    for target in (one, other):
        assert divergence(policy, target, reuse.trajectories) == pytest.approx(kl, rel=1e-8)
    assert not torch.equal(one.affine[0].matrix, other.affine[0].matrix)
    assert torch.equal(policy.theta, before)


def test_the_whole_policy_moves() -> None:
    policy, reuse = sampled_policy()
    target = moved(policy, reuse.trajectories, 0.01, direction(0))
    assert (target.theta != policy.theta).all()


def test_a_uniform_policy_cannot_move_beyond_the_log_of_its_actions() -> None:
    policy, reuse = sampled_policy()
    with torch.no_grad():
        policy.theta.zero_()
    with pytest.raises(UnreachableDivergence, match=r"kl: 0\.7 is not reached by any step in the direction"):
        moved(policy, reuse.trajectories, 0.7, direction(0))


def test_the_direction_is_random_or_that_of_the_true_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """In thousands of trajectories of one step the sampled gradient has nearly the direction of the exact one."""
    cosines: list[float] = []

    def watched(behaviour: Policy, trajectories: Trajectories, kl: float, direction: torch.Tensor) -> Policy:
        exact = truth(bandit(1), behaviour).gradient
        cosines.append(torch.cosine_similarity(direction, exact, dim=0).item())
        return moved(behaviour, trajectories, kl, direction)

    monkeypatch.setattr(measure, "moved", watched)
    environment = Environment(id="pg/Bandit-v0", horizon=1)
    for name in ("gradient", "random"):
        lengthened(0, environment=environment, horizons=(1,), direction=name)
    assert cosines[0] > 0.99
    assert abs(cosines[1]) < 0.99


def test_horizons_beyond_the_end_change_nothing() -> None:
    ends = Environment(id="pg/Random-v0", kwargs={"states": 1, "termination": 1.0, "seed": 3}, horizon=400)
    variants = {name: variant.model_copy(update={"batch": 8}) for name, variant in VARIANTS.items()}
    options: dict[str, Any] = {"environment": ends, "variants": variants, "trajectories": 32, "horizons": (2, 200, 300)}
    rows = lengthened(1, **options)
    assert len(rows) == 3 * 3
    late, later = (rows[rows["horizon"] == horizon].drop(columns="horizon") for horizon in (200, 300))
    assert late.to_csv(index=False) == later.to_csv(index=False)
    exact = {"states": Variant(importance="exact_state", baseline="exact", batch=8)}
    assert lengthened(1, **{**options, "variants": exact}).notna().all(axis=None)


def test_trajectories_that_do_not_divide_into_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be divided into batches of 7"):
        lengthened(0, variants={"odd": Variant(importance="per_step", batch=7)}, trajectories=32)
