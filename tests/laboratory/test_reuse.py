"""Ratios, weights and estimates at a target policy, from trajectories of an earlier policy."""

import copy

import pytest
import torch
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.mdp import MDP
from pg.laboratory import gradients
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.reuse import Reuse, corrected_gradients, corrected_gradients_of_all
from pg.learning.advantages import advantages
from pg.learning.policies import flatten, repeat
from pg.parts.variant import Variant
from tests.laboratory.pairs import BIASED, MDPS, UNBIASED, assert_equal, every, pair


@pytest.mark.parametrize("importance", ["none", "trajectory", "per_decision", "per_step", "exact_state"])
@pytest.mark.parametrize("baseline", ["none", "per_step_leave_one_out", "optimal", "exact"])
def test_corrections_at_the_behaviour_policy_are_on_policy(importance: str, baseline: str) -> None:
    mdp = MDPS["random"]
    behaviour, _ = pair(mdp)
    batches = enumerate_trajectories(mdp, 10_000).trajectories.map_tensors(lambda values: values[:, :200]).regrouped(4)
    variant = Variant(importance=importance, baseline=baseline)
    found = corrected_gradients(Reuse.at(copy.deepcopy(behaviour), behaviour, batches, mdp), variant)
    torch.testing.assert_close(found, batch_gradients(behaviour, variant, batches, mdp), rtol=0, atol=1e-13)


def test_advantages_are_those_of_the_behaviour_policy() -> None:
    mdp = MDPS["random"]
    behaviour, target = pair(mdp)
    reuse, _ = every(mdp, behaviour, target)
    kept = advantages(behaviour, Variant(baseline="exact"), reuse.trajectories, mdp)
    torch.testing.assert_close(reuse.score_weights(Variant(baseline="exact")), kept)
    weighted = reuse.score_weights(Variant(baseline="exact", importance="per_step"))
    torch.testing.assert_close(weighted, reuse.log_ratios.exp() * kept * reuse.trajectories.mask)


@pytest.mark.parametrize("baseline", ["none", "leave_one_out", "optimal"])
def test_estimate_is_the_surrogates_gradient_at_the_target(baseline: str) -> None:
    """Compare with a backward pass through a copy of the policy for each batch."""
    mdp = MDPS["random"]
    behaviour, target = pair(mdp)
    some = enumerate_trajectories(mdp, 10_000).trajectories.map_tensors(lambda values: values[:, :60])
    reuse, variant = (
        Reuse.at(target, behaviour, some, mdp).regrouped(6),
        Variant(importance="per_step", baseline=baseline),
    )
    data, copies = reuse.trajectories, repeat(target, 10)
    log_probs = copies.log_prob(data.observations.flatten(1, 2), data.actions.flatten(1, 2)).reshape(data.mask.shape)
    objective = (log_probs * reuse.score_weights(variant)).sum(-1).mean(-1)
    known = flatten(torch.autograd.grad(objective.sum(), copies.parameters_list()))
    torch.testing.assert_close(corrected_gradients(reuse, variant), known)


def test_several_estimators_at_once_are_each_alone() -> None:
    behaviour, target = pair(MDPS["random"])
    reuse, _ = every(MDPS["random"], behaviour, target)
    for name, gradient in corrected_gradients_of_all(reuse, UNBIASED | BIASED).items():
        assert_equal(gradient, corrected_gradients(reuse, (UNBIASED | BIASED)[name]), gradient)


def test_cutting_the_work_into_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    mdp = MDPS["random"]
    behaviour, target = pair(mdp)
    some = enumerate_trajectories(mdp, 10_000).trajectories.map_tensors(lambda values: values[:, :60])
    reuse = Reuse.at(target, behaviour, some, mdp).regrouped(6)
    variant = Variant(importance="exact_state", baseline="leave_one_out")
    whole = corrected_gradients(reuse, variant)
    monkeypatch.setattr(gradients, "_CHUNK_ELEMENTS", 1)
    torch.testing.assert_close(corrected_gradients(reuse, variant), whole)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_ratios_from_tables_are_those_of_the_network(mdp: MDP) -> None:
    behaviour, target = pair(mdp)
    trajectories = enumerate_trajectories(mdp, 10_000).trajectories
    tabulated, networks = Reuse.at(target, behaviour, trajectories, mdp), Reuse.at(target, behaviour, trajectories)
    torch.testing.assert_close(tabulated.log_ratios, networks.log_ratios, rtol=0, atol=1e-13)
    assert networks.state_ratios is None
