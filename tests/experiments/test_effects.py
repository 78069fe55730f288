"""The effect of one update on likelihoods and its divergence: known by hand on bandits.

A bandit of K arms under a uniform policy: the batch's gradient on the logits is g = c - C / K with c_a the sum of the
weights of the trajectories that pulled arm a, over N, and C the sum of all c. To first order an arm's log-probability
changes in proportion to c_a - C / K. A linear policy sees a constant, so that its weights and its biases each move
the logits by the learning rate times g.
"""

import math

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.experiments.metric import values
from pg.experiments.update.effects import Effect, log_likelihood_changes
from pg.experiments.update.measure import Updates
from pg.experiments.update.metrics import METRICS
from pg.laboratory.frozen import random_policy
from pg.learning.policies import Policy
from pg.parts.limits.base import Limit
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.bandits import bandit_policy, improver, on_a_bandit, pulls, variant, walks

SHARES = ["rising_below_average", "rising_above_average"]
MANY = 60
BEFORE, AFTER = (random_policy(PolicyOptions(hidden=(5,)), Spaces(4, 2), seed) for seed in (0, 1))


def effect_of(policy: Policy, variant: Variant, batch: Trajectories, fresh: Trajectories) -> Effect:
    return Effect.of(policy, improver(variant).improved(policy, batch), batch, fresh, variant.kl)


@pytest.mark.parametrize(("sign", "rising"), [(1, 1.0), (-1, 0.0)])
def test_few_sampled_arms_of_many_move_by_the_sign_of_their_rewards(sign: int, rising: float) -> None:
    """Without a baseline: c_a is at least 1/4 and C at most 3, and so the sign of c_a - C / 60 is the reward's."""
    rewards = sign * np.linspace(1, 3, MANY)
    rows = on_a_bandit(rewards.tolist(), {"plain": variant()})
    assert rows[SHARES].to_numpy().tolist() == [[rising, rising]]


def test_the_average_baseline_makes_the_arms_below_it_less_likely() -> None:
    """C is 0: an arm's likelihood changes with the sign of its reward minus the mean."""
    rewards = np.linspace(1, 3, MANY)
    rows = on_a_bandit(rewards.tolist(), {"average": variant("average_reward")})
    assert rows[SHARES].to_numpy().tolist() == [[0.0, 1.0]]


def test_positive_rewards_cannot_make_all_sampled_arms_likelier() -> None:
    """Probabilities sum to one: c = (1/2, 1) over two arms leaves the worse one with -1/4."""
    batch = pulls([0, 1], [1.0, 2.0])
    found = effect_of(bandit_policy(2), variant(), batch, batch)
    assert found.below_rise.tolist() == [False]
    assert found.above_rise.tolist() == [True]
    assert found.rank_correlation == pytest.approx(1)


def test_an_arm_that_is_pulled_more_often_may_outweigh_a_better_one() -> None:
    """c = (3/4, 1/2): three pulls of the worse arm push it up, at the cost of the better one."""
    batch = pulls([0, 0, 0, 1], [1.0, 2.0])
    found = effect_of(bandit_policy(2), variant(), batch, batch)
    assert found.below_rise.tolist() == [True] * 3
    assert found.above_rise.tolist() == [False]
    assert found.rank_correlation == pytest.approx(-1)


def test_changes_of_the_log_likelihood_are_those_of_the_step() -> None:
    """Pulls 0, 1, 1 of 1, 2 and 4: c = (1/3, 4/3, 0), g = c - 5/9, and the logits move by twice the rate times g."""
    before, after, rate = bandit_policy(3), bandit_policy(3), 0.1
    logits = 2 * rate * (torch.tensor([1 / 3, 4 / 3, 0], dtype=torch.float64) - 5 / 9)
    with torch.no_grad():
        after.affine[0].biases.add_(logits)
    rewards = [1.0, 2.0, 4.0]
    known = logits.log_softmax(0) + math.log(3)
    changes = log_likelihood_changes(before, after, pulls([0, 1, 2], rewards))
    np.testing.assert_allclose(changes[0], known, atol=1e-9)

    every = pulls([0, 1, 2, 1], rewards)
    found = effect_of(before, variant(rate=rate), pulls([0, 1, 1], rewards), every)
    # Returns 1, 2, 4, 2 against changes that rank arm 1 over 0 over 2.
    assert known.argsort(descending=True).tolist() == [1, 0, 2]
    ranks = np.array([[1, 2.5, 4, 2.5], [2, 3.5, 1, 3.5]])
    assert found.rank_correlation == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_the_change_of_a_trajectory_is_the_sum_over_the_steps_it_took() -> None:
    trajectories = walks([[1, 0, 1], [0]], [[0, 1, 0], [3]])

    def step(state: int, action: int) -> float:
        seen, taken = torch.eye(4, dtype=torch.float64)[state], torch.tensor(action)
        return (AFTER.log_prob(seen, taken) - BEFORE.log_prob(seen, taken)).item()

    known = [step(0, 1) + step(1, 0) + step(0, 1), step(3, 0)]
    np.testing.assert_allclose(log_likelihood_changes(BEFORE, AFTER, trajectories)[0], known, atol=1e-9)


def test_trajectories_with_the_same_steps_in_another_order_tie() -> None:
    orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 2, 3, 1], [3, 0, 1, 2]]
    trajectories = walks([[state % 2 for state in order] for order in orders], orders)
    assert log_likelihood_changes(BEFORE, AFTER, trajectories).unique().numel() == 1


def test_an_update_without_effect_has_zero_shares_and_correlation() -> None:
    rows = on_a_bandit([1.0, 2.0], {"still": variant(rate=1e-30)})
    assert rows[["rank_correlation", *SHARES]].to_numpy().tolist() == [[0.0, 0.0, 0.0]]


def test_metrics_are_nan_if_all_returns_are_equal() -> None:
    rows = on_a_bandit([1.0, 1.0], {"plain": variant()})
    assert rows[["rank_correlation", *SHARES]].isna().all(axis=None)


def measures(limit: Limit | None, *effects: tuple[float, list[bool], float, float]) -> dict[str, float]:
    """Return the metrics of effects on a rank correlation, the trajectories below the mean, and both divergences."""
    none = torch.zeros(0, dtype=torch.bool)
    found = [Effect(rank, torch.tensor(below).bool(), none, *kl) for rank, below, *kl in effects]
    return values(METRICS, Updates(found, limit))


def test_shares_are_pooled_and_undefined_correlations_left_out() -> None:
    found = measures(None, (0.2, [True], 0, 0), (math.nan, [], 0, 0), (0.6, [False, False, True], 0, 0))
    assert found["rank_correlation"] == pytest.approx(0.4)
    assert found["rising_below_average"] == pytest.approx(0.5)
    assert math.isnan(found["rising_above_average"])
    assert math.isnan(measures(None, (math.nan, [], 0, 0))["rank_correlation"])


LIMIT = EarlyStop(limit=0.02)


def test_mean_divergences_have_a_column_as_share_of_the_limit() -> None:
    found = measures(LIMIT, (0, [], 0.01, 0.03), (0, [], 0.02, 0.05))
    known = {"kl_on_batch": 0.015, "kl_on_fresh": 0.04, "kl_over_limit": 0.75, "fresh_kl_over_limit": 2}
    assert {name: found[name] for name in known} == pytest.approx(known)
    assert not {"kl_over_limit", "fresh_kl_over_limit"} & measures(None, (0, [], 0.01, 0.03)).keys()


@pytest.mark.parametrize("limit", [None, LIMIT, LIMIT.model_copy(update={"direction": "old_new"})])
def test_divergences_are_means_over_steps_in_the_limits_direction(limit: EarlyStop | None) -> None:
    policies = (AFTER, BEFORE) if limit is None or limit.direction == "new_old" else (BEFORE, AFTER)
    seen = torch.eye(4, dtype=torch.float64).repeat_interleave(2, 0)
    first, second = (one.log_prob(seen, torch.tensor([0, 1]).repeat(4)).detach() for one in policies)
    at = (first.exp() * (first - second)).reshape(4, 2).sum(-1).tolist()
    batch, fresh = walks([[1, 0, 1], [0]], [[0, 1, 0], [3]]), walks([[0, 0]], [[2, 3]])
    found = Effect.of(BEFORE, AFTER, batch, fresh, limit)
    assert found.kl_on_batch == pytest.approx((2 * at[0] + at[1] + at[3]) / 4)
    assert found.kl_on_fresh == pytest.approx((at[2] + at[3]) / 2)
