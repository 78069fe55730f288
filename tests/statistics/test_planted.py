"""Studies with planted effects and without any, judged as a whole."""

import csv
from pathlib import Path

import numpy as np
import pytest
from pg.core.randomness import generator
from scipy import stats
from workflow.coverage import planted
from workflow.coverage.planted import Learner

TABLE = Path(planted.__file__).with_suffix(".csv")
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


def test_study_has_29_claims_about_four_metrics():
    claims = list(planted.claims())
    assert len(claims) == 29
    assert {one.part.metric for one in claims} == set(planted.METRICS)
    assert {one.effect for one in claims} == {0}
    of_study = planted.EFFECTS["effects"]
    effects = [one.effect for one in planted.claims(of_study)]
    assert [effects.count(effect) for effect in of_study] == [4, 4, 4]


def test_tuning_chooses_several_rates_near_the_optimum():
    chances = planted.chances(Learner(0.0, -2.25))
    assert sum(chances.values()) == pytest.approx(1)
    assert max(chances, key=lambda rate: chances[rate]) in (0.003, 0.01)
    assert all(chances[rate] > 0.1 for rate in (0.003, 0.01))


def test_numbers_that_claims_are_compared_with_are_true():
    own = generator(0, "test", "planted")
    (solved, *_) = (one for one in planted.claims() if one.part.metric == "solved")
    learner = solved.sides["a"]
    rates = [one.learning_rate for one in learner.choices(3000, own)]
    returns = np.array([learner.value(rate) for rate in rates]) + own.normal(size=3000)
    found = int((returns > planted.THRESHOLD).sum())
    assert solved.part.number is not None
    assert stats.binomtest(found, 3000, solved.part.number).pvalue > 0.001


def test_large_effect_is_found_and_the_opposite_refuted():
    claims = list(planted.claims((30.0, -30.0)))[:2]
    assert planted.verdicts(claims, 10, generator(1, "test", "planted")) == ["supported", "refuted"]


def test_runs_of_a_selection_are_a_group():
    rows = planted.judged(next(planted.claims()), 5, generator(2, "test", "planted"), "key").iloc[0]
    assert rows["selections"] == 5
    assert rows["n"] == planted.SEEDS
    alone = planted.judged(next(planted.claims()), 1, generator(2, "test", "planted"), "key").iloc[0]
    assert alone["selections"] == 0


@pytest.mark.long
def test_small_study_without_effects_decides_falsely_in_at_most_5_percent():
    ((*_, studies, wrong, _),) = planted.measure("no effects", 5, 8)
    assert stats.binomtest(wrong, studies, 0.05, "greater").pvalue > 0.01


def test_table_has_every_event():
    expected = [
        (study, str(selections), event)
        for study, repetitions in planted.STUDIES.items()
        for selections in repetitions
        for event in ("a false decision", *(f"an effect of {one:g} is found" for one in planted.EFFECTS[study]))
    ]
    assert [(row["study"], row["selections"], row["event"]) for row in ROWS] == expected


@pytest.mark.parametrize("row", [row for row in ROWS if row["event"] == "a false decision"])
def test_studies_over_selections_decide_falsely_in_at_most_5_percent(row):
    wrong, studies = int(row["count"]), int(row["trials"])
    if row["selections"] == "1":
        assert stats.binomtest(wrong, studies, 0.05, "greater").pvalue < 1e-6, "tuning is ignored"
    else:
        assert stats.binomtest(wrong, studies, 0.05, "greater").pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "selections"), [(study, count) for study, own in planted.STUDIES.items() for count in own]
)
def test_committed_table_is_measured_again(study, selections):
    measured = planted.measure(study, selections, planted.STUDIES[study][selections])
    found = [list(map(str, row)) for row in measured]
    assert found == [[*row.values()] for row in ROWS if (row["study"], row["selections"]) == (study, str(selections))]
