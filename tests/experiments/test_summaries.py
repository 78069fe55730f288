"""A summary puts each metric's own statistic over seeds."""

import numpy as np
import pandas as pd
import pytest
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.summaries import summarise
from pg.experiments.tables import measurement_table
from pg.experiments.train import tables as train_tables
from pg.statistics import estimates as statistics
from tests.experiments.rows import cell, probe, run


def test_a_summary_uses_each_metrics_own_statistic():
    seeds = {seed: dict.fromkeys(range(10, 60, 10), float(seed)) for seed in range(8)}
    summary = summarise(train_tables.train_table({cell(threshold=3): run(seeds)}, 50)).set_index("metric")
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
    summary = summarise(measurement_table([cell()], ProbeExperiment, rows))
    snr = summary[summary["metric"] == "snr"]
    assert snr[["stage", "batch"]].to_numpy().tolist() == [["late", 4], ["late", 16], ["initial", 4], ["initial", 16]]
    assert snr["estimate"].tolist() == pytest.approx([4.5, 16.5] * 2)


def test_a_share_counts_a_missing_value_as_failure_and_a_mean_is_undefined():
    table = pd.DataFrame({"environment": "e", "variant": "v", "stage": "", "seed": [0, 1, 0, 1]})
    table = table.assign(metric=["collapsed", "collapsed", "area", "area"], value=[0, np.nan, 1, np.nan])
    summary = summarise(table).set_index("metric")
    assert summary.loc["collapsed", "estimate"] == 0.5
    assert summary["estimate"].isna().tolist() == [False, True]
    assert summary.loc["area", "method"] == "undefined: 1 of 2 values not finite"
