"""Probing measures the estimators that train, batch by batch, and knows its own noise."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces, Trajectories, on_valid_steps
from pg.environments.copies import make_environments
from pg.environments.record import Environment, Rewards
from pg.experiments.metric import values
from pg.experiments.probe.measure import Probed
from pg.experiments.probe.metrics import METRICS, returns_alike
from pg.experiments.probe.record import ProbeExperiment
from pg.laboratory import gradients as stacked_gradients
from pg.laboratory import reference
from pg.laboratory.frozen import in_float64
from pg.laboratory.gradients import batch_gradients, gradients_of_all
from pg.laboratory.job import Sample
from pg.laboratory.reference import Reference
from pg.learning.advantages import advantages
from pg.learning.policies import Policy
from pg.learning.rollout import Generators, actor_of, collect
from pg.parts import estimator as compose
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import arrays, job_of, rows_of

OPTIONS = PolicyOptions(hidden=(8,))


def sampled(count: int) -> tuple[Policy, Trajectories]:
    copies = make_environments(Environment(id="CartPole-v1", horizon=40), count)
    policy = Policy(OPTIONS, copies.spaces, torch_generator(0, "policy"))
    batch = collect(copies, actor_of(policy), Generators.of(0))
    return policy, batch


@pytest.mark.parametrize("baseline", ["none", "average_reward", "per_step_leave_one_out", "optimal"])
def test_stacked_gradients_are_those_of_a_loop_over_batches(baseline: str) -> None:
    policy, pool = sampled(24)
    policy = policy.double()
    variant, batches = Variant(baseline=baseline), in_float64(pool).regrouped(6)
    stacked = batch_gradients(policy, variant, batches)
    for i in range(4):
        one = batches.of_batch(i)
        log_probs = on_valid_steps(policy.log_prob, one)
        objective = compose.surrogate(log_probs, advantages(policy, variant, one), one)
        (gradient,) = torch.autograd.grad(objective.sum(), policy.theta)
        torch.testing.assert_close(stacked[i], gradient)


def test_cutting_the_work_into_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, pool = sampled(16)
    whole = batch_gradients(policy, Variant(), pool.regrouped(2))
    monkeypatch.setattr(stacked_gradients, "_CHUNK_ELEMENTS", 1)
    torch.testing.assert_close(batch_gradients(policy, Variant(), pool.regrouped(2)), whole)


def test_estimators_with_shared_scores_give_what_each_gives_alone() -> None:
    policy, pool = sampled(16)
    batches = pool.regrouped(4)
    optimal = {"baseline": "optimal", "discount": 0.8}
    variants = {
        "left out": Variant(baseline="leave_one_out"),
        "optimal": Variant(**optimal),
        "optimal, states discounted": Variant(**optimal, discount_states=True),
        "optimal, total": Variant(**optimal, returns="total"),
        "total": Variant(returns="total"),
    }
    together = gradients_of_all(policy, variants, batches)
    for name, variant in variants.items():
        torch.testing.assert_close(together[name], batch_gradients(policy, variant, batches))
    pairs = itertools.combinations(together.values(), 2)
    assert all((one - other).norm() > 1e-3 * one.norm() for one, other in pairs)


def gaussian_gradients(count: int, mean: torch.Tensor, deviation: float, seed: int) -> torch.Tensor:
    noise = torch.randn(count, len(mean), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return mean + deviation * noise


def exactly(truth: torch.Tensor) -> Reference:
    return Reference(truth, total_variance=1e-12, squared_gradient=truth.square().sum().item(), trajectories=10)


def measures(gradients: torch.Tensor, reference: Reference) -> dict[str, float]:
    return values(METRICS, Probed(gradients, reference, returns=torch.zeros(1, 2), least_variance=0.0))


def test_the_expected_return_is_measured_where_there_are_tables() -> None:
    gradients = gaussian_gradients(4, torch.zeros(2, dtype=torch.float64), 1.0, 0)
    exact = replace(exactly(torch.ones(2, dtype=torch.float64)), objective=-11.5)
    assert measures(gradients, exact)["objective"] == -11.5
    assert "objective" not in measures(gradients, exactly(torch.ones(2, dtype=torch.float64)))


def test_measures_recover_the_moments_of_known_gradients() -> None:
    truth = torch.zeros(50, dtype=torch.float64)
    truth[:2] = torch.tensor([3.0, 4.0])
    found = measures(gaussian_gradients(20_000, 0.9 * truth, 0.5, 0), exactly(truth))
    assert found["total_variance"] == pytest.approx(50 * 0.25, rel=0.02)
    assert found["snr"] == pytest.approx(25 / 12.5, rel=0.02)
    assert found["shrinkage"] == pytest.approx(-0.1, abs=4 * found["shrinkage_se"])
    assert found["shrinkage_se"] == pytest.approx(0.5 / 5 / 20_000**0.5, rel=0.05)
    assert found["relative_bias"] == pytest.approx(0.1, abs=0.01)
    assert found["reference_flagged"] == 0


def test_the_variance_of_few_gradients_is_not_too_small() -> None:
    truth, few = torch.tensor([1.0, 0.0], dtype=torch.float64), [[1.0, 0.0], [3.0, 0.0], [2.0, 3.0]]
    found = measures(torch.tensor(few, dtype=torch.float64), exactly(truth))
    assert found["total_variance"] == pytest.approx((1 + 1 + 0 + 1 + 1 + 4) / 2)


def test_the_measured_bias_of_an_unbiased_estimator_is_its_noise() -> None:
    truth = torch.ones(200, dtype=torch.float64)
    found = measures(gaussian_gradients(40, truth, 2.0, 1), exactly(truth))
    assert found["relative_bias"] == pytest.approx(found["relative_bias_noise"], rel=0.15)
    assert abs(found["shrinkage"]) < 4 * found["shrinkage_se"]


def test_aligned_gradients_have_cosine_1_and_ten_are_paired() -> None:
    truth = torch.tensor([1.0, 0.0], dtype=torch.float64)
    aligned = truth * torch.arange(1, 13, dtype=torch.float64).unsqueeze(-1)
    # The eleventh and twelfth gradients are beyond the ten that are compared.
    aligned[10:] *= -1
    found = measures(aligned, exactly(truth))
    assert found["pairwise_cosine"] == pytest.approx(1.0)
    assert found["cosine"] == pytest.approx((10 - 2) / 12)


def test_a_gradient_of_zero_has_cosine_0() -> None:
    truth = torch.tensor([1.0, 0.0], dtype=torch.float64)
    found = measures(torch.stack([truth, truth, 0 * truth, truth]), exactly(truth))
    assert found["cosine"] == pytest.approx(0.75)
    assert found["pairwise_cosine"] == pytest.approx(0.5)


def test_the_references_own_noise_widens_every_error() -> None:
    truth = torch.ones(10, dtype=torch.float64)
    gradients = gaussian_gradients(30, truth, 1.0, 2)
    noisy = Reference(truth, total_variance=3.0, squared_gradient=10.0, trajectories=10)
    assert measures(gradients, noisy)["shrinkage_se"] > measures(gradients, exactly(truth))["shrinkage_se"]
    assert (
        measures(gradients, noisy)["relative_bias_noise"] > measures(gradients, exactly(truth))["relative_bias_noise"]
    )
    assert measures(gradients, noisy)["reference_flagged"] == 1


def test_metrics_relative_to_a_gradient_of_zero_are_nan() -> None:
    zero = torch.zeros(5, dtype=torch.float64)
    found = measures(gaussian_gradients(30, zero, 1.0, 3), exactly(zero))
    relative = ("relative_bias", "relative_bias_noise", "shrinkage", "shrinkage_se", "cosine")
    assert all(np.isnan(found[name]) for name in relative)
    assert found["total_variance"] > 0
    assert found["snr"] == 0
    assert found["reference_flagged"] == 1


def test_the_rounding_of_equal_returns_is_no_variance() -> None:
    """In five steps no pole falls: with a baseline all estimates are 0, and without one they are not."""
    discounted = Variant(discount=0.9, baseline="per_step_leave_one_out")
    variants = {"baseline": discounted, "plain": Variant(discount=0.9)}
    environment = Environment(id="CartPole-v1", horizon=5, rewards=Rewards(scale=0.1))
    sample = Sample(trajectories=70, batches=(7,), reference=64, reference_limit=64)
    rows = rows_of(job_of(ProbeExperiment, environment, variants, policy=OPTIONS, sample=sample))
    baseline, plain = rows.to_dict("records")
    assert [baseline[metric] for metric in ("total_variance", "cosine", "empty")] == [0, 0, 1]
    assert plain["total_variance"] > 1e-4
    assert plain["empty"] == 0


def test_returns_are_alike_where_at_most_one_differs() -> None:
    returns = [[5, 5, 5, 5], [5, 9, 5, 5], [5, 5, 1, 5], [5, 5, 9, 9], [1, 5, 5, 9]]
    assert returns_alike(torch.tensor(returns, dtype=torch.float64)).tolist() == [True, True, True, False, False]


def test_a_reference_varies_less_the_more_batches_it_is_the_mean_of() -> None:
    gradients = gaussian_gradients(2_000, torch.ones(10, dtype=torch.float64), 3.0, 4)
    assert reference._summarised(gradients).total_variance == pytest.approx(10 * 9 / 2_000, rel=0.05)


def test_split_halves_do_not_count_noise_as_signal() -> None:
    squared = [
        reference._summarised(gaussian_gradients(20, torch.zeros(100, dtype=torch.float64), 1.0, seed)).squared_gradient
        for seed in range(200)
    ]
    standard_error = np.std(squared) / len(squared) ** 0.5
    assert abs(np.mean(squared)) < 4 * standard_error
    assert np.mean(squared) < 0.2 * 100 / 20, "the naive estimate would be the variance of the mean"


def probed(*seeds: int, **sample: Any) -> pd.DataFrame:
    variants = {"total": Variant(returns="total"), "to_go": Variant(), "optimal": Variant(baseline="optimal")}
    numbers = Sample(**{"trajectories": 64, "batches": (8, 16), "reference": 64, "reference_limit": 256, **sample})
    environment = Environment(id="CartPole-v1", horizon=30)
    job = job_of(ProbeExperiment, environment, variants, *seeds, policy=OPTIONS, sample=numbers)
    new = {seed: Policy(OPTIONS, Spaces(4, 2), torch_generator(seed, "frozen")) for seed in seeds}
    return rows_of(job, {seed: arrays(policy) for seed, policy in new.items()})


def test_variance_falls_with_batch_size_and_reward_to_go_varies_less() -> None:
    rows = probed(0, trajectories=512).set_index(["variant", "batch"])["total_variance"]
    for variant in ("total", "to_go", "optimal"):
        assert rows[variant, 8] / rows[variant, 16] == pytest.approx(2, rel=0.4)
    assert rows["to_go", 8] < rows["total", 8]


def test_the_least_variance_falls_with_one_over_the_batch_size_exactly() -> None:
    least = probed(0).set_index(["variant", "batch"])["least_variance"]
    for variant in ("total", "to_go", "optimal"):
        assert least[variant, 8] == pytest.approx(2 * least[variant, 16], rel=1e-12)
    assert least["to_go", 8] == least["optimal", 8] < least["total", 8], "of the returns alone"


def test_the_reference_is_that_of_least_variance_in_other_trajectories(monkeypatch: pytest.MonkeyPatch) -> None:
    environment, used, estimated = Environment(id="CartPole-v1", horizon=30), list[Variant](), batch_gradients

    def spy(policy: Policy, variant: Variant, batches: Trajectories) -> torch.Tensor:
        used.append(variant)
        return estimated(policy, variant, batches)

    monkeypatch.setattr(reference, "batch_gradients", spy)
    policy = Policy(OPTIONS, Spaces(4, 2), torch_generator(0, "frozen"))
    pool = collect(make_environments(environment, 64), actor_of(policy), Generators.of(0, "pool"))
    sample = Sample(trajectories=64, batches=(8,), reference=32, reference_limit=32)
    reference.reference(environment, policy, sample, 0, "late", pool)
    candidates = reference._REFERENCE_CANDIDATES
    found = gradients_of_all(policy, candidates, pool.regrouped(16))
    variances = {name: gradients.var(0).sum().item() for name, gradients in found.items()}
    assert used == [candidates[min(variances, key=lambda name: variances[name])]]
    assert max(variances.values()) > 1.05 * min(variances.values())


def test_the_reference_grows_while_it_is_noisy_and_stops_at_its_limit() -> None:
    rows = probed(0, reference=32, reference_limit=128)
    assert rows["reference_trajectories"].iloc[0] in (32, 64, 128)
    if rows["reference_trajectories"].iloc[0] < 128:
        assert rows["reference_snr"].iloc[0] >= 30
    flagged = probed(0, reference=32, reference_limit=32)
    assert flagged["reference_trajectories"].iloc[0] == 32
