"""The default study declares all 29 claims of the lecture, and the reference has an answer to each."""

from pathlib import Path

import pandas as pd
import pytest
from pg.experiments.gait.record import GaitExperiment
from pg.experiments.train.record import TrainExperiment
from pg.study.expansion import cells
from pg.study.record import Study
from tests.study.studies import study_of

ROOT = Path(__file__).parents[2]
CLAIMS = frozenset(
    {
        "log_gradient_identity",
        "causality_reduces_variance",
        "baseline_unbiased",
        "average_reward_is_a_good_baseline",
        "gradient_is_noisy",
        "sensitive_to_reward_scale",
        "dense_rewards_help",
        "large_batches_help",
        "jacket_gradient_mostly_constant",
        "surrogate_equals_gradient",
        "weighted_imitation",
        "imitation_is_bounded_by_demonstrator",
        "initialisation_matters",
        "reuse_is_off_policy",
        "importance_sampling_corrects",
        "support_matters",
        "trajectory_weights_explode",
        "per_step_weights_are_tame",
        "state_ratio_near_one",
        "reuse_is_sample_efficient",
        "large_change_hurts",
        "kl_constraint_helps",
        "more_of_the_good_stuff",
        "humanoid_falls_forward",
        "observations_suffice",
        "critic_lowers_variance",
        "clipping_is_a_cheap_constraint",
        "average_pushes_down_below_average",
        "data_leaves_the_states",
    }
)


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of("config.yaml")


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return pd.read_csv(ROOT / "reference/claims.csv")


def test_all_29_claims_are_declared_with_a_figure(study: Study) -> None:
    assert len(CLAIMS) == 29
    assert set(study.claims) == CLAIMS
    assert {claim.figure for claim in study.claims.values()} <= set(study.figures)


def test_each_claim_has_one_primary_answer(answers: pd.DataFrame) -> None:
    assert set(answers["claim"]) == CLAIMS
    assert (answers.groupby("claim")["primary"].sum() == 1).all()
    assert answers[["n", "verdict", "figure"]].notna().all(axis=None)
    assert answers.loc[answers["primary"], "effect"].notna().all()
    assert set(answers["verdict"]) <= {"supported", "refuted", "inconclusive"}
    assert (answers["n"] >= 1).all()


def test_a_part_without_an_effect_is_inconclusive(answers: pd.DataFrame) -> None:
    without = answers[answers["effect"].isna()]
    assert (without["verdict"] == "inconclusive").all()
    assert without["comparison"].str.contains(r"undefined: \d+ of \d+ values").all()


def test_intervals_for_samples_tolerances_for_exact_values(study: Study, answers: pd.DataFrame) -> None:
    for row in answers.dropna(subset="effect").to_dict("records"):
        part = study.claims[row["claim"]].parts[row["part"]]
        sampled = pd.notna([row["ci_low"], row["ci_high"], row["p_value"]])
        if part.relation == "exact":
            assert not sampled.any(), row["comparison"]
            assert "≤" in row["comparison"]
        else:
            assert sampled.all(), row["comparison"]
            assert row["ci_low"] <= row["effect"] <= row["ci_high"], row["comparison"]


def test_the_humanoid_has_at_least_ten_seeds(study: Study) -> None:
    training, gait = study.experiments["humanoid"], study.experiments["gait"]
    assert isinstance(training, TrainExperiment)
    assert isinstance(gait, GaitExperiment)
    assert [cell.environment.id for cell in cells(study, "humanoid")] == ["Humanoid-v5"]
    assert min(training.seeds.count, gait.seeds.count) >= 10
    first, last = gait.source.stages[0], gait.source.stages[-1]
    assert (training.snapshots[first], training.snapshots[last]) == (0, 1)
