"""Single updates begin at the frozen policy; their metrics do not depend on the other updates of a job."""

import math
from typing import Any

import numpy as np
import pytest
from pg.experiments.update.effects import Effect
from pg.parts.limits.penalty import Penalty
from pg.parts.variant import Variant
from tests.laboratory.bandits import bandit_policy, improver, on_a_bandit, pulls, variant

RATIOS = ["kl_over_limit", "fresh_kl_over_limit"]
REWARDS = [0.5, 1.0, 3.0]


def held(by: str, limit: float = 0.01, **parts: Any) -> Variant:
    """Return a variant that five steps would move several times as far, without a limit."""
    return variant(batch=64, rate=0.1, **({"gradient_steps": 5, "kl": {"limit": limit, "hold_by": by}} | parts))


def test_an_update_leaves_the_frozen_policy_as_it_is() -> None:
    policy, batch = bandit_policy(2), pulls([0, 1], [1.0, 2.0])
    improved = improver(variant(rate=1.0)).improved(policy, batch)
    assert not policy.theta.any()
    assert improved.theta.any()


def test_the_fresh_trajectories_are_not_the_batch() -> None:
    """Minus their average two pulls of one arm teach nothing: half of the batches rank the fresh pulls, all rightly."""
    updates = 100
    rows = on_a_bandit([1.0, 0.0], {"average": variant("average_reward", batch=2)}, updates=updates, fresh=2)
    # Half of the time the two fresh pulls earn the same, and are not ranked.
    assert rows["rank_correlation"].item() == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / (updates / 2)))


def test_trajectories_of_a_batch_size_do_not_depend_on_variants() -> None:
    rows = on_a_bandit(REWARDS, {"plain": variant(), "larger": variant(batch=6), "again": variant()})
    measured = rows.set_index("variant").to_numpy().tolist()
    assert measured[0] == measured[2] != measured[1]
    alone = on_a_bandit(REWARDS, {"plain": variant()})
    assert alone.set_index("variant").to_numpy().tolist() == measured[:1]


def test_minibatches_do_not_depend_on_other_variants() -> None:
    cut = variant(batch=8, rate=0.1, minibatches=4)
    rows = on_a_bandit(REWARDS, {"first": cut, "second": cut}).set_index("variant").to_numpy().tolist()
    assert rows[0] == rows[1]
    assert rows[:1] == on_a_bandit(REWARDS, {"first": cut}).set_index("variant").to_numpy().tolist()


def test_the_divergence_of_a_step_without_a_limit_is_known() -> None:
    """Pulls 0 and 1 of 1 and 2: c = (1/2, 1), and the logits move apart by 4 times the rate times 1/4."""
    rate = 0.3
    improved = improver(variant(rate=rate)).improved(bandit_policy(2), pulls([0, 1], [1.0, 2.0]))
    p = 1 / (1 + math.exp(rate))
    known = p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p))
    every = pulls([0], [1.0, 2.0])
    assert Effect.of(bandit_policy(2), improved, every, every, None).kl_on_batch == pytest.approx(known)


@pytest.mark.parametrize("by", ["early_stop", "line_search"])
def test_stopped_and_shortened_updates_keep_the_limit_on_the_batch(by: str) -> None:
    rows = on_a_bandit(REWARDS, {"free": held(by, kl=None), by: held(by)}).set_index("variant")
    # A bandit has one state, and so the batch shows what all trajectories do.
    np.testing.assert_allclose(rows["kl_on_fresh"], rows["kl_on_batch"])
    assert rows["kl_on_batch"].to_numpy()[0] > 5 * 0.01
    assert 0 < rows["kl_over_limit"].to_numpy()[1] <= 1
    np.testing.assert_allclose(
        rows.loc[by, RATIOS].to_numpy(float) * 0.01, rows.loc[by, ["kl_on_batch", "kl_on_fresh"]]
    )
    assert np.isnan(rows.loc["free", RATIOS].to_numpy(float)).all()


def test_ratios_to_the_limit_are_absent_without_a_limit() -> None:
    assert set(RATIOS).isdisjoint(on_a_bandit(REWARDS, {"free": variant()}).columns)


def test_a_penalty_adapts_between_updates_from_the_same_policy() -> None:
    """The divergence is above 1.5 δ at first: the factor doubles and the steps become shorter, until both settle."""
    penalised, batch = improver(held("penalty", limit=0.03)), pulls([0, 1, 2, 2], REWARDS)
    policy, factors, divergences = bandit_policy(3), [], []
    for _ in range(6):
        factors.append(penalised.limit_state.get("penalty", 1.0))
        improved = penalised.improved(policy, batch)
        divergences.append(Effect.of(policy, improved, batch, batch, penalised.variant.kl).kl_on_batch)
    assert factors == [1, 2, 4, 4, 4, 4]
    assert divergences[0] > divergences[1] > 1.5 * 0.03 > divergences[2]
    assert divergences[2:] == [divergences[2]] * 4


def test_rows_average_over_the_updates_of_an_adapting_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    variants = {"held": held("penalty", limit=0.01)}
    adapting = on_a_bandit(REWARDS, variants)["kl_over_limit"].item()
    monkeypatch.setattr(Penalty, "adapted", lambda _, factor, __: factor)
    assert adapting < on_a_bandit(REWARDS, variants)["kl_over_limit"].item() / 1.5


def test_penalties_of_variants_and_seeds_adapt_separately() -> None:
    variants = {"tight": held("penalty", limit=1e-3), "loose": held("penalty", limit=1.0)}
    together = on_a_bandit(REWARDS, variants, seeds=(1, 2))
    for name, one in variants.items():
        alone = on_a_bandit(REWARDS, {name: one}, seeds=(2,))
        rows = together[(together["variant"] == name) & (together["seed"] == 2)]
        assert rows.to_csv(index=False) == alone.to_csv(index=False)
