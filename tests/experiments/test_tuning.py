"""How learning rates are selected."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from pg.experiments.train.choice import all_tie, final_scores, rates_of
from pg.experiments.train.tuning import score_of, select
from pg.learning.job import Budget, Tuning
from tests.experiments.rows import FINITE

GRID = (0.001, 0.003, 0.01, 0.03)


class Curve:
    """Scores by rate, after the first round and at the end, which note what was trained."""

    def __init__(self, first: Mapping[float, float | None], final: Mapping[float, float | None]) -> None:
        self.first, self.final = first, final
        self.trained: list[tuple[float, int, float]] = []

    def __call__(self, rate: float, seed: int, share: float) -> float | None:
        self.trained.append((rate, seed, share))
        return (self.final if share == 1 else self.first)[rate]

    def to_the_end(self) -> list[float]:
        return list(dict.fromkeys(rate for rate, _, share in self.trained if share == 1))


def tuning(grid: Iterable[float] = GRID, **options: Any) -> Tuning:
    return Tuning(**{"grid": tuple(grid), "seeds": 2, **options})


def peaked(
    at: float, rates: Iterable[float] = (1e-5, 3e-5, 1e-4, 3e-4, *GRID, 0.1, 0.3, 1.0, 3.0)
) -> dict[float, float]:
    """Return scores with a single maximum."""
    return {rate: -abs(math.log(rate / at)) for rate in rates}


def test_the_better_half_is_trained_to_the_end() -> None:
    curve = Curve(peaked(0.006), peaked(0.01))
    choice = select(tuning(), (4, 5), curve)

    assert (choice.learning_rate, choice.at_edge) == (0.01, False)
    assert curve.trained[:8] == [(rate, seed, 0.25) for rate in GRID for seed in (4, 5)]
    assert curve.to_the_end() == [0.003, 0.01]
    assert [(one.learning_rate, one.seed, one.share) for one in choice.scores] == sorted(curve.trained)


@pytest.mark.parametrize(("grid", "finalists"), [(GRID[:1], 1), (GRID[:2], 2), (GRID[:3], 2), ((*GRID, 0.1), 3)])
def test_half_of_the_rates_are_finalists_but_at_least_two(grid: Sequence[float], finalists: int) -> None:
    curve = Curve(peaked(0.003), peaked(0.003))
    select(tuning(grid, within=(min(grid), max(grid))), (0,), curve)

    assert len(curve.to_the_end()) == finalists
    assert tuning(grid, seeds=1, selections=1).runs == sum(share for _, _, share in curve.trained) - 0.25 * finalists


@pytest.mark.parametrize(("optimum", "tried"), [(0.25, [0.01, 0.03, 0.1, 0.3]), (1.1e-4, [0.001, 0.003, 3e-4, 1e-4])])
def test_half_decades_are_added_until_the_best_is_inside(optimum: float, tried: list[float]) -> None:
    curve = Curve(peaked(optimum), peaked(optimum))
    choice = select(tuning(within=(1e-5, 3.0)), (0,), curve)

    beyond = {0.3: 1.0, 1e-4: 3e-5}[choice.learning_rate]
    assert curve.to_the_end() == [*tried, beyond]
    assert not choice.at_edge


def test_the_search_ends_at_the_declared_limits() -> None:
    by_default, declared = (
        select(one, (0,), Curve(peaked(9), peaked(9))) for one in (tuning(), tuning(within=(1e-3, 0.1)))
    )

    assert (by_default.learning_rate, by_default.at_edge) == (0.3, True)
    assert (declared.learning_rate, declared.at_edge) == (0.1, True)
    lowest = select(tuning(within=(min(GRID), max(GRID))), (0,), Curve(peaked(1e-9), peaked(1e-9)))
    assert (lowest.learning_rate, lowest.at_edge) == (min(GRID), True)


def test_limits_that_cut_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"does not contain the grid; allowed: a smallest rate of at most 0.001"):
        tuning(within=(0.002, 0.1))


def test_a_diverged_run_ranks_its_rate_last() -> None:
    first = peaked(0.03) | {0.03: None}
    assert 0.03 not in [
        one.learning_rate for one in select(tuning(), (0,), Curve(first, peaked(0.01))).scores if one.share == 1
    ]


def test_if_all_rates_diverge_smaller_ones_are_tried() -> None:
    works = {rate: -1.0 if rate < 1e-3 else None for rate in peaked(1)}
    assert select(tuning(), (0,), Curve(works, works)).learning_rate == 1e-4


def test_ties_choose_the_smallest_finalist_and_end_the_search() -> None:
    curve = Curve(dict.fromkeys(GRID, 5.0), dict.fromkeys(GRID, 5.0))
    choice = select(tuning(), (0,), curve)

    assert choice.learning_rate == 0.001
    assert curve.to_the_end() == [0.001, 0.003]


def test_the_mean_over_the_seeds_of_the_selection_decides() -> None:
    scores = {0.01: (6.0, 6.0), 0.03: (1.0, 9.0), 0.1: (0.0, 13.0)}
    choice = select(tuning(scores, within=(0.01, 0.1), selections=1), (0, 1), lambda rate, seed, _: scores[rate][seed])
    assert choice.learning_rate == 0.1


def test_the_choice_keeps_every_score_and_is_json() -> None:
    choice = select(tuning((0.01,), within=(0.01, 0.01)), (3,), Curve({0.01: 2.5}, {0.01: None}))
    assert json.loads(json.dumps(asdict(choice), allow_nan=False))["scores"] == [
        {"learning_rate": 0.01, "seed": 3, "share": 0.25, "score": 2.5},
        {"learning_rate": 0.01, "seed": 3, "share": 1.0, "score": None},
    ]


def test_selections_have_tuning_seeds_of_their_own() -> None:
    seeds = tuning(seeds=3, selections=4).seeds_of_selections(20)
    assert [seed for block in seeds for seed in block] == list(range(20, 32))
    assert {len(block) for block in seeds} == {3}


def test_selections_take_turns_in_the_seeds_of_an_experiment() -> None:
    choices = [{"learning_rate": rate} for rate in (0.1, 0.2, 0.3)]
    assert rates_of(choices, range(4, 9)) == {4: 0.2, 5: 0.3, 6: 0.1, 7: 0.2, 8: 0.3}


def test_a_part_of_a_budget_is_rounded_up() -> None:
    assert Budget(steps=10, max_iterations=3).part(0.25) == Budget(steps=3, max_iterations=1)
    assert Budget(steps=10).part(1) == Budget(steps=10)


def run(*returns: float, steps: Sequence[int] = (10, 40)) -> list[dict[str, float]]:
    values = zip(steps, returns, strict=True)
    rows = enumerate(values, 1)
    return [{**FINITE, "seed": 0, "iteration": at, "steps": taken, "return_mean": value} for at, (taken, value) in rows]


def test_the_score_is_the_area_under_the_curve() -> None:
    assert score_of(run(4.0, 8.0), Budget(steps=40)) == (10 * 4 + 30 * 8) / 40
    assert score_of(run(4.0, 8.0), Budget(steps=20)) == (10 * 4 + 10 * 8) / 20


def test_rows_after_the_part_do_not_change_its_score() -> None:
    later = run(4.0, 8.0, math.nan, steps=(10, 20, 30))
    assert score_of(later, Budget(steps=20)) == score_of(later[:2], Budget(steps=20)) == 6.0
    # A run that its iterations end keeps its last return.
    assert score_of(later, Budget(steps=40, max_iterations=2)) == (10 * 4 + 30 * 8) / 40


@pytest.mark.parametrize("column", ["gradient_norm", "kl_new_old", "kl_old_new", "return_mean"])
def test_a_run_that_diverged_has_no_score_however_good_its_returns(column: str) -> None:
    diverged = run(4.0, 900.0)
    diverged[1][column] = np.nan
    assert score_of(diverged, Budget(steps=40)) is None


@pytest.mark.parametrize(
    ("means", "tie"),
    [
        ([0.0, 0.0], True),
        ([0.1 + 0.2, 0.3], True),
        ([-math.inf, -math.inf], True),
        ([1.0, 1.0, 1.0 + 1e-9], False),
        ([1.0, -math.inf], False),
        ([1.5], False),
    ],
    ids=["constant", "but for rounding", "all diverge", "a better one", "one diverges", "a single rate"],
)
def test_rates_tie_where_their_mean_scores_are_equal(means: list[float], tie: bool) -> None:
    assert all_tie(means) is tie


def test_final_scores_are_means_of_whole_runs() -> None:
    choice = asdict(select(tuning(seeds=2), (0, 1), Curve(peaked(0.003), {0.003: 4.0, 0.001: 2.0, 0.01: None})))
    assert final_scores(choice) == {0.001: 2.0, 0.003: 4.0}
