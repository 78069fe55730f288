"""Estimators of variants: by hand, where two coincide, and independently for each seed."""

from dataclasses import fields
from typing import Any

import pytest
import torch
from pg.core.trajectories import Trajectories
from pg.parts import estimator as compose
from pg.parts.batch import Batch, ScoreProducts, StateValues
from pg.parts.discounting import discount_weights, reward_to_go
from pg.parts.estimator import Fixed
from pg.parts.variant import Variant
from tests.parts import made
from tests.parts.made import batch
from tests.parts.named import (
    BASELINE_PARTS,
    CORRECTING,
    DISCOUNTS,
    FROM_THE_BATCH,
    IMPORTANCE,
    NORMALISED,
    Parts,
    composed,
    constant,
    corrections,
    gae,
)

ROWS = [[1.0, 2.0, 3.0], [4.0], [0.0, 2.0]]


VALUES = StateValues(
    along=torch.tensor([[[0.5, -1.0, 2.0], [1.0, 0.0, 0.0], [0.25, 3.0, 0.0]]], dtype=torch.float64),
    rest=torch.tensor([[0.0, 2.5, 0.0]], dtype=torch.float64),
)
PRODUCTS = ScoreProducts(
    weighted=torch.tensor([[6.0, 4.0, 2.0]], dtype=torch.float64),
    squared=torch.tensor([[2.0, 1.0, 3.0]], dtype=torch.float64),
)


def fixed(
    variant: Variant,
    trajectories: Trajectories,
    products: ScoreProducts | None = PRODUCTS,
    values: StateValues | None = VALUES,
) -> Fixed:
    find_products = None if products is None else lambda _: products
    return compose.fixed(Batch(variant, trajectories, find_products, None if values is None else lambda _: values))


def weights_of(
    variant: Variant,
    trajectories: Trajectories,
    products: ScoreProducts | None = PRODUCTS,
    values: StateValues | None = VALUES,
) -> torch.Tensor:
    return compose.weights(variant, trajectories, fixed(variant, trajectories, products, values))


RETURNS: list[Parts] = [{"returns": "total"}, {"returns": "to_go"}, {"returns": gae(0.7)}]
BOOTSTRAPPED: Parts = {"returns": gae(0.7, bootstrap_at_truncation=True)}
EVERY_VARIANT = composed([*RETURNS, BOOTSTRAPPED], BASELINE_PARTS, DISCOUNTS, NORMALISED)
CORRECTIONS = corrections(CORRECTING, ({"future_correction": True}, {"clip": 0.2}), (1.5,))


def advantages(trajectories: Trajectories, **parts: Any) -> list[list[float]]:
    return weights_of(Variant(**parts), trajectories)[0].tolist()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"returns": "total"}, [[6, 6, 6], [4, 0, 0], [2, 2, 0]]),
        ({}, [[6, 5, 3], [4, 0, 0], [2, 2, 0]]),
        ({"returns": "total", "baseline": "average_reward"}, [[2, 2, 2], [0, 0, 0], [-2, -2, 0]]),
        ({"baseline": "average_reward"}, [[2, 1, -1], [0, 0, 0], [-2, -2, 0]]),
        ({"returns": "total", "baseline": "leave_one_out"}, [[3, 3, 3], [0, 0, 0], [-3, -3, 0]]),
        ({"baseline": "leave_one_out"}, [[3, 2, 0], [0, 0, 0], [-3, -3, 0]]),
        ({"returns": "total", "baseline": "per_step"}, [[2, 10 / 3, 4], [0, 0, 0], [-2, -2 / 3, 0]]),
        ({"baseline": "per_step"}, [[2, 8 / 3, 2], [0, 0, 0], [-2, -1 / 3, 0]]),
        ({"baseline": "per_step_leave_one_out"}, [[3, 4, 3], [0, 0, 0], [-3, -0.5, 0]]),
        ({"baseline": constant("constant", 1.5)}, [[4.5, 3.5, 1.5], [2.5, 0, 0], [0.5, 0.5, 0]]),
        ({"baseline": "optimal"}, [[4.5, 3.5, 1.5], [2.4, 0, 0], [2 - 10 / 3, 2 - 10 / 3, 0]]),
        ({"discount": 0.5}, [[2.75, 3.5, 3], [4, 0, 0], [1, 2, 0]]),
        ({"discount": 0.5, "discount_states": True}, [[2.75, 1.75, 0.75], [4, 0, 0], [1, 1, 0]]),
    ],
)
def test_advantages_are_those_computed_by_hand(parts: dict[str, Any], expected: list[list[float]]) -> None:
    assert advantages(batch(ROWS), **parts) == [pytest.approx(row) for row in expected]


def test_discounted_states_weight_the_baseline_too() -> None:
    found = advantages(batch([[0.0, 4.0], [2.0]]), discount=0.5, discount_states=True, baseline="average_reward")
    assert found == [[2 - 2, 0.5 * (4 - 2)], [2 - 2, 0]]


def test_average_reward_averages_discounted_returns() -> None:
    assert advantages(batch([[0.0, 4.0], [4.0]]), discount=0.5, baseline="average_reward") == [[-1, 1], [1, 0]]


def test_normalisation_comes_before_discounted_states() -> None:
    parts: dict[str, Any] = {"discount": 0.5, "normalise_advantages": True}
    plain = torch.tensor(advantages(batch(ROWS), **parts))
    weighted = torch.tensor(advantages(batch(ROWS), **parts, discount_states=True))
    torch.testing.assert_close(weighted, plain * torch.tensor([1, 0.5, 0.25]))


@pytest.mark.parametrize("baseline", ["none", *FROM_THE_BATCH])
def test_to_go_is_the_total_return_in_trajectories_of_one_step(baseline: str) -> None:
    one_step = batch([[3.0], [1.0], [-2.0]])
    to_go = advantages(one_step, baseline=baseline)
    assert to_go == advantages(one_step, returns="total", baseline=baseline)


def test_per_step_is_the_average_for_totals_of_equal_length() -> None:
    equally_long = batch([[3.0, 1.0], [1.0, 0.0], [-2.0, 7.0]])
    per_step = advantages(equally_long, returns="total", baseline="per_step")
    assert per_step == advantages(equally_long, returns="total", baseline="average_reward")


@pytest.mark.parametrize("variant", EVERY_VARIANT, ids=str)
def test_advantages_are_zero_after_the_end_and_finite(variant: Variant) -> None:
    trajectories = batch(ROWS)
    found = weights_of(variant, trajectories)
    assert (found[~trajectories.mask] == 0).all()
    assert found.isfinite().all()


@pytest.mark.parametrize("variant", EVERY_VARIANT, ids=str)
def test_estimates_of_seeds_are_independent(variant: Variant) -> None:
    other = [[-1.0, 0.5, 2.5], [7.0, 1.0], [0.25]]
    both = ScoreProducts(*(torch.cat([getattr(PRODUCTS, f.name), torch.ones(1, 3)]) for f in fields(PRODUCTS)))
    values = StateValues(*(torch.cat([value, -value]) for value in (VALUES.along, VALUES.rest)))
    together = weights_of(variant, batch(ROWS, other), both, values)
    alone = weights_of(variant, batch(ROWS))
    assert torch.equal(together[:1], alone)
    log_probs = torch.full(together.shape, -0.5, dtype=torch.float64)
    surrogates = compose.surrogate(log_probs, together, batch(ROWS, other))
    assert torch.equal(surrogates[:1], compose.surrogate(log_probs[:1], alone, batch(ROWS)))


def test_a_batch_computes_state_values_once() -> None:
    asked: list[str] = []

    def values(_: Batch) -> StateValues:
        asked.append("values")
        return VALUES

    compose.fixed(Batch(Variant(returns=gae(0.5), baseline="value_network"), batch(ROWS), None, values))
    assert asked == ["values"]


@pytest.mark.parametrize("baseline", ["exact", "value_network"])
def test_values_are_subtracted_step_by_step(baseline: str) -> None:
    values = StateValues(torch.tensor([[[1.0, -1.0], [0.5, 0.0]]], dtype=torch.float64), torch.zeros(1, 2))
    found = weights_of(Variant(baseline=baseline), batch([[1.0, 2.0], [4.0]]), values=values)
    assert found[0].tolist() == [[2, 3], [3.5, 0]]


@pytest.mark.parametrize("baseline", ["exact", "value_network"])
def test_missing_values_are_refused(baseline: str) -> None:
    for parts in ({}, {"returns": gae(1)}):
        with pytest.raises(ValueError, match=f"{baseline} needs the values"):
            weights_of(Variant(baseline=baseline, **parts), batch(ROWS), values=None)


GAE: dict[str, Any] = {"returns": gae(1), "baseline": "value_network"}


def test_gae_with_lambda_1_is_the_reward_to_go_minus_the_value() -> None:
    trajectories = batch(ROWS)
    for discount in DISCOUNTS:
        found = weights_of(Variant(**GAE | discount), trajectories)
        to_go: dict[str, Any] = {"baseline": "value_network", **discount}
        expected = weights_of(Variant(**to_go), trajectories)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_bootstrapping_adds_the_discounted_value_of_what_follows() -> None:
    trajectories = batch(ROWS)
    variant = Variant(**GAE | {"returns": gae(1, bootstrap_at_truncation=True)}, discount=0.9)
    found = weights_of(variant, trajectories)
    earned = reward_to_go(trajectories.rewards, trajectories.mask, 0.9)
    earned[0, 1, 0] += 0.9 * 2.5
    torch.testing.assert_close(found, (earned - VALUES.along) * trajectories.mask, rtol=0, atol=1e-12)


def test_gae_with_lambda_0_is_the_one_step_error() -> None:
    trajectories, variant = batch(ROWS), Variant(**GAE | {"returns": gae(0), "importance": "per_step"})
    errors = torch.tensor([[[1 - 1 - 0.5, 2 + 2 + 1, 3 - 2], [4 - 1, 0, 0], [0 + 3 - 0.25, 2 - 3, 0]]])
    kept = fixed(variant, trajectories)
    found = compose.weights(variant, trajectories, kept, RATIOS.log())
    torch.testing.assert_close(found, RATIOS * errors.double())


def test_the_optimal_baseline_without_score_products_is_refused() -> None:
    with pytest.raises(ValueError, match="optimal needs the score products"):
        weights_of(Variant(baseline="optimal"), batch(ROWS), products=None)


def test_no_gradient_flows_through_the_advantages() -> None:
    weighted = PRODUCTS.weighted.clone().requires_grad_()
    rewards = torch.ones(1, 3, 2, dtype=torch.float64, requires_grad=True)
    products = ScoreProducts(weighted, PRODUCTS.squared)
    assert not weights_of(Variant(baseline="optimal"), made.trajectories(rewards), products).requires_grad


RATIOS = torch.tensor([[[2.0, 0.5, 3.0], [0.25, 1.0, 1.0], [4.0, 0.5, 1.0]]], dtype=torch.float64)
STATE_RATIOS = torch.tensor([[[1.0, 2.0, 0.5], [1.0, 0.0, 0.0], [1.0, 4.0, 0.0]]], dtype=torch.float64)


def corrected(trajectories: Trajectories, **parts: Any) -> torch.Tensor:
    variant = Variant(**parts)
    kept = fixed(variant, trajectories)
    return compose.weights(variant, trajectories, kept, RATIOS.log(), STATE_RATIOS)


@pytest.mark.parametrize("correction", CORRECTIONS, ids=str)
def test_ratios_of_one_give_the_on_policy_weights(correction: Parts) -> None:
    trajectories = batch(ROWS)
    ones = trajectories.mask.double()
    # Normalisation precedes the weights, so combinations of it with a discount are skipped.
    plain = composed([correction], RETURNS, BASELINE_PARTS, DISCOUNTS)
    for variant in (*plain, *composed([correction], RETURNS, BASELINE_PARTS, NORMALISED)):
        kept = fixed(variant, trajectories)
        found = compose.weights(variant, trajectories, kept, torch.zeros_like(ones), ones)
        torch.testing.assert_close(found, compose.weights(variant, trajectories, kept), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("variant", composed(CORRECTIONS, RETURNS, [{"baseline": "value_network"}]), ids=str)
def test_corrected_weights_are_zero_after_the_end_and_per_seed(variant: Variant) -> None:
    other = [[-1.0, 0.5, 2.5], [7.0, 1.0], [0.25]]
    trajectories = batch(ROWS, other)
    values = StateValues(*(torch.cat([value, -value]) for value in (VALUES.along, VALUES.rest)))
    logs, states = torch.cat([RATIOS.log(), RATIOS.flip(1).log()]), torch.cat([STATE_RATIOS, RATIOS])
    together = compose.weights(variant, trajectories, fixed(variant, trajectories, None, values), logs, states)
    assert (together[~trajectories.mask] == 0).all()
    alone = batch(ROWS)
    kept = fixed(variant, alone)
    assert torch.equal(together[:1], compose.weights(variant, alone, kept, logs[:1], states[:1]))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"importance": "trajectory", "returns": "total"}, [[18, 18, 18], [1, 0, 0], [4, 4, 0]]),
        ({"importance": "trajectory"}, [[18, 15, 9], [1, 0, 0], [4, 4, 0]]),
        ({"importance": "per_decision"}, [[2 + 2 + 9, 2 + 9, 9], [1, 0, 0], [4, 4, 0]]),
        ({"importance": "per_step"}, [[12, 2.5, 9], [1, 0, 0], [8, 1, 0]]),
        ({"importance": "exact_state"}, [[12, 5, 4.5], [1, 0, 0], [8, 4, 0]]),
        (
            {"importance": {"name": "per_step", "future_correction": True}},
            [[13, 0.5 * (2 + 9), 9], [1, 0, 0], [4, 1, 0]],
        ),
        ({"importance": {"name": "exact_state", "future_correction": True}}, [[13, 2 + 9, 4.5], [1, 0, 0], [4, 4, 0]]),
    ],
)
def test_corrections_by_hand_weight_the_baseline_too(parts: dict[str, Any], expected: list[list[float]]) -> None:
    trajectories = batch(ROWS)
    assert corrected(trajectories, **parts)[0].tolist() == [pytest.approx(row) for row in expected]
    weights = compose.importance_weights(Variant(**parts), trajectories, RATIOS.log(), STATE_RATIOS)
    lower = corrected(trajectories, baseline=constant("constant", 1.5), **parts)
    torch.testing.assert_close(corrected(trajectories, **parts) - lower, 1.5 * weights * trajectories.mask)


def test_normalisation_is_that_of_the_behaviour_policy() -> None:
    trajectories = batch(ROWS)
    variant = Variant(normalise_advantages=True)
    on_policy = weights_of(variant, trajectories)
    found = corrected(trajectories, importance="per_step", normalise_advantages=True)
    torch.testing.assert_close(found, RATIOS * on_policy)


def test_every_correction_discounts_states() -> None:
    trajectories = batch(ROWS)
    for importance in IMPORTANCE:
        plain = corrected(trajectories, importance=importance, discount=0.5)
        discounted = corrected(trajectories, importance=importance, discount=0.5, discount_states=True)
        torch.testing.assert_close(discounted, plain * discount_weights(trajectories.mask, 0.5, torch.float64))


def test_all_weights_are_1_without_a_correction() -> None:
    trajectories = batch(ROWS)
    assert torch.equal(
        corrected(trajectories, baseline="per_step"), weights_of(Variant(baseline="per_step"), trajectories)
    )
    ones = compose.importance_weights(Variant(), trajectories, RATIOS.log())
    assert torch.equal(ones, trajectories.mask.double())


def test_a_wide_clip_changes_nothing() -> None:
    trajectories, kinds = batch(ROWS), ("per_step", {"name": "per_step", "clip": 1e300})
    plain, wide = (composed([{"importance": kind}], BASELINE_PARTS, NORMALISED, DISCOUNTS) for kind in kinds)
    for one, other in zip(plain, wide, strict=True):
        found, expected = (
            compose.weights(variant, trajectories, fixed(variant, trajectories), RATIOS.log(), STATE_RATIOS)
            for variant in (other, one)
        )
        assert torch.equal(found, expected)


@pytest.mark.parametrize("importance", CORRECTING)
@pytest.mark.parametrize("normalised", [False, True])
def test_a_high_limit_truncates_no_weight(importance: str, normalised: bool) -> None:
    trajectories = batch(ROWS)
    parts = {"name": importance, "self_normalised": normalised}
    uncut, cut = (
        corrected(trajectories, importance=parts | limit, baseline="average_reward")
        for limit in ({}, {"truncate_at": 1e300})
    )
    assert torch.equal(cut, uncut)


def test_weights_are_cut_before_they_are_normalised() -> None:
    variant = Variant(importance={"name": "trajectory", "truncate_at": 2, "self_normalised": True})
    found = compose.importance_weights(variant, batch(ROWS), RATIOS.log())
    cut = torch.tensor([2, 0.25, 2], dtype=torch.float64)
    torch.testing.assert_close(found[0, :, 0], 3 * cut / cut.sum())


def test_clipped_weights_are_the_clipped_surrogates_gradient() -> None:
    trajectories = batch(ROWS)
    logs = RATIOS.log().requires_grad_()
    advantages = weights_of(Variant(baseline="average_reward", returns="total"), trajectories)
    clipped = torch.min(logs.exp() * advantages, logs.exp().clamp(0.8, 1.2) * advantages)
    (expected,) = torch.autograd.grad(clipped.sum(), logs)
    found = corrected(
        trajectories, importance={"name": "per_step", "clip": 0.2}, baseline="average_reward", returns="total"
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    assert (found != RATIOS * advantages).any()


def test_exact_state_ratios_that_are_not_given_are_refused() -> None:
    trajectories, variant = batch(ROWS), Variant(importance="exact_state")
    with pytest.raises(ValueError, match="exact_state needs the ratios"):
        compose.weights(variant, trajectories, fixed(variant, trajectories), RATIOS.log())


def test_no_gradient_flows_through_the_ratios() -> None:
    trajectories, variant = batch(ROWS), Variant(importance={"name": "per_step", "future_correction": True})
    logs = RATIOS.log().requires_grad_()
    assert not compose.weights(variant, trajectories, fixed(variant, trajectories), logs).requires_grad
