"""One update makes some trajectories likelier and others less likely: known by hand on bandits.

A bandit of K arms under a uniform policy: the batch's gradient on the logits is g = c - C / K with c_a the sum of the
weights of the trajectories that pulled arm a, over N, and C the sum of all c. To first order an arm's log-probability
changes in proportion to c_a - C / K. A linear policy sees a constant, so that its weights and its biases each move
the logits by the learning rate times g.
"""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.experiments.update.likelihoods import Effect, log_likelihood_changes, measures
from pg.laboratory.frozen import random_policy
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.bandits import bandit_policy, improver, on_a_bandit, pulls, variant, walks

SHARES = ["rising_below_average", "rising_above_average"]
MANY = 60


def effect_of(policy: Policy, variant: Variant, batch: Trajectories, fresh: Trajectories) -> Effect:
    return Effect.of(policy, improver(variant).improved(policy, batch), batch, fresh)


@pytest.mark.parametrize(("sign", "rising"), [(1, 1.0), (-1, 0.0)])
def test_where_few_of_many_arms_are_sampled_all_of_them_move_as_their_reward_says(sign: int, rising: float) -> None:
    """Without a baseline: c_a is at least 1/4 and C at most 3, and so the sign of c_a - C / 60 is the reward's."""
    rewards = sign * np.linspace(1, 3, MANY)
    rows = on_a_bandit(rewards.tolist(), {"plain": variant()})
    assert rows[SHARES].to_numpy().tolist() == [[rising, rising]]


def test_minus_the_average_exactly_the_arms_below_it_are_pushed_down() -> None:
    """C is 0: an arm's likelihood changes with the sign of its reward minus the mean."""
    rewards = np.linspace(1, 3, MANY)
    rows = on_a_bandit(rewards.tolist(), {"average": variant("average_reward")})
    assert rows[SHARES].to_numpy().tolist() == [[0.0, 1.0]]


def test_where_every_arm_is_sampled_positive_rewards_cannot_push_all_of_them_up() -> None:
    """Probabilities sum to one: c = (1/2, 1) over two arms leaves the worse one with -1/4."""
    batch = pulls([0, 1], [1.0, 2.0])
    found = effect_of(bandit_policy(2), variant(), batch, batch)
    assert found.below_rise.tolist() == [False]
    assert found.above_rise.tolist() == [True]
    assert found.rank_correlation == pytest.approx(1)


def test_what_is_pulled_more_often_may_outweigh_what_earns_more() -> None:
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
        after.affine[0].bias.add_(logits)
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
    before, after = (random_policy(PolicyOptions(hidden=(5,)), Spaces(4, 2), seed) for seed in (0, 1))
    trajectories = walks([[1, 0, 1], [0]], [[0, 1, 0], [3]])

    def step(state: int, action: int) -> float:
        seen, taken = torch.eye(4, dtype=torch.float64)[state], torch.tensor(action)
        return (after.log_prob(seen, taken) - before.log_prob(seen, taken)).item()

    known = [step(0, 1) + step(1, 0) + step(0, 1), step(3, 0)]
    np.testing.assert_allclose(log_likelihood_changes(before, after, trajectories)[0], known, atol=1e-9)


def test_trajectories_of_equal_steps_in_another_order_tie() -> None:
    before, after = (random_policy(PolicyOptions(hidden=(5,)), Spaces(4, 2), seed) for seed in (0, 1))
    orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 2, 3, 1], [3, 0, 1, 2]]
    trajectories = walks([[state % 2 for state in order] for order in orders], orders)
    assert log_likelihood_changes(before, after, trajectories).unique().numel() == 1


def test_an_update_without_effect_makes_nothing_likelier_and_prefers_nothing() -> None:
    rows = on_a_bandit([1.0, 2.0], {"still": variant(rate=1e-30)})
    assert rows[["rank_correlation", *SHARES]].to_numpy().tolist() == [[0.0, 0.0, 0.0]]


def test_where_all_trajectories_earn_the_same_nothing_is_defined() -> None:
    rows = on_a_bandit([1.0, 1.0], {"plain": variant()})
    assert rows[["rank_correlation", *SHARES]].isna().all(axis=None)


def effect(correlation: float, below: Sequence[bool], above: Sequence[bool]) -> Effect:
    return Effect(correlation, torch.tensor(below, dtype=torch.bool), torch.tensor(above, dtype=torch.bool))


def test_shares_are_pooled_and_undefined_correlations_left_out() -> None:
    nan = float("nan")
    found = measures([effect(0.2, [True], []), effect(nan, [], []), effect(0.6, [False, False, True], [])])
    assert found["rank_correlation"] == pytest.approx(0.4)
    assert found["rising_below_average"] == pytest.approx(0.5)
    assert math.isnan(found["rising_above_average"])
    assert math.isnan(measures([effect(nan, [], [])])["rank_correlation"])
