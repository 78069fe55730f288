"""From rows to tables, on runs and probes worked by hand."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pg.evidence import statistics, tables
from pg.study.expansion import Cell
from pg.study.model.environment import Environment
from pg.study.model.learner import Clone
from pg.study.model.variant import Variant


def cell(environment="cartpole", variant="to_go", *, suffix="", threshold=None, levels=None):
    return Cell(
        experiment="ladder",
        environment_name=environment,
        variant_name=variant,
        environment_id=environment,
        variant_id=variant + suffix,
        environment=Environment(id="CartPole-v1", threshold=threshold),
        variant=Variant(),
        levels=levels or {},
    )


def run(curves):
    """Rows of a run per seed, from {seed: {steps: return}}."""
    return pd.DataFrame(
        [
            {"seed": seed, "iteration": iteration, "steps": steps, "return_mean": value}
            | {"gradient_norm": 1.0, "kl_new_old": 0.1, "kl_old_new": np.inf}
            for seed, batches in curves.items()
            for iteration, (steps, value) in enumerate(batches.items(), start=1)
        ]
    )


def probe(total_variance, variants=("to_go", "total"), seeds=(0, 1)):
    """Rows of a probe: total variances by batch size, everything else as told apart by seed and batch."""
    rest = dict.fromkeys(["cosine", "pairwise_cosine", "relative_bias", "relative_bias_noise"], 0.5)
    return pd.DataFrame(
        [
            {"seed": seed, "variant": variant, "batch": batch, "total_variance": value, "snr": seed + batch}
            | rest
            | {"shrinkage": 0.0, "shrinkage_se": 0.1, "reference_flagged": 0}
            for variant in variants
            for batch, value in total_variance.items()
            for seed in seeds
        ]
    )


def values(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table["value"].tolist()


# Training -------------------------------------------------------------------------------------------------------------


def test_a_training_table_holds_the_metrics_of_a_run():
    batches = {10: 1.0, 20: 2.0, 30: 3.0, 40: 4.0, 50: 5.0, 100: 6.0}
    table = tables.train_table({cell(threshold=3.5): run({7: batches})}, 100)
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


def test_a_run_that_misses_the_threshold_is_censored_at_the_budget():
    table = tables.train_table({cell(threshold=475): run({0: {10: 1.0, 30: 2.0}})}, 100)
    assert values(table, metric="steps_to_threshold") == [100]
    assert values(table, metric="censored") == [1]
    assert values(table, metric="solved") == [0]


def test_without_a_declared_threshold_its_metrics_are_absent():
    table = tables.train_table({cell(): run({0: {10: 1.0}})}, 100)
    assert not {"steps_to_threshold", "censored", "solved"} & set(table["metric"])


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


def test_a_run_passes_with_two_successive_evaluations_whose_every_episode_reaches_the_level():
    runs, judged = {cell(): run(four_seeds())}, {cell(): evaluations(EVALUATIONS)}
    at_100 = tables.train_table(runs, 100, judged, 100)
    assert values(at_100, metric="steps_to_pass") == [60, 100, 100, 100]
    assert values(at_100, metric="passed") == [1, 0, 0, 0]
    at_95 = tables.train_table(runs, 100, judged, 95)
    assert values(at_95, metric="steps_to_pass") == [40, 50, 100, 45]
    assert values(at_95, metric="passed") == [1, 1, 0, 1]
    assert values(tables.train_table(runs, 42, judged, 95), metric="steps_to_pass") == [40, 42, 42, 42]


def test_the_level_is_the_environments_threshold_unless_another_is_declared():
    solved = cell(threshold=95)
    runs, judged = {solved: run(four_seeds())}, {solved: evaluations(EVALUATIONS)}
    assert values(tables.train_table(runs, 100, judged), metric="passed") == [1, 1, 0, 1]
    assert values(tables.train_table(runs, 100, judged, 100), metric="passed") == [1, 0, 0, 0]


def test_without_evaluations_their_metrics_are_absent():
    table = tables.train_table({cell(threshold=3): run({0: {10: 1.0}})}, 100)
    assert not {"steps_to_pass", "passed"} & set(table["metric"])


def test_steps_to_pass_are_summarised_by_their_median():
    seeds = range(1, 9)
    runs = {cell(): run({seed: {100: 1.0} for seed in seeds})}
    judged = {cell(): evaluations({seed: {0: [1], 10 * seed: [1]} for seed in seeds})}
    row = tables.summary(tables.train_table(runs, 100, judged, 1)).set_index("metric").loc["steps_to_pass"]
    assert (row["statistic"], row["method"], row["n"]) == ("median", "order statistics", 8)
    # The sign test at n = 8 leaves out one value at each end.
    assert (row["estimate"], row["ci_low"], row["ci_high"]) == (45, 10, 80)


def test_the_common_iteration_is_the_earliest_end_within_the_same_environment():
    long, short = dict.fromkeys(range(10, 90, 10), 1.0), {10: 5.0, 20: 7.0}
    table = tables.train_table(
        {
            cell(variant="a"): run({0: {**short, 30: 9.0}, 1: short}),
            cell(variant="b"): run({0: long, 1: {**long, 90: 100.0}}),
            cell("pendulum", "a"): run({0: dict.fromkeys(range(10, 40, 10), 2.0) | {40: 10.0}}),
        },
        100,
    )
    at_common = table[table["metric"] == "return_at_common_iteration"]
    assert at_common["value"].tolist() == [6, 6, 1, 1, 4]


def test_a_training_table_is_in_declared_order_then_by_seed():
    runs = {cell(variant=name): run({3: {10: 1.0}, 1: {10: 1.0}}) for name in ("z", "a")}
    table = tables.train_table(runs, 10)
    assert list(table[["variant", "seed"]].drop_duplicates().itertuples(index=False, name=None)) == [
        ("z", 1),
        ("z", 3),
        ("a", 1),
        ("a", 3),
    ]


def test_levels_are_columns_named_by_their_paths():
    levels = {"variant.batch": 16, "variant.policy.hidden": [64, 64]}
    runs = {cell(suffix="@batch=16", levels=levels): run({0: {10: 1.0}})}
    table = tables.train_table(runs, 10)
    assert table.columns.tolist()[:4] == ["environment", "variant", "variant.batch", "variant.policy.hidden"]
    assert set(table["variant.batch"]) == {16}
    assert set(table["variant.policy.hidden"]) == {"[64, 64]"}
    assert "variant.batch" in tables.train_curves(runs, 10).columns


# Two runs: one lives, its worst batch at -3; the other diverges after 40 of 100 steps, when it is at its best.
LIVING = {10: 2.0, 20: -3.0, 30: 2.0, 40: 2.0, 50: 2.0, 60: 4.0, 100: 4.0}
LOST = {10: 1.0, 20: 5.0, 30: 5.0, 35: 5.0, 40: 9.0}


def both(*, threshold=None, lost=LOST, returns=None):
    rows = run({0: LIVING, 1: lost})
    last = rows.index[-1]
    rows.loc[last, "gradient_norm" if returns is None else "return_mean"] = np.nan if returns is None else returns
    return {cell(threshold=threshold): rows}


def test_a_run_that_diverged_counts_from_there_on_as_the_worst_batch_of_all():
    table = tables.train_table(both(), 100)
    assert values(table, metric="diverged") == [0, 1]
    assert values(table, metric="collapsed") == [0, 1]
    assert values(table, metric="final_return") == [4, -3]
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 25 * 5 + 5 * 9 + 60 * -3) / 100)


def test_the_worst_batch_is_one_of_the_same_environment_at_the_same_level():
    other = cell("cartpole", "b")
    elsewhere = run({0: {10: -50.0}})
    unlike = cell("pendulum", "a")
    assert values(tables.train_table({**both(), unlike: elsewhere}, 100), metric="final_return")[:2] == [4, -3]
    assert values(tables.train_table({**both(), other: elsewhere}, 100), metric="final_return")[:2] == [4, -50]


def test_a_threshold_reached_before_a_run_diverged_stays_reached():
    table = tables.train_table(both(threshold=5), 100)
    assert values(table, metric="steps_to_threshold") == [100, 40]
    assert values(table, metric="solved") == [0, 1]
    assert values(table, metric="censored") == [1, 0]
    missed = tables.train_table(both(threshold=5.1), 100)
    assert values(missed, metric="steps_to_threshold")[1] == 100
    assert values(missed, metric="solved")[1] == 0


def test_a_run_that_diverged_cuts_nobody_elses_common_iteration_and_has_lost_its_own():
    table = tables.train_table(both(), 100)
    assert values(table, metric="return_at_common_iteration") == [np.mean([2, 2, 2, 4, 4]), -3]
    short = {**both(), cell(variant="b"): run({0: {50: 7.0, 100: 7.0}})}
    # Both batches up to iteration 2 were collected before the policy was lost.
    assert values(tables.train_table(short, 100), metric="return_at_common_iteration") == [-0.5, 3, 7]


def test_where_every_run_diverged_the_earliest_end_is_common():
    rows = run({0: {10: 4.0, 20: 2.0}, 1: {10: 1.0}}).assign(gradient_norm=np.nan)
    table = tables.train_table({cell(): rows}, 100)
    assert values(table, metric="return_at_common_iteration") == [4, 1]


def test_a_run_that_diverged_in_the_last_step_of_its_budget_has_failed_too():
    table = tables.train_table(both(lost={10: 1.0, 104: 9.0}), 100)
    assert values(table, metric="final_return")[1] == -3
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 90 * 9) / 100)
    assert tables.train_curves(both(lost={10: 1.0, 104: 9.0}), 100)["diverged_at"].tolist()[-1] == 100


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_batch_without_a_finite_return_counts_as_the_worst(value):
    table = tables.train_table(both(threshold=1, returns=value), 100)
    assert values(table, metric="diverged") == [0, 1]
    assert values(table, metric="area")[1] == pytest.approx((10 * 1 + 25 * 5 + 65 * -3) / 100)
    assert np.isfinite(table["value"]).all()


def test_every_statistic_of_seeds_that_diverged_is_defined_and_lower():
    lost, unlost = both(threshold=5), {cell(threshold=5): run({0: LIVING, 1: LOST})}
    with_failure, without = (
        tables.summary(tables.train_table(runs, 100)).set_index("metric")["estimate"].astype(float)
        for runs in (lost, unlost)
    )
    assert with_failure.notna().all()
    for metric in ("final_return", "area", "return_at_common_iteration"):
        assert with_failure[metric] < without[metric]


def test_curves_say_where_a_run_diverged_and_go_on_at_the_worst():
    curve = tables.train_curves(both(), 100, points=10)
    lost = curve[curve["seed"] == 1]
    assert lost["return"].tolist() == [1, 5, 5, 9, -3, -3, -3, -3, -3, -3]
    assert set(lost["diverged_at"]) == {40}
    assert curve.loc[curve["seed"] == 0, "diverged_at"].isna().all()


def test_curves_lie_on_an_even_grid_up_to_the_budget():
    curves = tables.train_curves({cell(): run({0: {30: 1.0, 60: 2.0}})}, 100, points=5)
    assert curves.columns.tolist() == ["environment", "variant", "seed", "steps", "return", "diverged_at"]
    assert curves["steps"].tolist() == [20, 40, 60, 80, 100]
    assert curves["return"].tolist() == [1, 2, 2, 2, 2]


def test_curves_have_a_hundred_points_unless_told():
    assert tables.train_curves({cell(): run({0: {30: 1.0}})}, 150)["steps"].tolist()[:3] == [1, 3, 4]


def imitation(curves, demonstration_steps, demonstrator_return):
    """Runs of a clone, as `run` makes them, all shown the same."""
    shown = {"demonstration_steps": demonstration_steps, "demonstrator_return": demonstrator_return}
    clone = replace(cell(), variant=Variant(initialise=Clone(controller="lean", demonstrations=5)))
    return {clone: run(curves).assign(**shown)}


def test_a_clone_is_compared_with_its_demonstrator_before_its_first_update_and_at_its_end():
    table = tables.train_table(imitation({7: {30: 4.0, 60: 1.0, 95: 8.0, 105: 10.0}}, 20, 5.0), 100)
    assert values(table, metric="demonstrator_return") == [5]
    assert values(table, metric="clone_minus_demonstrator") == [-1]
    assert values(table, metric="final_return") == [9]
    assert values(table, metric="final_minus_demonstrator") == [4]


def test_the_curve_of_a_clone_begins_where_its_demonstrations_end():
    curves = tables.train_curves(imitation({0: {30: 1.0, 60: 2.0}}, 20, 5.0), 100, points=5)
    assert curves["return"].isna().tolist() == [True, False, False, False, False]
    assert curves["return"].tolist()[1:] == [2, 2, 2, 2]


# Laboratory -----------------------------------------------------------------------------------------------------------


def test_a_probe_table_goes_by_cell_stage_seed_batch_and_metric():
    cells = [cell(variant="total"), cell(variant="to_go")]
    rows = {("cartpole", "late"): probe({4: 1.0, 16: 0.5}), ("cartpole", "initial"): probe({4: 1.0, 16: 0.5})}
    table = tables.laboratory_table(cells, "probe", rows)
    assert table.columns.tolist() == ["environment", "variant", "batch", "stage", "seed", "metric", "value"]
    order = table[["variant", "stage", "seed"]].drop_duplicates()
    assert order["variant"].tolist() == ["total"] * 4 + ["to_go"] * 4
    assert order["stage"].tolist() == ["late", "late", "initial", "initial"] * 2
    assert order["seed"].tolist() == [0, 1] * 4
    one = table[(table["variant"] == "total") & (table["stage"] == "late") & (table["seed"] == 0)]
    assert one["batch"].fillna(0).tolist() == [4] * 9 + [16] * 9 + [0]
    assert one["metric"].tolist()[-2:] == ["reference_flagged", "log_variance_slope"]
    assert values(one, metric="snr") == [4, 16]


def test_the_slope_of_a_variance_that_halves_with_the_batch_is_minus_one():
    table = tables.laboratory_table([cell()], "probe", {("cartpole", "late"): probe({4: 8.0, 8: 4.0, 16: 2.0})})
    assert values(table, metric="log_variance_slope") == pytest.approx([-1, -1])


@pytest.mark.parametrize("variance", [0.0, np.nan])
def test_the_slope_of_a_variance_without_a_logarithm_is_unknown(variance):
    table = tables.laboratory_table([cell()], "probe", {("cartpole", "late"): probe({4: 8.0, 8: variance})})
    assert np.isnan(values(table, metric="log_variance_slope")).all()


def test_a_single_batch_size_has_no_slope():
    table = tables.laboratory_table([cell()], "probe", {("cartpole", "late"): probe({4: 8.0})})
    assert "log_variance_slope" not in set(table["metric"])


def test_a_level_takes_the_rows_of_its_own_id():
    levels = [{"variant.discount": 0.9}, {"variant.discount": 1.0}]
    cells = [cell(suffix=f"@discount={level['variant.discount']}", levels=level) for level in levels]
    rows = pd.concat([probe({4: 1.0}, ["to_go@discount=0.9"], [0]), probe({4: 3.0}, ["to_go@discount=1.0"], [0])])
    table = tables.laboratory_table(cells, "probe", {("cartpole", "late"): rows})
    assert values(table, metric="total_variance") == [1, 3]
    assert values(table[table["variant.discount"] == 0.9], metric="total_variance") == [1]


def test_a_variant_named_like_a_number_finds_its_rows():
    rows = probe({4: 1.0}, variants=[10])
    assert values(
        tables.laboratory_table([cell(variant="10")], "probe", {("cartpole", "late"): rows}), metric="snr"
    ) == [4, 5]


def test_an_exact_table_says_at_which_stage_its_policies_are():
    rows = pd.DataFrame(
        {
            "seed": [0, 0],
            "variant": "to_go",
            "batch": [2, 1],
            "batches_enumerated": [9, 3],
            "objective": 1.5,
            "gradient_norm": 2.0,
            "relative_bias": [1e-16, 2e-16],
            "differences_bias": [1e-9, 2e-9],
            "total_variance": [1.0, 2.0],
            "shrinkage": [-0.5, 0.0],
        }
    )
    table = tables.laboratory_table([cell("chain")], "exact", {("chain", "random"): rows})
    assert set(table["stage"]) == {"random"}
    assert values(table, metric="shrinkage") == [0, -0.5]
    assert values(table, metric="total_variance", batch=2) == [1]
    assert (
        table["metric"].tolist()
        == [
            *("total_variance", "relative_bias", "shrinkage", "differences_bias", "gradient_norm", "objective"),
        ]
        * 2
    )


def test_batch_sizes_are_written_as_whole_numbers():
    table = tables.laboratory_table([cell()], "probe", {("cartpole", "late"): probe({4: 8.0, 8: 4.0})})
    summary = tables.summary(table)
    assert summary["batch"].dtype == table["batch"].dtype
    for frame in (table, summary):
        assert set(pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str)["batch"].fillna("")) == {"4", "8", ""}


def test_poses_come_by_stage_as_declared_and_then_by_seed_and_frame():
    def seen(*seeds):
        rows = [(seed, "to_go", frame, 3 * frame, part) for seed in seeds for frame in (0, 1) for part in ("head", "b")]
        return pd.DataFrame(rows, columns=["seed", "variant", "frame", "step", "part"]).assign(time=0.1, x=0.5, z=1.0)

    rows = {("humanoid", "late"): seen(2, 1), ("humanoid", "initial"): seen(1)}
    table = tables.poses_table([cell("humanoid")], rows)
    assert table.columns.tolist() == [
        *("environment", "variant", "stage", "seed", "frame", "step", "time", "part", "x", "z")
    ]
    assert table["stage"].tolist() == ["late"] * 8 + ["initial"] * 4
    assert table["seed"].tolist() == [1] * 4 + [2] * 4 + [1] * 4
    assert table["frame"].tolist() == [0, 0, 1, 1] * 3
    assert table["part"].tolist() == ["head", "b"] * 6
    assert set(table["environment"]) == {"humanoid"}


# Summary --------------------------------------------------------------------------------------------------------------


def test_a_summary_uses_each_metrics_own_statistic():
    seeds = {seed: dict.fromkeys(range(10, 60, 10), float(seed)) for seed in range(8)}
    summary = tables.summary(tables.train_table({cell(threshold=3): run(seeds)}, 50)).set_index("metric")
    assert summary.columns.tolist() == [
        *("environment", "variant", "stage", "statistic", "n", "estimate", "ci_low", "ci_high", "method")
    ]
    mean = statistics.mean(np.arange(8.0))
    area = summary[["estimate", "ci_low", "ci_high"]].to_numpy()[summary.index == "area"]
    assert area.tolist() == [[mean.estimate, mean.low, mean.high]]
    assert summary.loc["solved", "estimate"] == 5 / 8
    assert summary.loc["solved", "method"] == "Clopper-Pearson"
    assert summary.loc["steps_to_threshold", "statistic"] == "restricted_mean"
    assert summary.loc["steps_to_threshold", "estimate"] == 50
    assert set(summary["n"]) == {8}


def test_a_summary_keeps_levels_and_stages_apart_in_order():
    rows = {("cartpole", stage): probe({16: 1.0, 4: 2.0}) for stage in ("late", "initial")}
    summary = tables.summary(tables.laboratory_table([cell()], "probe", rows))
    snr = summary[summary["metric"] == "snr"]
    assert snr[["stage", "batch"]].to_numpy().tolist() == [["late", 4], ["late", 16], ["initial", 4], ["initial", 16]]
    assert snr["estimate"].tolist() == pytest.approx([4.5, 16.5] * 2)


def test_a_share_counts_a_missing_value_as_failure_and_a_mean_is_undefined():
    table = pd.DataFrame({"environment": "e", "variant": "v", "stage": "", "seed": [0, 1, 0, 1]})
    table = table.assign(metric=["collapsed", "collapsed", "area", "area"], value=[0, np.nan, 1, np.nan])
    summary = tables.summary(table).set_index("metric")
    assert summary.loc["collapsed", "estimate"] == 0.5
    assert summary["estimate"].isna().tolist() == [False, True]
    assert summary.loc["area", "method"] == "undefined: 1 of 2 values not finite"
