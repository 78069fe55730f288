"""The table across environments, from runs worked by hand."""

import functools

import pandas as pd
import pytest
from pg.core import randomness
from pg.experiments.train import across_tables
from tests.experiments import rows as rows_by_hand

GENERATOR = functools.partial(randomness.generator, 0, "across")


def cell(environment, variant, threshold, levels=None):
    suffix = "".join(f"@{value}" for value in (levels or {}).values())
    return rows_by_hand.cell(environment, variant, suffix=suffix, threshold=threshold, levels=levels)


def threshold(one):
    return one.environment.threshold


def run(first, last):
    """Metrics of a cell, a seed per final return."""
    return pd.DataFrame({"initial_return": first, "final_return": last}, dtype=float)


# Initial return 10 and threshold 110, and -100 and 0: a score is a hundredth above the initial return.
RUNS = {
    cell("cart", "a", 110): run(10, [10, 60, 110, 110]),
    cell("cart", "b", 110): run(10, [110, 110, 85, 110]),
    cell("other", "a", 0): run(-100, [-100, -50, 0, 0]),
    cell("other", "b", 0): run(-80, [0, 0, -25, 0]),
    cell("unsolvable", "a", None): run(0, [1e9] * 4),
    cell("unsolvable", "b", None): run(0, [1e9] * 4),
}


def rows(table, statistic, variant):
    return table[(table["statistic"] == statistic) & (table["variant"] == variant)]


def test_scores_are_pooled_over_environments_with_a_threshold():
    table = across_tables.across_table(RUNS, threshold, GENERATOR)
    # Scores of a: 0, 1/2, 1, 1 in both; the middle half of all is 1/2, 1/2, 1, 1. In `other`, b starts above random.
    assert rows(table, "interquartile mean", "a")[["n", "estimate"]].to_numpy().tolist() == [[8, 0.75]]
    assert rows(table, "interquartile mean", "b")["estimate"].tolist() == [1]


def test_profile_and_improvement_over_the_first_variant_have_rows():
    table = across_tables.across_table(RUNS, threshold, GENERATOR)
    profile = rows(table, "profile", "a").set_index("above")["estimate"]
    assert tuple(profile.index) == across_tables.ABOVE
    assert profile[[0.0, 0.45, 0.5, 0.95, 1.0]].tolist() == [0.75, 0.75, 0.5, 0.5, 0]
    # b scores 1, 1, 3/4, 1 against 0, 1/2, 1, 1: (3 (2 + 2/2) + 2) / 16 in both environments.
    better = table[table["statistic"] == "improvement"]
    assert better[["variant", "over"]].to_numpy().tolist() == [["b", "a"]]
    assert better["estimate"].tolist() == pytest.approx([11 / 16])


def test_a_row_does_not_depend_on_other_variants():
    alone = across_tables.across_table(
        {one: rows for one, rows in RUNS.items() if one.variant_name == "a"}, threshold, GENERATOR
    )
    together = across_tables.across_table(RUNS, threshold, GENERATOR)
    pd.testing.assert_frame_equal(alone, together[together["variant"] == "a"])


def test_levels_are_compared_with_the_first_variant_at_the_same_level():
    runs = {
        cell(environment, variant, 1.0, {"variant.batch": batch}): run(0, scores)
        for environment in ("cart", "other")
        for variant, batch, scores in (("a", 4, [0, 0]), ("a", 8, [1, 1]), ("b", 4, [0.5, 0.5]), ("b", 8, [0.5, 0.5]))
    }
    better = across_tables.across_table(runs, threshold, GENERATOR).query("statistic == 'improvement'")
    assert better[["variant", "variant.batch", "over", "estimate"]].to_numpy().tolist() == [
        ["b", 4, "a", 1.0],
        ["b", 8, "a", 0.0],
    ]


def test_an_environment_solved_at_the_start_undefines_the_statistics():
    runs = dict(RUNS) | {cell("cart", "a", 110): run(200, [200] * 4), cell("cart", "b", 110): run(200, [200] * 4)}
    table = across_tables.across_table(runs, threshold, GENERATOR)
    assert table["estimate"].isna().all()
    assert set(table["method"]) == {"undefined: 4 of 8 values not finite", "undefined: 8 of 16 values not finite"}


def test_a_score_of_1_is_the_threshold_of_the_runs():
    # Twice as far above the initial return as the threshold of the environment.
    far = {"cart": 210, "other": 100}
    table = across_tables.across_table(RUNS, lambda one: far.get(one.environment_name), GENERATOR)
    assert rows(table, "interquartile mean", "a")["estimate"].tolist() == [0.75 / 2]


def test_cells_take_their_rows_of_the_long_table():
    levels = [{"variant.batch": 4}, {"variant.batch": 8}]
    cells = [cell(environment, "a", 1, level) for environment in ("cart", "other") for level in levels]
    returns = {
        one: {seed: {0: 10.0 * place, 100: 10.0 * place + seed} for seed in (3, 1)} for place, one in enumerate(cells)
    }
    runs = {one: rows_by_hand.run({seed: {100: 0.0} for seed in seeds}) for one, seeds in returns.items()}
    evaluations = {one: rows_by_hand.evaluated(seeds) for one, seeds in returns.items()}
    found = across_tables.metrics_of_cells(rows_by_hand.long_table(runs, 100, evaluations), cells)
    assert list(found) == cells
    for place, one in enumerate(cells):
        assert found[one]["initial_return"].to_dict() == {1: 10 * place, 3: 10 * place}
        assert found[one]["final_return"].to_dict() == {1: 10 * place + 1, 3: 10 * place + 3}


def test_selections_are_resampled_as_groups():
    scores = [10, 60, 110, 110, 20, 70, 90, 100]
    runs = {cell("cart", variant, 110): run(10, scores) for variant in "ab"}
    _, tuned = runs
    runs[tuned] = runs[tuned].assign(selection=[0, 1, 2, 3] * 2)
    table = across_tables.across_table(runs, threshold, GENERATOR)
    alone, together = (rows(table, "interquartile mean", variant)["method"].iloc[0] for variant in "ab")
    assert not alone.startswith("stratified bootstrap of groups")
    assert together.startswith("stratified bootstrap of groups")
    assert set(rows(table, "profile", "b")["method"]) == {"Korn-Graubard"}
    better = rows(table, "improvement", "b").iloc[0]
    assert better["method"].startswith("stratified bootstrap of groups")
    assert better["n"] == 16


def test_cells_keep_their_selections():
    one = cell("cart", "a", 1)
    runs = {one: rows_by_hand.run({seed: {100: 0.0} for seed in range(4)})}
    table = rows_by_hand.long_table(runs, 100, selections=2)
    assert across_tables.metrics_of_cells(table, [one])[one]["selection"].tolist() == [0, 1, 0, 1]
    alone = across_tables.metrics_of_cells(rows_by_hand.long_table(runs, 100), [one])[one]
    assert alone["selection"].isna().all()
