"""Data of an earlier policy: exact expectations of the corrections, the parts of their bias, and the walk itself."""

import copy
import math

import numpy as np
import pandas as pd
import pytest
import torch
from pg.environments.enumeration import Enumeration, enumerate_trajectories
from pg.environments.tabular import MDP, bandit, chain, corridor, random_mdp
from pg.evidence.records import LABORATORY_COLUMNS
from pg.laboratory import staleness
from pg.laboratory.frozen import random_policy
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.reference import truth
from pg.laboratory.staleness import (
    Reuse,
    bias_parts,
    corrected_gradients,
    divergence,
    exact_divergence,
    expected_gradient,
    follow_steps,
    is_mean_over_trajectories,
    state_variation,
    walked,
)
from pg.learning.policies import Policy, stack
from pg.learning.tabular import action_probabilities
from pg.learning.updates import advantages
from pg.study.jobs import StalenessJob
from pg.study.model import KL, Baseline, Environment, Importance, Optimizer, Sample, Variant
from pg.study.model import Policy as PolicyOptions
from pg.trajectories import Spaces, on_valid_steps

OPTIONS = PolicyOptions(hidden=(4,))
MDPS = {"random": random_mdp(3, states=2, seed=1), "chain": chain(4, length=2), "aliased": corridor(4)}
UNBIASED = {
    "trajectory": Variant(importance="trajectory"),
    "total": Variant(importance="trajectory", returns="total", baseline="constant", constant=0.3),
    "per_decision": Variant(importance="per_decision", baseline="exact"),
    "corrected": Variant(importance="exact_state", future_correction=True),
}
BIASED = {
    "naive": Variant(),
    "per_step": Variant(importance="per_step", baseline="exact"),
    "truncated": Variant(importance="per_decision", truncate_at=1.1),
    "clipped": Variant(importance="per_step", clip=0.1),
}
TABLE_COLUMNS = ("state_part", "return_part", "state_variation")


def pair(mdp: MDP, seed: int = 0) -> tuple[Policy, Policy]:
    return random_policy(OPTIONS, mdp.spaces, seed), random_policy(OPTIONS, mdp.spaces, seed + 100)


def every(mdp: MDP, behaviour: Policy, target: Policy) -> tuple[Reuse, torch.Tensor]:
    """Look at every trajectory, with its probability under the behaviour policy, from the target policy."""
    enumeration = enumerate_trajectories(mdp, 10_000)
    return Reuse.at(target, behaviour, enumeration.trajectories, mdp), probabilities(enumeration, behaviour)


def probabilities(enumeration: Enumeration, policy: Policy) -> torch.Tensor:
    return enumeration.probabilities(action_probabilities(stack([policy]), enumeration.mdp)).detach()


def assert_equal(found: torch.Tensor, expected: torch.Tensor, scale: torch.Tensor) -> None:
    assert (found - expected).norm() <= 1e-12 * scale.norm()


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
    assert all(is_mean_over_trajectories(variant) for variant in (UNBIASED | BIASED).values())
    assert not is_mean_over_trajectories(Variant(baseline="leave_one_out"))
    assert not is_mean_over_trajectories(Variant(normalise_advantages=True))
    assert not is_mean_over_trajectories(Variant(importance="per_step", self_normalised=True))


@pytest.mark.parametrize("importance", ["none", "trajectory", "per_decision", "per_step", "exact_state"])
@pytest.mark.parametrize("baseline", ["none", "per_step_leave_one_out", "optimal", "exact"])
def test_where_the_policy_has_not_moved_corrections_are_the_on_policy_estimate(
    importance: Importance, baseline: Baseline
) -> None:
    mdp = MDPS["random"]
    behaviour, _ = pair(mdp)
    batches = enumerate_trajectories(mdp, 10_000).trajectories.changed(lambda values: values[:, :200]).regrouped(4)
    variant = Variant(importance=importance, baseline=baseline)
    found = corrected_gradients(Reuse.at(copy.deepcopy(behaviour), behaviour, batches, mdp), variant)
    torch.testing.assert_close(found, batch_gradients(behaviour, variant, batches, mdp), rtol=0, atol=1e-13)


def test_advantages_stay_those_of_the_policy_that_collected_the_data() -> None:
    mdp = MDPS["random"]
    behaviour, target = pair(mdp)
    reuse, _ = every(mdp, behaviour, target)
    kept = advantages(behaviour, Variant(baseline="exact"), reuse.trajectories, mdp)
    torch.testing.assert_close(reuse.score_weights(Variant(baseline="exact")), kept)
    weighted = reuse.score_weights(Variant(baseline="exact", importance="per_step"))
    torch.testing.assert_close(weighted, reuse.log_ratios.exp() * kept * reuse.trajectories.mask)


def test_cutting_the_work_into_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    mdp = MDPS["random"]
    behaviour, target = pair(mdp)
    some = enumerate_trajectories(mdp, 10_000).trajectories.changed(lambda values: values[:, :60])
    reuse = Reuse.at(target, behaviour, some, mdp).regrouped(6)
    variant = Variant(importance="exact_state", baseline="leave_one_out")
    whole = corrected_gradients(reuse, variant)
    monkeypatch.setattr(staleness, "_CHUNK_ELEMENTS", 1)
    torch.testing.assert_close(corrected_gradients(reuse, variant), whole)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_ratios_from_tables_are_those_of_the_network(mdp: MDP) -> None:
    behaviour, target = pair(mdp)
    trajectories = enumerate_trajectories(mdp, 10_000).trajectories
    tabulated, networks = Reuse.at(target, behaviour, trajectories, mdp), Reuse.at(target, behaviour, trajectories)
    torch.testing.assert_close(tabulated.log_ratios, networks.log_ratios, rtol=0, atol=1e-13)
    assert networks.state_ratios is None


def of_two_arms(probability: float) -> Policy:
    """Return the policy that pulls the first of two arms with a probability."""
    policy = random_policy(PolicyOptions(hidden=()), Spaces(1, 2), seed=0)
    with torch.no_grad():
        policy.affine[0].weight.zero_()
        policy.affine[0].bias.copy_(torch.tensor([probability, 1 - probability]).log())
    return policy


def test_the_divergence_is_that_of_the_new_policy_from_the_old_one() -> None:
    old, new, mdp = of_two_arms(0.5), of_two_arms(0.9), bandit(1)
    known = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert exact_divergence(old, new, mdp) == pytest.approx(known)
    assert divergence(old, new, enumerate_trajectories(mdp, 2).trajectories) == pytest.approx(known)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_exact_divergence_weights_states_as_the_behaviour_policy_visits_them(mdp: MDP) -> None:
    """By enumeration: a sum over the steps of every trajectory, over their expected number."""
    behaviour, target = pair(mdp)
    enumeration = enumerate_trajectories(mdp, 10_000)
    trajectories, chances = enumeration.trajectories, probabilities(enumeration, behaviour)
    old, new = (action_probabilities(stack([policy]), mdp)[0].detach() for policy in (behaviour, target))
    per_state = (new * (new / old).log()).sum(-1)
    assert trajectories.states is not None
    steps = (per_state[trajectories.states] * trajectories.mask)[0].sum(-1)
    known = (chances @ steps) / (chances @ trajectories.lengths[0].double())
    assert exact_divergence(behaviour, target, mdp) == pytest.approx(known.item(), rel=1e-12)


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_state_variation_counts_where_trajectories_are(mdp: MDP) -> None:
    behaviour, target = pair(mdp)
    enumeration = enumerate_trajectories(mdp, 10_000)
    trajectories = enumeration.trajectories
    assert trajectories.states is not None
    places = torch.nn.functional.one_hot(trajectories.states[0], mdp.states) * trajectories.mask[0].unsqueeze(-1)
    difference = probabilities(enumeration, behaviour) - probabilities(enumeration, target)
    apart = torch.einsum("m,mts->ts", difference, places.double()).abs().sum(-1) / 2
    assert state_variation(behaviour, target, mdp) == pytest.approx(apart.mean().item(), rel=1e-10)
    assert state_variation(behaviour, behaviour, mdp) == 0


def learner(**parts: object) -> Variant:
    return Variant(**{"optimizer": Optimizer(name="sgd", learning_rate=0.3), "batch": 8, "policy": OPTIONS, **parts})


@pytest.mark.parametrize("importance", ["none", "per_step"])
def test_a_walk_follows_the_gradient_of_one_batch_with_ratios_to_where_it_began(importance: Importance) -> None:
    mdp = MDPS["random"]
    start, _ = pair(mdp)
    batch = enumerate_trajectories(mdp, 10_000).trajectories.changed(lambda values: values[:, 5:400:50])
    to_go = batch.rewards.flip(-1).cumsum(-1).flip(-1)
    policy, rate = copy.deepcopy(start), 0.3
    old = on_valid_steps(start.log_prob, batch).detach()
    for steps in range(4):
        found = walked(start, learner(importance=importance), batch, steps)
        for mine, expected in zip(found.parameters(), policy.parameters(), strict=True):
            torch.testing.assert_close(mine, expected, rtol=0, atol=1e-12)
        log_probs = on_valid_steps(policy.log_prob, batch)
        weights = (log_probs.detach() - old).exp() if importance == "per_step" else 1
        objective = (weights * to_go * log_probs * batch.mask).sum() / batch.mask.shape[1]
        gradients = torch.autograd.grad(objective, list(policy.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(policy.parameters(), gradients, strict=True):
                parameter += rate * gradient


def test_a_walk_leaves_its_start_alone_and_knows_no_limit_nor_minibatches() -> None:
    mdp = MDPS["random"]
    start, _ = pair(mdp)
    before = copy.deepcopy(start.state_dict())
    batch = enumerate_trajectories(mdp, 10_000).trajectories.changed(lambda values: values[:, 5:400:50])
    held = learner(minibatches=2, gradient_steps=4, kl=KL(limit=1e-9, hold_by="early_stop"))
    free, limited = walked(start, learner(), batch, 2).state_dict(), walked(start, held, batch, 2).state_dict()
    for name, values in before.items():
        assert torch.equal(start.state_dict()[name], values)
        assert torch.equal(free[name], limited[name])
        assert not torch.equal(free[name], values)


RANDOM = Environment(id="pg/Random-v0", kwargs={"states": 2, "seed": 1}, horizon=3)
CARTPOLE = Environment(id="CartPole-v1", horizon=20)
CORRECTIONS = {
    "naive": Variant(),
    "trajectory": Variant(importance="trajectory"),
    "per_step": Variant(importance="per_step"),
    "left_out": Variant(importance="per_step", baseline="leave_one_out"),
}


def frozen(seed: int, environment: Environment = RANDOM) -> dict[str, np.ndarray]:
    spaces = Spaces(4, 2) if environment == CARTPOLE else MDPS["random"].spaces
    parameters = random_policy(OPTIONS, spaces, seed).float().state_dict()
    return {name: values.numpy() for name, values in parameters.items()}


def job(
    *seeds: int, environment: Environment = RANDOM, steps: tuple[int, ...] = (0, 2, 5), trajectories: int = 64
) -> StalenessJob:
    return StalenessJob(
        environment=environment,
        variants=CORRECTIONS,
        stage="late",
        seeds=seeds,
        policy=OPTIONS,
        walker=learner(),
        steps=steps,
        sample=Sample(trajectories=trajectories, batches=(8, 4), reference=32, reference_limit=32),
    )


def followed(asked: StalenessJob) -> pd.DataFrame:
    return follow_steps(asked, {seed: frozen(seed, asked.environment) for seed in asked.seeds})


def test_a_row_per_seed_number_of_steps_and_correction_whatever_seeds_share_the_job() -> None:
    together, alone = followed(job(1, 2)), followed(job(2))
    assert tuple(together.columns) == (*LABORATORY_COLUMNS["staleness"], *TABLE_COLUMNS)
    assert len(together) == 2 * 3 * len(CORRECTIONS)
    assert set(together["batch"]) == {8}
    assert together[together["seed"] == 2].to_csv(index=False) == alone.to_csv(index=False)


def test_a_policy_is_measured_alike_whatever_other_steps_are_asked_for() -> None:
    many, few = followed(job(1)), followed(job(1, steps=(5,)))
    assert many[many["steps"] == 5].to_csv(index=False) == few.to_csv(index=False)


def test_before_the_first_step_nothing_needs_a_correction() -> None:
    rows = followed(job(1, steps=(0,))).set_index("variant")
    assert (rows[["kl", *TABLE_COLUMNS]] == 0).all(axis=None)
    assert (rows[["effective_share", "largest_weight"]] == 1).all(axis=None)
    plain = ["naive", "trajectory", "per_step"]
    assert len(rows.loc[plain, ["total_variance", "cosine"]].drop_duplicates()) == 1
    np.testing.assert_allclose(rows.loc[plain, "relative_bias"], 0, atol=1e-12)


def test_the_further_from_the_data_the_larger_the_bias_that_is_left() -> None:
    rows = followed(job(1)).set_index(["variant", "steps"])
    kl = rows["kl"]["naive"]
    assert kl[0] < kl[2] < kl[5]
    for left in ("naive", "per_step"):
        assert rows["relative_bias"][left, 0] < rows["relative_bias"][left, 2] < rows["relative_bias"][left, 5]
    np.testing.assert_allclose(rows["relative_bias"]["trajectory"], 0, atol=1e-12)
    assert rows["effective_share"]["trajectory", 5] < rows["effective_share"]["per_step", 5] < 1
    assert rows["largest_weight"]["trajectory", 5] > rows["largest_weight"]["per_step", 5] > 1
    assert rows.loc["naive", ["effective_share", "largest_weight"]].to_numpy().tolist() == [[1, 1]] * 3


def test_bias_is_exact_but_where_the_baseline_comes_from_the_batch() -> None:
    noise = followed(job(1)).groupby("variant")["relative_bias_noise"]
    assert (noise.max()[["naive", "trajectory", "per_step"]] == 0).all()
    assert noise.min()["left_out"] > 0


def test_too_many_trajectories_are_sampled_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staleness, "_MOST_ENUMERATED", 10)
    rows = followed(job(1))
    assert (rows["relative_bias_noise"] > 0).all()
    assert set(TABLE_COLUMNS) <= set(rows.columns)


def test_sampled_bias_and_variance_agree_with_the_enumerated_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = job(1, steps=(5,), trajectories=8000)
    exact = followed(asked).set_index("variant")
    monkeypatch.setattr(staleness, "_MOST_ENUMERATED", 10)
    sampled = followed(asked).set_index("variant")
    error = (sampled["relative_bias"] - exact["relative_bias"]).abs()
    assert (error < 4 * sampled["relative_bias_noise"]).all()

    mdp, start = MDPS["random"], random_policy(OPTIONS, MDPS["random"].spaces, 1).float().double()
    bench = staleness._Bench.of(asked)
    target = walked(start, learner(), bench.sampled(bench.batch_copies, start, 1, "walk"), 5, mdp)
    reuse, chances = every(mdp, start, target)
    for name in ("naive", "trajectory", "per_step"):
        estimates = corrected_gradients(reuse.regrouped(1), CORRECTIONS[name])
        variance = chances @ (estimates - chances @ estimates).square().sum(-1)
        assert sampled["total_variance"][name] == pytest.approx(variance.item() / 8, rel=0.2)


def test_without_tables_the_reference_is_the_gradient_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staleness, "mdp_of", lambda _: None)
    behaviour, target = pair(MDPS["random"])
    asked = job(1)
    sample = asked.sample.model_copy(update={"reference": 4096, "reference_limit": 4096})
    found = staleness._Bench.of(asked.model_copy(update={"sample": sample})).true_gradient(target, 1, 5)
    error = (found.gradient - truth(MDPS["random"], target).gradient).norm()
    apart = (truth(MDPS["random"], behaviour).gradient - truth(MDPS["random"], target).gradient).norm()
    assert error < 4 * found.total_variance**0.5 < apart


def test_without_tables_everything_is_sampled_and_nothing_said_of_states() -> None:
    together, alone = followed(job(3, 4, environment=CARTPOLE)), followed(job(4, environment=CARTPOLE))
    assert tuple(together.columns) == LABORATORY_COLUMNS["staleness"]
    assert (together["relative_bias_noise"] > 0).all()
    assert together.notna().all(axis=None)
    rows = together[together["seed"] == 4]
    assert rows.to_csv(index=False) == alone.to_csv(index=False)
    assert len(rows[["steps", "kl"]].drop_duplicates()) == 3
    assert rows["kl"].is_monotonic_increasing
