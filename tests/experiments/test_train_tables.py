"""Tables of training, with values of small runs computed by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pg.experiments.metric import Metric
from pg.experiments.summaries import summarise
from pg.experiments.train import tables as train_tables
from pg.experiments.train.metrics import METRICS, Run
from pg.parts.starts.clone import Clone
from pg.parts.variant import Variant
from tests.experiments.rows import cell, run, values


def test_a_training_table_holds_the_metrics_of_a_run():
    batches = {10: 1.0, 20: 2.0, 30: 3.0, 40: 4.0, 50: 5.0, 100: 6.0}
    table = train_tables.train_table({cell(threshold=3.5): run({7: batches})}, 100)
    assert table.columns.tolist() == ["environment", "variant", "stage", "seed", "metric", "value"]
    assert dict(zip(table["metric"], table["value"], strict=True)) == {
        "final_return": 6.0,
        "area": pytest.approx((10 + 20 + 30 + 40 + 50 + 300) / 100),
        "steps_to_threshold": 100.0,
        "censored": 0.0,
        "solved": 1.0,
        "collapsed": 0.0,
        "diverged": 0.0,
        "return_at_common_iteration": 4.0,
    }
    assert set(table["stage"]) == {""}
    assert set(table["seed"]) == {7}


def test_one_declaration_adds_a_metric():
    best: Metric[Run] = Metric(
        "best", "best batch", "Largest mean return of a batch.", of=lambda run: run.returns.max()
    )
    judged: Metric[Run] = Metric(
        "judged", "evaluations", "Number of evaluations.", of=lambda _: 1.0, needs="evaluations"
    )
    table = train_tables.train_table({cell(): run({0: {10: 7.0, 30: 2.0}})}, 100, metrics=(*METRICS, best, judged))
    assert values(table, metric="best") == [7]
    assert "judged" not in set(table["metric"]), "the run has no evaluations"
    assert summarise(table, {one.name: one for one in (*METRICS, best)})["metric"].tolist()[-1] == "best"


def test_a_run_is_censored_at_the_budget_if_there_is_a_threshold():
    runs = run({0: {10: 1.0, 30: 2.0}})
    table = train_tables.train_table({cell(threshold=475): runs}, 100).set_index("metric")["value"]
    assert table[["steps_to_threshold", "censored", "solved"]].tolist() == [100, 1, 0]
    assert "steps_to_pass" not in table.index, "no evaluations"
    without = train_tables.train_table({cell(): runs}, 100)
    assert not {"steps_to_threshold", "censored", "solved"} & set(without["metric"])


def evaluations(episodes):
    """Rows of evaluations from {seed: {steps: returns}}."""
    return pd.DataFrame(
        [
            {"seed": seed, "iteration": iteration, "steps": steps, "episode": episode, "return": value}
            for seed, evaluated in episodes.items()
            for iteration, (steps, returns) in enumerate(evaluated.items())
            for episode, value in enumerate(returns, start=1)
        ]
    )


EVALUATIONS = {
    0: {0: [5, 9], 20: [100, 99], 40: [100, 100], 60: [100, 100]},
    1: {0: [5, 9], 20: [100, 100], 50: [100, 99.9], 70: [100, 100]},
    2: {0: [5, 9], 30: [95, 95], 45: [95, np.nan], 80: [96, 96]},
    3: {0: [5, 9], 30: [95, 95], 45: [95, 97], 80: [0, 0]},
}


def four_seeds():
    return {seed: {100: 1.0} for seed in range(4)}


def test_a_run_passes_after_two_evaluations_with_all_episodes_good():
    runs, judged = {cell(): run(four_seeds())}, {cell(): evaluations(EVALUATIONS)}
    at_100 = train_tables.train_table(runs, 100, judged, 100)
    assert values(at_100, metric="steps_to_pass") == [60, 100, 100, 100]
    assert values(at_100, metric="passed") == [1, 0, 0, 0]
    at_95 = train_tables.train_table(runs, 100, judged, 95)
    assert values(at_95, metric="steps_to_pass") == [40, 50, 100, 45]
    assert values(at_95, metric="passed") == [1, 1, 0, 1]
    assert values(train_tables.train_table(runs, 42, judged, 95), metric="steps_to_pass") == [40, 42, 42, 42]


def test_the_level_is_the_threshold_unless_another_is_declared():
    solved = cell(threshold=95)
    runs, judged = {solved: run(four_seeds())}, {solved: evaluations(EVALUATIONS)}
    assert values(train_tables.train_table(runs, 100, judged), metric="passed") == [1, 1, 0, 1]
    assert values(train_tables.train_table(runs, 100, judged, 100), metric="passed") == [1, 0, 0, 0]


def test_steps_to_pass_are_summarised_by_their_median():
    seeds = range(1, 9)
    runs = {cell(): run({seed: {100: 1.0} for seed in seeds})}
    judged = {cell(): evaluations({seed: {0: [1], 10 * seed: [1]} for seed in seeds})}
    row = summarise(train_tables.train_table(runs, 100, judged, 1)).set_index("metric").loc["steps_to_pass"]
    assert (row["statistic"], row["method"], row["n"]) == ("median", "order statistics", 8)
    # The sign test at n = 8 leaves out one value at each end.
    assert (row["estimate"], row["ci_low"], row["ci_high"]) == (45, 10, 80)


def test_the_common_iteration_ends_the_shortest_run_of_an_environment():
    long, short = dict.fromkeys(range(10, 90, 10), 1.0), {10: 5.0, 20: 7.0}
    runs = {
        cell(variant="a"): run({0: {**short, 30: 9.0}, 1: short}),
        cell(variant="b"): run({0: long, 1: {**long, 90: 100.0}}),
        cell("pendulum", "a"): run({0: dict.fromkeys(range(10, 40, 10), 2.0) | {40: 10.0}}),
    }
    assert values(train_tables.train_table(runs, 100), metric="return_at_common_iteration") == [6, 6, 1, 1, 4]


def test_a_training_table_is_in_declared_order_then_by_seed():
    runs = {cell(variant=name): run({3: {10: 1.0}, 1: {10: 1.0}}) for name in ("z", "a")}
    table = train_tables.train_table(runs, 10)
    rows = table[["variant", "seed"]].drop_duplicates()
    assert rows.to_numpy().tolist() == [["z", 1], ["z", 3], ["a", 1], ["a", 3]]


def test_levels_are_columns_named_by_their_paths():
    levels = {"variant.batch": 16, "variant.policy.hidden": [64, 64]}
    runs = {cell(suffix="@batch=16", levels=levels): run({0: {10: 1.0}})}
    table = train_tables.train_table(runs, 10)
    assert table.columns.tolist()[:4] == ["environment", "variant", "variant.batch", "variant.policy.hidden"]
    assert set(table["variant.batch"]) == {16}
    assert set(table["variant.policy.hidden"]) == {"[64, 64]"}
    assert "variant.batch" in train_tables.train_curves(runs, 10).columns


# One run reaches the budget, and its worst batch is -3. The other diverges after 40 of 100 steps, in its best batch.
FINISHED = {10: 2.0, 20: -3.0, 30: 2.0, 40: 2.0, 50: 2.0, 60: 4.0, 100: 4.0}
DIVERGED = {10: 1.0, 20: 5.0, 30: 5.0, 35: 5.0, 40: 9.0}


def two_runs(*, threshold=None, diverged=DIVERGED, returns=None):
    rows = run({0: FINISHED, 1: diverged})
    last = rows.index[-1]
    rows.loc[last, "gradient_norm" if returns is None else "return_mean"] = np.nan if returns is None else returns
    return {cell(threshold=threshold): rows}


def test_a_diverged_run_continues_with_the_return_of_the_worst_batch():
    table = train_tables.train_table(two_runs(), 100)
    assert values(table, metric="diverged") == [0, 1]
    assert values(table, metric="collapsed") == [0, 1]
    assert values(table, metric="final_return") == [4, -3]
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 25 * 5 + 5 * 9 + 60 * -3) / 100)


def test_the_worst_batch_is_that_of_all_variants_in_the_environment():
    bad = run({0: {10: -50.0}})
    for other, worst in ((cell("pendulum", "a"), -3), (cell("cartpole", "b"), -50)):
        table = train_tables.train_table({**two_runs(), other: bad}, 100)
        assert values(table, metric="final_return")[:2] == [4, worst]


def test_a_threshold_reached_before_the_divergence_counts():
    table = train_tables.train_table(two_runs(threshold=5), 100)
    assert values(table, metric="steps_to_threshold") == [100, 40]
    assert values(table, metric="solved") == [0, 1]
    assert values(table, metric="censored") == [1, 0]
    missed = train_tables.train_table(two_runs(threshold=5.1), 100)
    assert values(missed, metric="steps_to_threshold")[1] == 100
    assert values(missed, metric="solved")[1] == 0


def test_a_diverged_run_does_not_shorten_the_common_iteration():
    table = train_tables.train_table(two_runs(), 100)
    assert values(table, metric="return_at_common_iteration") == [np.mean([2, 2, 2, 4, 4]), -3]
    short = {**two_runs(), cell(variant="b"): run({0: {50: 7.0, 100: 7.0}})}
    # Both batches up to iteration 2 were collected before the policy diverged.
    assert values(train_tables.train_table(short, 100), metric="return_at_common_iteration") == [-0.5, 3, 7]


def test_the_common_iteration_is_the_first_end_if_all_diverged():
    rows = run({0: {10: 4.0, 20: 2.0}, 1: {10: 1.0}}).assign(gradient_norm=np.nan)
    table = train_tables.train_table({cell(): rows}, 100)
    assert values(table, metric="return_at_common_iteration") == [4, 1]


def test_a_divergence_in_the_last_batch_of_the_budget_counts():
    table = train_tables.train_table(two_runs(diverged={10: 1.0, 104: 9.0}), 100)
    assert values(table, metric="final_return")[1] == -3
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 90 * 9) / 100)
    curves = train_tables.train_curves(two_runs(diverged={10: 1.0, 104: 9.0}), 100)
    assert curves["diverged_at"].tolist()[-1] == 100


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_batch_without_a_finite_return_counts_as_the_worst(value):
    table = train_tables.train_table(two_runs(threshold=1, returns=value), 100)
    assert values(table, metric="diverged") == [0, 1]
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 25 * 5 + 65 * -3) / 100)
    assert np.isfinite(table["value"]).all()


def test_a_diverged_seed_lowers_every_statistic_and_leaves_it_defined():
    diverged, finished = two_runs(threshold=5), {cell(threshold=5): run({0: FINISHED, 1: DIVERGED})}
    with_failure, without = (
        summarise(train_tables.train_table(runs, 100)).set_index("metric")["estimate"].astype(float)
        for runs in (diverged, finished)
    )
    assert with_failure.notna().all()
    for metric in ("final_return", "area", "return_at_common_iteration"):
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
    assert curves.columns.tolist() == ["environment", "variant", "seed", "steps", "return", "diverged_at"]
    assert curves["steps"].tolist() == list(range(1, 101))
    assert curves["return"].tolist() == [1] * 30 + [2] * 70
    assert train_tables.train_curves(runs, 150)["steps"].tolist()[:3] == [1, 3, 4]


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
    table = train_tables.train_table(imitation({7: {30: 4.0, 60: 1.0, 95: 8.0, 105: 10.0}}, 20, 5.0), 100)
    assert values(table, metric="demonstrator_return") == [5]
    assert values(table, metric="clone_minus_demonstrator") == [-1]
    assert values(table, metric="final_return") == [9]
    assert values(table, metric="final_minus_demonstrator") == [4]


def test_the_curve_of_a_clone_begins_where_its_demonstrations_end():
    curves = train_tables.train_curves(imitation({0: {30: 1.0, 60: 2.0}}, 20, 5.0), 100)
    assert curves["return"].isna().tolist() == [True] * 20 + [False] * 80
    assert curves["return"].tolist()[20:] == [1] * 10 + [2] * 70


def choice(scores, chosen):
    """The JSON of a choice, from {rate: scores of seeds}."""
    rows = [
        {"learning_rate": rate, "seed": seed, "score": score}
        for rate, of_rate in scores.items()
        for seed, score in enumerate(of_rate)
    ]
    return {"learning_rate": chosen, "at_edge": chosen in (min(scores), max(scores)), "scores": rows}


def test_a_table_of_tuning_has_the_mean_score_of_every_rate():
    cells = [cell(variant="total"), cell(variant="to_go")]
    choices = [choice({0.1: [1.0, 2.0], 0.2: [9.0, None]}, chosen=0.1), choice({0.1: [4.0], 0.2: [4.0]}, chosen=0.1)]
    table = train_tables.tuned_table(zip(cells, choices, strict=True))
    assert table["mean"].fillna(-1).tolist() == [1.5, 1.5, -1, -1, 4, 4], "a rate that diverged has no mean"
    assert table["chosen"].tolist() == [True, True, False, False, True, False]
    assert table["at_edge"].tolist() == [True] * 4 + [False] * 2, "rates that tie have no edge"
    assert table["tied"].tolist() == [False] * 4 + [True] * 2
