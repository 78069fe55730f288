"""How a learning rate is chosen."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from pg.experiments.train import tuning
from pg.experiments.train.scores import all_tie
from tests.experiments.rows import FINITE


def frame(scores):
    rows = [(rate, seed, score) for rate, values in scores.items() for seed, score in enumerate(values)]
    return pd.DataFrame(rows, columns=["learning_rate", "seed", "score"])


def test_the_best_mean_score_wins():
    choice = tuning.choose(frame({0.1: [1, 9], 0.01: [6, 6], 0.001: [8, 1]}))
    assert choice.learning_rate == 0.01
    assert not choice.at_edge


@pytest.mark.parametrize(
    "scores", [{0.1: [5], 0.01: [1], 0.001: [0]}, {0.1: [0], 0.01: [1], 0.001: [5]}, {0.1: [1, 2]}]
)
def test_an_optimum_at_an_end_of_the_grid_is_flagged(scores):
    assert tuning.choose(frame(scores)).at_edge


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ({0.1: [3, 3], 0.001: [2, 4], 0.01: [3, 3]}, 0.001),
        ({0.1: [np.nan], 0.01: [np.nan]}, 0.01),
        ({0.1: [1000, np.nan], 0.01: [-5, -5]}, 0.01),
        ({0.1: [1000, np.inf], 0.01: [-5, -5]}, 0.01),
        ({0.1: [1000, -np.inf], 0.01: [-5, -5]}, 0.01),
    ],
)
def test_ties_choose_the_smallest_rate_and_diverged_runs_rank_last(scores, chosen):
    assert tuning.choose(frame(scores)).learning_rate == chosen


def test_the_choice_keeps_every_score_and_is_json():
    choice = tuning.choose(frame({0.1: [np.nan], 0.01: [2.5]}))
    assert json.loads(json.dumps(asdict(choice), allow_nan=False))["scores"] == [
        {"learning_rate": 0.01, "seed": 0, "score": 2.5},
        {"learning_rate": 0.1, "seed": 0, "score": None},
    ]


def test_no_scores_are_refused():
    with pytest.raises(ValueError, match="no scores"):
        tuning.choose(frame({}))


def test_the_score_is_the_area_under_the_curve():
    runs = pd.DataFrame({"learning_rate": [0.1, 0.1, 0.01], "seed": 0, "steps": [10, 40, 40], **FINITE})
    runs["return_mean"] = [4.0, 8.0, 3.0]
    assert tuning.scores(runs, 40)["score"].tolist() == [3.0, (10 * 4 + 30 * 8) / 40]


@pytest.mark.parametrize("column", ["gradient_norm", "kl_new_old", "kl_old_new", "return_mean"])
def test_a_run_that_diverged_has_no_score_however_good_its_returns(column):
    runs = pd.DataFrame({"learning_rate": [0.1, 0.1, 0.01], "seed": 0, "steps": [10, 20, 40], **FINITE})
    runs["return_mean"] = [4.0, 900.0, 3.0]
    runs.loc[1, column] = np.nan
    choice = tuning.choose(tuning.scores(runs, 40))
    assert choice.learning_rate == 0.01
    assert [one.score for one in choice.scores] == [3.0, None]


@pytest.mark.parametrize(
    ("by_rate", "tie"),
    [
        ({0.01: [0.0, 0.0], 0.1: [0.0, 0.0]}, True),
        ({0.01: [1.0, 3.0], 0.1: [2.0, 2.0]}, True),
        ({0.01: [0.1 + 0.2], 0.1: [0.3]}, True),
        ({0.01: [None, 1.0], 0.1: [2.0, None]}, True),
        ({0.01: [1.0, 1.0], 0.1: [1.0, 1.0], 1.0: [1.0, 1.0 + 1e-9]}, False),
        ({0.01: [1.0, 1.0], 0.1: [1.0, None]}, False),
        ({0.01: [1.0, 2.0]}, False),
    ],
    ids=["constant", "of means", "but for rounding", "all diverge", "a better one", "one diverges", "a grid of one"],
)
def test_rates_tie_where_their_mean_scores_are_equal(by_rate: dict[float, list[float | None]], tie: bool) -> None:
    scores = [{"learning_rate": rate, "score": score} for rate, own in by_rate.items() for score in own]
    assert all_tie(scores) is tie
