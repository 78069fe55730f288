"""From rows of the laboratory to tables, on probes worked by hand."""

import io

import numpy as np
import pandas as pd
import pytest
from pg.experiments.exact.record import ExactExperiment
from pg.experiments.gait.record import GaitExperiment
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.summaries import summarise
from pg.experiments.support.record import SupportExperiment
from pg.experiments.tables import further_table, measurement_table
from pg.statistics import estimates as statistics
from tests.experiments.rows import cell, evaluated, long_table, probe, run, values


def test_a_probe_table_goes_by_cell_stage_seed_batch_and_metric():
    cells = [cell(variant="total"), cell(variant="to_go")]
    rows = {("cartpole", "late"): probe({4: 1.0, 16: 0.5}), ("cartpole", "initial"): probe({4: 1.0, 16: 0.5})}
    table = measurement_table(cells, ProbeExperiment, rows)
    assert table.columns.tolist() == [
        "environment",
        "variant",
        "batch",
        "stage",
        "selection",
        "seed",
        "metric",
        "value",
    ]
    order = table[["variant", "stage", "seed"]].drop_duplicates()
    assert order["variant"].tolist() == ["total"] * 4 + ["to_go"] * 4
    assert order["stage"].tolist() == ["late", "late", "initial", "initial"] * 2
    assert order["seed"].tolist() == [0, 1] * 4
    one = table[(table["variant"] == "total") & (table["stage"] == "late") & (table["seed"] == 0)]
    assert one["batch"].fillna(0).tolist() == [4] * 9 + [16] * 9 + [0]
    assert one["metric"].tolist()[-2:] == ["reference_flagged", "log_variance_slope"]
    assert values(one, metric="snr") == [4, 16]


@pytest.mark.parametrize(
    ("variances", "slopes"),
    [
        ({4: 8.0, 8: 4.0, 16: 2.0}, [-1, -1]),
        ({4: 8.0, 8: 0.0}, [np.nan, np.nan]),
        ({4: 8.0, 8: np.nan}, [np.nan, np.nan]),
        ({4: 8.0}, []),
    ],
    ids=["halved", "zero", "NaN", "one size"],
)
def test_the_slope_is_of_log_variance_over_log_batch_size(variances, slopes):
    table = measurement_table([cell()], ProbeExperiment, {("cartpole", "late"): probe(variances)})
    assert values(table, metric="log_variance_slope") == pytest.approx(slopes, nan_ok=True)


def test_the_slope_is_over_all_probabilities_but_0():
    """On a curve, leaving out any of the points changes the slope."""
    left = np.array([0.5, 0.01, 1e-6, 0.0])
    rows = pd.DataFrame({"seed": 0, "variant": "to_go", "batch": 4, "left": left, "relative_bias": 0.0})
    curved = [2.0, 70.0, 5e8, 0.0]
    rows = rows.assign(total_variance=curved, median_error=1.0)
    table = measurement_table([cell("chain")], SupportExperiment, {("chain", "random"): rows})
    slope, _ = np.polyfit(np.log(left[:3]), np.log(curved[:3]), 1)
    assert values(table, metric="log_variance_slope") == [pytest.approx(slope)]


def test_each_level_has_the_rows_of_its_own_variant():
    levels = [{"variant.discount": 0.9}, {"variant.discount": 1.0}]
    cells = [cell(suffix=f"@discount={level['variant.discount']}", levels=level) for level in levels]
    rows = pd.concat([probe({4: 1.0}, ["to_go@discount=0.9"], [0]), probe({4: 3.0}, ["to_go@discount=1.0"], [0])])
    table = measurement_table(cells, ProbeExperiment, {("cartpole", "late"): rows})
    assert values(table, metric="total_variance") == [1, 3]
    assert values(table[table["variant.discount"] == 0.9], metric="total_variance") == [1]


def test_a_variant_named_like_a_number_finds_its_rows():
    rows = probe({4: 1.0}, variants=[10])
    table = measurement_table([cell(variant="10")], ProbeExperiment, {("cartpole", "late"): rows})
    assert values(table, metric="snr") == [4, 5]


def test_an_exact_table_says_at_which_stage_its_policies_are():
    metrics = ["total_variance", "relative_bias", "shrinkage", "differences_bias", "gradient_norm", "objective"]
    rows = pd.DataFrame({"seed": [0, 0], "variant": "to_go", "batch": [2, 1], "batches_enumerated": [9, 3]})
    rows = rows.assign(**dict.fromkeys(reversed(metrics), 0.5)).assign(total_variance=[1.0, 2.0], shrinkage=[-0.5, 0.0])
    table = measurement_table([cell("chain")], ExactExperiment, {("chain", "random"): rows})
    assert set(table["stage"]) == {"random"}
    assert values(table, metric="shrinkage") == [0, -0.5]
    assert values(table, metric="total_variance", batch=2) == [1]
    assert table["metric"].tolist() == metrics * 2


def test_batch_sizes_are_written_as_whole_numbers():
    table = measurement_table([cell()], ProbeExperiment, {("cartpole", "late"): probe({4: 8.0, 8: 4.0})})
    summary = summarise(table)
    assert summary["batch"].dtype == table["batch"].dtype
    for frame in (table, summary):
        assert set(pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str)["batch"].fillna("")) == {"4", "8", ""}


def test_poses_come_by_stage_as_declared_and_then_by_seed_and_frame():
    def seen(*seeds):
        rows = [(seed, "to_go", frame, 3 * frame, part) for seed in seeds for frame in (0, 1) for part in ("head", "b")]
        return pd.DataFrame(rows, columns=["seed", "variant", "frame", "step", "part"]).assign(time=0.1, x=0.5, z=1.0)

    rows = {("humanoid", "late"): seen(2, 1), ("humanoid", "initial"): seen(1)}
    table = further_table([cell("humanoid")], GaitExperiment.more_tables["poses"], rows)
    assert table.columns.tolist() == [
        *("environment", "variant", "stage", "seed", "frame", "step", "time", "part", "x", "z")
    ]
    assert table["stage"].tolist() == ["late"] * 8 + ["initial"] * 4
    assert table["seed"].tolist() == [1] * 4 + [2] * 4 + [1] * 4
    assert table["frame"].tolist() == [0, 0, 1, 1] * 3
    assert table["part"].tolist() == ["head", "b"] * 6
    assert set(table["environment"]) == {"humanoid"}


# Summaries ------------------------------------------------------------------------------------------------------------


def test_a_summary_uses_each_metrics_own_statistic():
    seeds = {seed: dict.fromkeys(range(10, 60, 10), float(seed)) for seed in range(8)}
    one = cell(threshold=3)
    summary = summarise(long_table({one: run(seeds)}, 50, {one: evaluated(seeds)})).set_index("metric")
    assert summary.columns.tolist() == [
        *("environment", "variant", "stage", "statistic", "n", "selections", "estimate", "ci_low", "ci_high", "method")
    ]
    mean = statistics.mean(np.arange(8.0))
    area = summary[["estimate", "ci_low", "ci_high"]].to_numpy()[summary.index == "area"]
    assert area.tolist() == [[mean.estimate, mean.low, mean.high]]
    assert summary.loc["solved", "estimate"] == 5 / 8
    assert summary.loc["solved", "method"] == "Clopper-Pearson"
    assert summary.loc["steps_to_threshold", "statistic"] == "restricted_mean"
    assert summary.loc["steps_to_threshold", "estimate"] == (5 * 10 + 3 * 50) / 8
    assert set(summary["n"]) == {8}


def test_a_summary_keeps_levels_and_stages_apart_in_order():
    rows = {("cartpole", stage): probe({16: 1.0, 4: 2.0}) for stage in ("late", "initial")}
    summary = summarise(measurement_table([cell()], ProbeExperiment, rows))
    snr = summary[summary["metric"] == "snr"]
    assert snr[["stage", "batch"]].to_numpy().tolist() == [["late", 4], ["late", 16], ["initial", 4], ["initial", 16]]
    assert snr["estimate"].tolist() == pytest.approx([4.5, 16.5] * 2)


def test_a_missing_value_fails_in_a_share_and_undefines_a_mean():
    table = pd.DataFrame({"environment": "e", "variant": "v", "stage": "", "seed": [0, 1, 0, 1]})
    metrics = [name for name in ("collapsed", "solved", "area") for _ in range(2)]
    table = pd.concat([table, table.iloc[:2]]).assign(metric=metrics, value=[0, np.nan, 1, np.nan, 1, np.nan])
    summary = summarise(table).set_index("metric")
    assert summary.loc["collapsed", "estimate"] == 0.5, "the missing one has collapsed"
    assert summary.loc["solved", "estimate"] == 0.5, "and has not solved it"
    assert summary["estimate"].isna().tolist() == [False, False, True]
    assert summary.loc["area", "method"] == "undefined: 1 of 2 values not finite"


def test_policies_of_a_tuned_learner_have_the_selection_of_their_seed():
    rows = {("cartpole", stage): probe({4: 1.0, 16: 0.5}, seeds=(3, 4, 5, 6)) for stage in ("initial", "late")}
    table = measurement_table([cell()], ProbeExperiment, rows, {"initial": 1, "late": 2})
    late = table[table["stage"] == "late"]
    assert late["selection"].tolist() == (late["seed"] % 2).tolist()
    assert table.loc[table["stage"] == "initial", "selection"].isna().all()
    summary = summarise(table).query("metric == 'total_variance'")
    assert summary["method"].str.contains("over groups").tolist() == [False, False, True, True]
    assert summary["n"].tolist() == [4] * 4
    assert summary["selections"].tolist() == [0, 0, 2, 2]
