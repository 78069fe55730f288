"""Tables of training, with values of small runs computed by hand."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pg.experiments.metric import Metric
from pg.experiments.summaries import summarise
from pg.experiments.train import tables as train_tables
from pg.experiments.train.metrics import METRICS, Run
from pg.experiments.train.record import TrainExperiment
from pg.parts.optimizers.adam import Adam
from pg.parts.starts.clone import Clone
from pg.parts.variant import Variant
from pg.statistics import estimates
from tests.experiments.rows import cell, evaluated, long_table, run, values


def test_a_training_table_holds_the_metrics_of_a_run():
    batches = {10: 1.0, 20: 2.0, 30: 3.0, 40: 4.0, 50: 5.0, 100: 6.0}
    one = cell(threshold=3.5, failed_below=3)
    # Returns of evaluations differ from those of batches.
    evaluations = {one: evaluated({7: {0: 0.5, 40: 3.4, 50: 3.6, 95: 2.0, 100: 3.0}})}
    table = long_table({one: run({7: batches})}, 100, evaluations)
    assert table.columns.tolist() == ["environment", "variant", "stage", "selection", "seed", "metric", "value"]
    assert dict(zip(table["metric"], table["value"], strict=True)) == {
        "final_return": 2.5,
        "initial_return": 0.5,
        "area": pytest.approx((10 + 20 + 30 + 40 + 50 + 300) / 100),
        "steps_to_threshold": 50.0,
        "censored": 0.0,
        "solved": 1.0,
        "failed": 1.0,
        "collapsed": 0.0,
        "diverged": 0.0,
    }
    assert set(table["stage"]) == {""}
    assert set(table["seed"]) == {7}


def test_one_declaration_adds_a_metric():
    best: Metric[Run] = Metric(
        "best", "best batch", "Largest mean return of a batch.", of=lambda run: run.returns.max()
    )
    judged: Metric[Run] = Metric("judged", "judged", "1.", of=lambda _: 1.0, needs="failed_below")
    table = long_table({cell(): run({0: {10: 7.0, 30: 2.0}})}, 100, metrics=(*METRICS, best, judged))
    assert values(table, metric="best") == [7]
    assert "judged" not in set(table["metric"]), "the environment has no such level"
    assert summarise(table, {one.name: one for one in (*METRICS, best)})["metric"].tolist()[-1] == "best"


# Four runs of a budget of 100 steps. The last one reaches the budget with its last evaluation.
EVALUATED = {
    0: {0: 5.0, 20: 99.0, 40: 100.0, 60: 100.0},
    1: {0: 5.0, 50: 100.0, 60: 40.0},
    2: {0: 5.0, 30: 95.0, 104: 100.0},
    3: {0: 5.0, 30: 20.0, 100: 100.0},
}


def table_of(level=100.0, budget=100, **levels):
    """The table of the four runs, whose evaluations are judged at a level."""
    one = cell(threshold=level, **levels)
    return long_table({one: run({seed: {100: 1.0} for seed in EVALUATED})}, budget, {one: evaluated(EVALUATED)})


def test_the_first_evaluation_at_the_threshold_counts():
    table = table_of()
    assert values(table, metric="steps_to_threshold") == [40, 50, 100, 100]
    assert values(table, metric="solved") == [1, 1, 0, 1]
    assert values(table, metric="censored") == [0, 0, 1, 0]
    assert values(table_of(95), metric="steps_to_threshold") == [20, 50, 30, 100]
    assert values(table_of(5), metric="steps_to_threshold") == [0, 0, 0, 0]


def test_an_evaluation_after_the_budget_does_not_reach_the_threshold():
    table = table_of(budget=45)
    assert values(table, metric="steps_to_threshold") == [40, 45, 45, 45]
    assert values(table, metric="censored") == [0, 1, 1, 1]


def test_final_and_initial_returns_are_those_of_evaluations():
    table = table_of()
    # No evaluation of the first two runs is in the last tenth of the budget.
    assert values(table, metric="final_return") == [100, 40, 100, 100]
    assert values(table, metric="initial_return") == [5] * 4


def test_a_run_that_never_learned_has_failed_and_has_not_collapsed():
    one = cell(failed_below=50)
    evaluations = {one: evaluated({0: {0: 5.0, 100: 6.0}, 1: {0: 5.0, 100: 49.9}, 2: {0: 5.0, 100: 50.0}})}
    table = long_table({one: run({seed: {50: 5.0, 100: 6.0} for seed in range(3)})}, 100, evaluations)
    assert values(table, metric="failed") == [1, 1, 0]
    assert values(table, metric="collapsed") == [0, 0, 0]


def test_metrics_of_a_level_need_the_level():
    runs = {cell(): run({0: {10: 1.0, 30: 2.0}})}
    assert not {"steps_to_threshold", "censored", "solved", "failed"} & set(long_table(runs, 100)["metric"])
    judged = {cell(threshold=475): run({0: {10: 1.0, 30: 2.0}})}
    table = long_table(judged, 100).set_index("metric")["value"]
    assert table[["steps_to_threshold", "censored", "solved"]].tolist() == [100, 1, 0]
    assert "failed" not in table.index


@pytest.mark.parametrize(("own", "steps"), [(None, [20, 50, 30, 100]), (100, [40, 50, 100, 100])])
def test_evaluations_may_have_a_threshold_of_their_own(own, steps):
    experiment = TrainExperiment.model_validate(
        {"kind": "train", "environments": ["cartpole"], "variants": ["to_go"], "seeds": {"count": 4}}
        | {"budget": {"steps": 100}, "evaluate": {"threshold": own}}
    )
    one = cell(threshold=95, failed_below=30)
    runs = {one: run({seed: {100: 1.0} for seed in EVALUATED})}
    table = long_table(runs, 100, {one: evaluated(EVALUATED)}, level=experiment.level)
    assert values(table, metric="steps_to_threshold") == steps
    assert values(table, metric="failed") == [0] * 4, "the second run ends at 40, missing both thresholds"


def test_a_training_table_is_in_declared_order_then_by_seed():
    runs = {cell(variant=name): run({3: {10: 1.0}, 1: {10: 1.0}}) for name in ("z", "a")}
    table = long_table(runs, 10)
    rows = table[["variant", "seed"]].drop_duplicates()
    assert rows.to_numpy().tolist() == [["z", 1], ["z", 3], ["a", 1], ["a", 3]]


def test_levels_are_columns_named_by_their_paths():
    levels = {"variant.batch": 16, "variant.policy.hidden": [64, 64]}
    runs = {cell(suffix="@batch=16", levels=levels): run({0: {10: 1.0}})}
    table = long_table(runs, 10)
    assert table.columns.tolist()[:4] == ["environment", "variant", "variant.batch", "variant.policy.hidden"]
    assert set(table["variant.batch"]) == {16}
    assert set(table["variant.policy.hidden"]) == {"[64, 64]"}
    assert "variant.batch" in train_tables.train_curves(runs, 10).columns


# One run reaches the budget, and its worst batch is -3. The other diverges after 40 of 100 steps, in its best batch.
FINISHED = {10: 2.0, 20: -3.0, 30: 2.0, 40: 2.0, 50: 2.0, 60: 4.0, 100: 4.0}
DIVERGED = {10: 1.0, 20: 5.0, 30: 5.0, 35: 5.0, 40: 9.0}


# Evaluations of both, the second good until it diverged.
JUDGED = {0: {0: 1.0, 50: 3.0, 100: 4.0}, 1: {0: 1.0, 20: 6.0, 35: 9.0}}


def two_runs(*, diverged=DIVERGED, returns=None, **levels):
    rows = run({0: FINISHED, 1: diverged})
    last = rows.index[-1]
    rows.loc[last, "gradient_norm" if returns is None else "return_mean"] = np.nan if returns is None else returns
    return {cell(**levels): rows}


def table_of_two(runs):
    """The long table of runs, all of which have the evaluations of the two runs."""
    return long_table(runs, 100, dict.fromkeys(runs, evaluated(JUDGED)))


def test_a_diverged_run_continues_with_the_return_of_the_worst_batch():
    table = table_of_two(two_runs(failed_below=-10))
    assert values(table, metric="diverged") == [0, 1]
    assert values(table, metric="collapsed") == [0, 1]
    assert values(table, metric="final_return") == [4, -3]
    assert values(table, metric="failed") == [0, 1], "although the worst return is above the level"
    assert values(table, metric="initial_return") == [1, 1]
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 25 * 5 + 5 * 9 + 60 * -3) / 100)


def test_the_worst_batch_is_that_of_all_variants_in_the_environment():
    bad = run({0: {10: -50.0}})
    for other, worst in ((cell("pendulum", "a"), -3), (cell("cartpole", "b"), -50)):
        table = table_of_two({**two_runs(), other: bad})
        assert values(table, metric="final_return")[:2] == [4, worst]


def test_a_threshold_reached_before_the_divergence_counts():
    table = table_of_two(two_runs(threshold=5))
    assert values(table, metric="steps_to_threshold") == [100, 20]
    assert values(table, metric="solved") == [0, 1]
    assert values(table, metric="censored") == [1, 0]
    missed = table_of_two(two_runs(threshold=9.1))
    assert values(missed, metric="steps_to_threshold")[1] == 100
    assert values(missed, metric="solved")[1] == 0


def test_a_divergence_in_the_last_batch_of_the_budget_counts():
    table = long_table(two_runs(diverged={10: 1.0, 104: 9.0}), 100)
    assert values(table, metric="final_return")[1] == -3
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 90 * 9) / 100)
    curves = train_tables.train_curves(two_runs(diverged={10: 1.0, 104: 9.0}), 100)
    assert curves["diverged_at"].tolist()[-1] == 100


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_batch_without_a_finite_return_counts_as_the_worst(value):
    table = long_table(two_runs(threshold=1, returns=value), 100)
    assert values(table, metric="diverged") == [0, 1]
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 25 * 5 + 65 * -3) / 100)
    assert np.isfinite(table["value"]).all()


def test_a_diverged_seed_lowers_every_statistic_and_leaves_it_defined():
    diverged, finished = two_runs(threshold=5), {cell(threshold=5): run({0: FINISHED, 1: DIVERGED})}
    with_failure, without = (
        summarise(table_of_two(runs)).set_index("metric")["estimate"].astype(float) for runs in (diverged, finished)
    )
    assert with_failure.notna().all()
    for metric in ("final_return", "area"):
        assert with_failure[metric] < without[metric]


def test_curves_mark_the_divergence_and_continue_at_the_worst_return():
    curve = train_tables.train_curves(two_runs(), 100)
    curve = curve[curve["steps"] % 10 == 0]
    diverged = curve[curve["seed"] == 1]
    assert diverged["return"].tolist() == [1, 5, 5, 9, -3, -3, -3, -3, -3, -3]
    assert set(diverged["diverged_at"]) == {40}
    assert curve.loc[curve["seed"] == 0, "diverged_at"].isna().all()


def test_curves_have_equally_spaced_points_up_to_the_budget():
    runs = {cell(): run({0: {30: 1.0, 60: 2.0}})}
    curves = train_tables.train_curves(runs, 100)
    assert curves.columns.tolist() == ["environment", "variant", "selection", "seed", "steps", "return", "diverged_at"]
    assert curves["steps"].tolist() == list(range(1, 101))
    assert curves["return"].tolist() == [1] * 30 + [2] * 70
    assert train_tables.train_curves(runs, 150)["steps"].tolist()[:3] == [1, 3, 4]


def test_rows_name_the_selection_of_a_tuned_rate() -> None:
    fixed = replace(cell(variant="fixed"), variant=Variant(optimizer=Adam(learning_rate=0.1)))
    runs = {one: run({seed: {100: 1.0} for seed in (3, 4, 5)}) for one in (cell(), fixed)}
    curves = train_tables.train_curves(runs, 100, selections=2).drop_duplicates(["variant", "seed"])
    assert curves["selection"].fillna(-1).tolist() == [1, 0, 1, -1, -1, -1]
    assert train_tables.train_curves(runs, 100)["selection"].isna().all()
    table = long_table(runs, 100, selections=2)
    assert table.groupby("seed")["selection"].max().to_dict() == {3: 1, 4: 0, 5: 1}
    assert table.loc[table["variant"] == "fixed", "selection"].isna().all()


def test_mean_curves_are_means_over_seeds_with_students_interval():
    runs = {cell(): run({0: {50: 1.0, 100: 3.0}, 1: {50: 2.0, 100: 7.0}})}
    means = train_tables.mean_curves(train_tables.train_curves(runs, 100))
    means = means[means["steps"] % 50 == 0]
    assert means.columns.tolist() == ["environment", "variant", "steps", "estimate", "ci_low", "ci_high"]
    assert means["estimate"].tolist() == [1.5, 5.0]
    # Two values at a distance d have the standard error d / 2; t(0.975) with one degree of freedom is 12.706.
    assert (means["ci_high"] - means["estimate"]).tolist() == pytest.approx([12.7062 / 2, 12.7062 * 2], rel=1e-5)


def imitation(curves, demonstration_steps, demonstrator_return):
    """Runs of a clone, as `run` makes them, all with the same demonstrations."""
    shown = {"demonstration_steps": demonstration_steps, "demonstrator_return": demonstrator_return}
    clone = replace(cell(), variant=Variant(initialise=Clone(controller="lean", demonstrations=5)))
    return {clone: run(curves).assign(**shown)}


def test_a_clone_is_compared_with_its_demonstrator_first_and_last():
    clone = imitation({7: {30: 4.0, 60: 1.0, 95: 8.0, 105: 10.0}}, 20, 5.0)
    table = long_table(clone, 100, dict.fromkeys(clone, evaluated({7: {20: 3.0, 95: 6.0, 105: 8.0}})))
    assert values(table, metric="demonstrator_return") == [5]
    assert values(table, metric="clone_minus_demonstrator") == [-1]
    assert values(table, metric="final_return") == [7]
    assert values(table, metric="final_minus_demonstrator") == [2]


def test_the_curve_of_a_clone_begins_where_its_demonstrations_end():
    curves = train_tables.train_curves(imitation({0: {30: 1.0, 60: 2.0}}, 20, 5.0), 100)
    assert curves["return"].isna().tolist() == [True] * 20 + [False] * 80
    assert curves["return"].tolist()[20:] == [1] * 10 + [2] * 70


def choice(scores, chosen):
    """The JSON of a choice, from {rate: scores of seeds}."""
    rows = [
        {"learning_rate": rate, "seed": seed, "share": 1.0, "score": score}
        for rate, of_rate in scores.items()
        for seed, score in enumerate(of_rate)
    ]
    return {"learning_rate": chosen, "at_edge": chosen in (min(scores), max(scores)), "scores": rows}


def test_a_table_of_tuning_has_the_mean_score_of_every_rate():
    cells = [cell(variant="total"), cell(variant="to_go")]
    choices = [
        [choice({0.1: [1.0, 2.0], 0.2: [9.0, None]}, chosen=0.1)],
        [choice({0.1: [4.0], 0.2: [4.0]}, chosen=0.1), choice({0.1: [6.0], 0.2: [5.0]}, chosen=0.1)],
    ]
    table = train_tables.tuned_table(zip(cells, choices, strict=True))
    assert table["mean"].fillna(-1).tolist() == [1.5, 1.5, -1, -1, 5, 4.5, 5, 4.5], "a rate that diverged has no mean"
    assert table["chosen"].tolist() == [True, True, False, False, *([True, False] * 2)]
    assert table["selection"].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert table["at_edge"].tolist() == [True] * 4 + [False] * 2 + [True] * 2, "rates that tie have no edge"
    assert table["tied"].tolist() == [False] * 4 + [True] * 2 + [False] * 2


# Selections of the learning rate --------------------------------------------------------------------------------------

TUNED, FIXED = cell(), replace(cell(variant="fixed"), variant=Variant(optimizer=Adam(learning_rate=0.1)))
# Six selections of two runs each, and one run of a seventh.
MANY = dict(enumerate(np.random.default_rng(0).normal(5, 1, 13)))


def runs_with(returns):
    return {one: run({seed: {100: value} for seed, value in returns.items()}) for one in (TUNED, FIXED)}


def selected_table(returns, selections, **options):
    evaluations = {
        one: evaluated({seed: {0: 0.0, 100: value} for seed, value in returns.items()}) for one in (TUNED, FIXED)
    }
    return long_table(runs_with(returns), 100, evaluations, selections=selections, **options)


def column(name):
    """Return a function that selects rows of a table and returns their values in a column."""
    return lambda table, **where: values(table.assign(value=table[name]), **where)


def test_summary_of_a_tuned_cell_is_over_selections_and_of_others_over_runs():
    summary = summarise(selected_table(MANY, 7))
    returns = np.array([*MANY.values()])
    of_selections = [returns[[at, at + 7]].mean() for at in range(6)] + [returns[6]]
    for variant, sample in (("to_go", of_selections), ("fixed", returns)):
        theirs, where = estimates.mean(sample), {"metric": "final_return", "variant": variant}
        found = [values(summary, **where).pop() for values in map(column, ("estimate", "ci_low", "ci_high"))]
        assert found == pytest.approx([theirs.estimate, theirs.low, theirs.high])
        assert column("n")(summary, **where) == [13]
    (method,) = column("method")(summary, metric="final_return", variant="to_go")
    assert method.startswith("Student's t over groups")
    assert column("method")(summary, metric="diverged", variant="to_go") == ["Korn-Graubard"]


def test_summary_read_from_csv_is_the_same():
    table = selected_table(MANY, 7)
    back = pd.read_csv(io.StringIO(table.to_csv(index=False)), keep_default_na=True)
    ours, theirs = summarise(table), summarise(back)
    assert ours[["n", "estimate", "ci_low", "ci_high"]].equals(theirs[["n", "estimate", "ci_low", "ci_high"]])


def test_mean_curve_of_a_tuned_cell_is_over_selections():
    means = train_tables.mean_curves(train_tables.train_curves(runs_with(MANY), 100, 7))
    last = means[means["steps"] == 100].set_index("variant")
    summary = summarise(selected_table(MANY, 7)).query("metric == 'area'").set_index("variant")
    columns = ["estimate", "ci_low", "ci_high"]
    np.testing.assert_allclose(last[columns].to_numpy(float), summary.loc[last.index, columns].to_numpy(float))
