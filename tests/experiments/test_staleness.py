"""Corrections along a walk away from their data: the walk itself, and what a job measures on it."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pg.core.trajectories import on_valid_steps
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.mdp import MDP
from pg.environments.record import Environment
from pg.experiments.staleness import measure as staleness
from pg.experiments.staleness.measure import bias_parts, expected_gradient, walked
from pg.experiments.staleness.options import StalenessOptions, Walk
from pg.experiments.staleness.record import StalenessExperiment
from pg.laboratory.distances import exact_divergence, state_variation
from pg.laboratory.frozen import random_policy
from pg.laboratory.job import MeasurementJob, Sample
from pg.laboratory.reference import truth
from pg.laboratory.reuse import corrected_gradients
from pg.learning.policies import Policy
from pg.parts.corrections.trajectory import Trajectory
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import Variant
from tests.laboratory.jobs import job_of, rows_of
from tests.laboratory.pairs import BIASED, MDPS, OPTIONS, UNBIASED, assert_equal, every, pair

TABLE_COLUMNS = ("state_part", "return_part", "state_variation")


def learner(**parts: object) -> Variant:
    return Variant(**{"optimizer": Sgd(learning_rate=0.3), "batch": 8, "policy": OPTIONS, **parts})


@pytest.mark.parametrize("importance", ["none", "per_step"])
def test_a_walk_follows_one_batch_with_ratios_to_its_start(importance: str) -> None:
    mdp = MDPS["random"]
    start, _ = pair(mdp)
    batch = enumerate_trajectories(mdp, 10_000).trajectories.map_tensors(lambda values: values[:, 5:400:50])
    to_go = batch.rewards.flip(-1).cumsum(-1).flip(-1)
    policy, rate = copy.deepcopy(start), 0.3
    old = on_valid_steps(start.log_prob, batch).detach()
    for steps in range(4):
        found = walked(start, learner(importance=importance), batch, steps)
        torch.testing.assert_close(found.theta, policy.theta, rtol=0, atol=1e-12)
        log_probs = on_valid_steps(policy.log_prob, batch)
        weights = (log_probs.detach() - old).exp() if importance == "per_step" else 1
        objective = (weights * to_go * log_probs * batch.mask).sum() / batch.mask.shape[1]
        (gradient,) = torch.autograd.grad(objective, policy.theta)
        policy.theta.data += rate * gradient


def test_a_walk_keeps_its_start_and_ignores_limits_and_minibatches() -> None:
    mdp = MDPS["random"]
    start, _ = pair(mdp)
    before = start.theta.detach().clone()
    batch = enumerate_trajectories(mdp, 10_000).trajectories.map_tensors(lambda values: values[:, 5:400:50])
    held = learner(minibatches=2, gradient_steps=4, kl=EarlyStop(limit=1e-9))
    free, limited = walked(start, learner(), batch, 2).theta, walked(start, held, batch, 2).theta
    assert torch.equal(start.theta, before)
    assert torch.equal(free, limited)
    assert (free != before).all()


RANDOM = Environment(id="pg/Random-v0", kwargs={"states": 2, "seed": 1}, horizon=3)
CARTPOLE = Environment(id="CartPole-v1", horizon=20)
CORRECTIONS = {
    "naive": Variant(),
    "trajectory": Variant(importance="trajectory"),
    "per_step": Variant(importance="per_step"),
    "left_out": Variant(importance="per_step", baseline="leave_one_out"),
}


def job(
    *seeds: int, environment: Environment = RANDOM, steps: tuple[int, ...] = (0, 2, 5), **sample: Any
) -> MeasurementJob[StalenessOptions]:
    return job_of(
        StalenessExperiment,
        environment,
        CORRECTIONS,
        *seeds,
        policy=OPTIONS,
        others={"walk.variant": learner()},
        walk=Walk(variant="learner", steps=steps),
        sample=Sample(**{"trajectories": 64, "batches": (8, 4), "reference": 32, "reference_limit": 32} | sample),
    )


def followed(*seeds: int, **options: Any) -> pd.DataFrame:
    return rows_of(job(*seeds, **options))


def shared_and_start(**options: Any) -> tuple[staleness._Shared, Policy]:
    return staleness._Shared.of(job(1, **options)), random_policy(OPTIONS, MDPS["random"].spaces, 1).float().double()


def test_measurements_do_not_depend_on_the_other_numbers_of_steps() -> None:
    many, few = followed(1), followed(1, steps=(5,))
    assert many[many["steps"] == 5].to_csv(index=False) == few.to_csv(index=False)


def test_before_the_first_step_nothing_needs_a_correction() -> None:
    rows = followed(1, steps=(0,)).set_index("variant")
    assert (rows[["kl", *TABLE_COLUMNS]] == 0).all(axis=None)
    assert (rows[["effective_share", "largest_weight"]] == 1).all(axis=None)
    plain = ["naive", "trajectory", "per_step"]
    assert len(rows.loc[plain, ["total_variance", "cosine"]].drop_duplicates()) == 1
    np.testing.assert_allclose(rows.loc[plain, "relative_bias"], 0, atol=1e-12)


def test_the_further_from_the_data_the_larger_the_bias_that_is_left() -> None:
    rows = followed(1).set_index(["variant", "steps"])
    kl = rows["kl"]["naive"]
    assert kl[0] < kl[2] < kl[5]
    for left in ("naive", "per_step"):
        assert rows["relative_bias"][left, 0] < rows["relative_bias"][left, 2] < rows["relative_bias"][left, 5]
    np.testing.assert_allclose(rows["relative_bias"]["trajectory"], 0, atol=1e-12)
    assert rows["effective_share"]["trajectory", 5] < rows["effective_share"]["per_step", 5] < 1
    assert rows["largest_weight"]["trajectory", 5] > rows["largest_weight"]["per_step", 5] > 1
    assert rows.loc["naive", ["effective_share", "largest_weight"]].to_numpy().tolist() == [[1, 1]] * 3


def test_a_correction_that_overflows_does_not_change_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object) -> None:
        raise NonFiniteWeights(1)

    whole = followed(1, steps=(2,)).set_index("variant")
    monkeypatch.setattr(Trajectory, "__call__", overflow)
    found = followed(1, steps=(2,)).set_index("variant")
    assert list(found.index) == list(whole.index)
    assert found.drop(columns=["seed", "batch", "steps"]).loc[["trajectory"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(found.drop("trajectory"), whole.drop("trajectory"))


def test_bias_is_exact_unless_the_baseline_comes_from_the_batch() -> None:
    noise = followed(1).groupby("variant")["relative_bias_noise"]
    assert (noise.max()[["naive", "trajectory", "per_step"]] == 0).all()
    assert noise.min()["left_out"] > 0


def test_on_tables_the_change_of_the_policy_is_measured_exactly() -> None:
    row, mdp, (shared, start) = followed(1, steps=(5,)).iloc[0], MDPS["random"], shared_and_start()
    target = walked(start, learner(), shared.sampled(shared.batch_copies, start, 1, "walk"), 5, mdp)
    parts, norm = bias_parts(start, target, mdp), truth(mdp, target).gradient.norm()
    expected = [*((part.norm() / norm).item() for part in parts), state_variation(start, target, mdp)]
    assert row[[*TABLE_COLUMNS]].tolist() == pytest.approx(expected, rel=1e-12)
    assert len({*np.round(expected, 6)}) == 3, "all differ"
    forward, reverse = exact_divergence(start, target, mdp), exact_divergence(target, start, mdp)
    assert row["kl"] == pytest.approx(forward, rel=1e-12)
    assert forward != pytest.approx(reverse, rel=1e-3)


def test_the_largest_weight_is_that_of_the_batches_measured() -> None:
    largest = followed(1, steps=(5,)).set_index("variant")["largest_weight"]
    shared, start = shared_and_start()
    walked_on, pool = (
        shared.sampled(copies, start, 1, purpose)
        for copies, purpose in ((shared.batch_copies, "walk"), (shared.pool_copies, "pool"))
    )
    target = walked(start, learner(), walked_on, 5, MDPS["random"])
    changes = on_valid_steps(target.log_prob, pool) - on_valid_steps(start.log_prob, pool)
    assert largest["trajectory"] == pytest.approx(changes.sum(-1).exp().max().item(), rel=1e-12)


def test_sampled_bias_and_variance_agree_with_the_enumerated_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {"steps": (5,), "trajectories": 8000}
    exact = followed(1, **asked).set_index("variant")
    monkeypatch.setattr(staleness, "_MOST_ENUMERATED", 10)
    sampled = followed(1, **asked).set_index("variant")
    assert set(TABLE_COLUMNS) <= set(sampled.columns)
    error = (sampled["relative_bias"] - exact["relative_bias"]).abs()
    assert (error < 4 * sampled["relative_bias_noise"]).all()

    mdp, (shared, start) = MDPS["random"], shared_and_start(**asked)
    target = walked(start, learner(), shared.sampled(shared.batch_copies, start, 1, "walk"), 5, mdp)
    reuse, chances = every(mdp, start, target)
    for name in ("naive", "trajectory", "per_step"):
        estimates = corrected_gradients(reuse.regrouped(1), CORRECTIONS[name])
        variance = chances @ (estimates - chances @ estimates).square().sum(-1)
        assert sampled["total_variance"][name] == pytest.approx(variance.item() / 8, rel=0.2)


def test_without_tables_the_reference_is_the_gradient_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staleness, "mdp_of", lambda _: None)
    behaviour, target = pair(MDPS["random"])
    shared, _ = shared_and_start(reference=4096, reference_limit=4096)
    found = shared.true_gradient(target, 1, 5)
    error = (found.gradient - truth(MDPS["random"], target).gradient).norm()
    apart = (truth(MDPS["random"], behaviour).gradient - truth(MDPS["random"], target).gradient).norm()
    assert error < 4 * found.total_variance**0.5 < apart


def test_metrics_are_sampled_without_tables_except_those_of_states() -> None:
    rows = followed(4, environment=CARTPOLE)
    assert set(rows.columns) == {*StalenessExperiment.columns()}
    assert (rows["relative_bias_noise"] > 0).all()
    assert rows.notna().all(axis=None)
    assert len(rows[["steps", "kl"]].drop_duplicates()) == 3
    assert rows["kl"].is_monotonic_increasing


# The expectation of corrections, and the parts of their bias ----------------------------------------------------------


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
@pytest.mark.parametrize("variant", UNBIASED.values(), ids=UNBIASED.keys())
def test_unbiased_corrections_expect_the_gradient_at_the_target(mdp: MDP, variant: Variant) -> None:
    behaviour, target = pair(mdp)
    reuse, chances = every(mdp, behaviour, target)
    gradient = truth(mdp, target).gradient
    assert_equal(expected_gradient(reuse, variant, chances), gradient, gradient)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_state_and_return_part_add_up_to_the_bias_of_per_step_ratios(mdp: MDP, seed: int) -> None:
    behaviour, target = pair(mdp, seed)
    reuse, chances = every(mdp, behaviour, target)
    gradient = truth(mdp, target).gradient
    state_part, return_part = bias_parts(behaviour, target, mdp)
    bias = expected_gradient(reuse, Variant(importance="per_step"), chances) - gradient

    assert state_part.norm() > 1e-3 * gradient.norm()
    assert return_part.norm() > 1e-3 * gradient.norm()
    assert_equal(state_part + return_part, bias, gradient)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_the_exact_state_ratio_leaves_the_return_part(mdp: MDP) -> None:
    behaviour, target = pair(mdp)
    reuse, chances = every(mdp, behaviour, target)
    gradient = truth(mdp, target).gradient
    _, return_part = bias_parts(behaviour, target, mdp)
    assert_equal(expected_gradient(reuse, Variant(importance="exact_state"), chances) - gradient, return_part, gradient)


@pytest.mark.parametrize("variant", (UNBIASED | BIASED).values(), ids=(UNBIASED | BIASED).keys())
def test_the_expectation_is_that_of_the_estimates_that_are_sampled(variant: Variant) -> None:
    behaviour, target = pair(MDPS["random"])
    reuse, chances = every(MDPS["random"], behaviour, target)
    estimates = corrected_gradients(reuse.regrouped(1), variant)
    assert_equal(chances @ estimates, expected_gradient(reuse, variant, chances), estimates[0])


def test_estimates_from_whole_batches_are_no_means_of_trajectories() -> None:
    assert all(variant.is_mean_over_trajectories for variant in (UNBIASED | BIASED).values())
    assert not Variant(baseline="leave_one_out").is_mean_over_trajectories
    assert not Variant(normalise_advantages=True).is_mean_over_trajectories
    assert not Variant(importance={"name": "per_step", "self_normalised": True}).is_mean_over_trajectories
