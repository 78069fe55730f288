"""The default study declares all 30 claims of the lecture, and the reference has an answer to each."""

import pandas as pd
import pytest
from pg.claims.judge import VERDICTS
from pg.experiments.gait.record import GaitExperiment
from pg.experiments.train.record import TrainExperiment
from pg.study.expansion import cells
from pg.study.record import Study
from tests.study.studies import ROOT, study_of


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of("config.yaml")


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return pd.read_csv(ROOT / "reference/claims.csv")


def test_all_30_claims_are_declared_with_a_figure(study: Study, answers: pd.DataFrame) -> None:
    assert len(study.claims) == 30
    assert set(answers["claim"]) == set(study.claims)
    assert {claim.figure for claim in study.claims.values()} <= set(study.figures)


def test_each_claim_has_one_primary_answer(answers: pd.DataFrame) -> None:
    assert (answers.groupby("claim")["primary"].sum() == 1).all()
    assert answers[["n", "verdict", "figure"]].notna().all(axis=None)
    assert answers.loc[answers["primary"], "effect"].notna().all()
    assert (answers["n"] >= 1).all()


def test_verdicts_and_parts_of_the_reference_are_those_of_the_study(study: Study, answers: pd.DataFrame) -> None:
    declared = {(name, part) for name, claim in study.claims.items() for part in claim.parts}
    assert set(zip(answers["claim"], answers["part"], strict=True)) == declared
    assert {*answers["verdict"], *answers["claim_verdict"]} <= {*VERDICTS}
    assert len(answers[["claim", "claim_verdict"]].drop_duplicates()) == answers["claim"].nunique()


def test_intervals_for_samples_tolerances_for_exact_values(study: Study, answers: pd.DataFrame) -> None:
    for row in answers.dropna(subset="effect").to_dict("records"):
        part = study.claims[row["claim"]].parts[row["part"]]
        sampled = pd.notna([row["ci_low"], row["ci_high"], row["p_value"]])
        if part.relation == "exact":
            assert not sampled.any(), row["comparison"]
            assert "≤" in row["comparison"]
        else:
            assert sampled[:2].all(), row["comparison"]
            assert sampled[2] == (row["verdict"] != "not tested"), row["comparison"]
            assert row["ci_low"] <= row["effect"] <= row["ci_high"], row["comparison"]


def test_the_humanoid_has_at_least_ten_seeds(study: Study) -> None:
    training, gait = study.experiments["humanoid"], study.experiments["gait"]
    assert isinstance(training, TrainExperiment)
    assert isinstance(gait, GaitExperiment)
    assert [cell.environment.id for cell in cells(study, "humanoid")] == ["Humanoid-v5"]
    assert min(training.seeds.count, gait.seeds.count) >= 10
    first, last = gait.source.stages[0], gait.source.stages[-1]
    assert (training.snapshots[first], training.snapshots[last]) == (0, 1)
