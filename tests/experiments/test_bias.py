"""Exact expectations of the corrections for data of an earlier policy, and the parts of their bias."""

import pytest
from pg.environments.mdp import MDP
from pg.experiments.staleness.bias import bias_parts, expected_gradient
from pg.laboratory.reference import truth
from pg.laboratory.reuse import corrected_gradients
from pg.parts.variant import Variant
from tests.laboratory.pairs import BIASED, MDPS, UNBIASED, assert_equal, every, pair


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
@pytest.mark.parametrize("variant", UNBIASED.values(), ids=UNBIASED.keys())
def test_unbiased_corrections_expect_the_gradient_at_the_target(mdp: MDP, variant: Variant) -> None:
    behaviour, target = pair(mdp)
    reuse, chances = every(mdp, behaviour, target)
    gradient = truth(mdp, target).gradient
    assert_equal(expected_gradient(reuse, variant, chances), gradient, gradient)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_state_part_and_return_part_add_up_to_the_bias_of_per_step_ratios(mdp: MDP, seed: int) -> None:
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


def test_what_looks_at_the_whole_batch_is_no_mean_over_trajectories() -> None:
    assert all(variant.is_mean_over_trajectories for variant in (UNBIASED | BIASED).values())
    assert not Variant(baseline="leave_one_out").is_mean_over_trajectories
    assert not Variant(normalise_advantages=True).is_mean_over_trajectories
    assert not Variant(importance={"name": "per_step", "self_normalised": True}).is_mean_over_trajectories
