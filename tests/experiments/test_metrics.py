"""Declarations of metrics."""

import re
import subprocess
import sys

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.kind import Measurement
from pg.experiments.metrics import METRICS
from pg.experiments.registry import KINDS


def test_one_name_is_one_metric():
    declared = {metric for kind in KINDS.values() for metric in kind.metrics}
    assert len(declared) == len(METRICS)


def test_every_share_declares_what_a_failed_run_counts_as():
    with_failure = {name for name, metric in METRICS.items() if metric.failure is not None}
    assert with_failure == {name for name, metric in METRICS.items() if metric.statistic == "share"}
    assert METRICS["solved"].failure == 0
    assert METRICS["collapsed"].failure == METRICS["censored"].failure == METRICS["failed"].failure == 1


def test_definitions_are_sentences_that_name_existing_metrics():
    for name, metric in METRICS.items():
        assert metric.definition.endswith("."), name
        assert set(re.findall("`(.*?)`", metric.definition)) <= METRICS.keys() - {name}, name


def test_metrics_that_are_never_negative_are_compared_by_differences():
    never = {metric for metric in METRICS.values() if metric.never_negative}
    assert METRICS["steps_to_threshold"] in never
    assert METRICS["area"] not in never
    assert all(metric.scale == "difference" and metric.statistic != "share" for metric in never)


def test_columns_of_rows_follow_from_the_metrics():
    for kind in KINDS.values():
        if issubclass(kind, Measurement):
            assert len(kind.columns()) == len(set(kind.columns()))
    assert KINDS["support"].keys() == ("batch", "left")
    assert "sampled_variance" not in ExactExperiment.columns()  # only if batches are sampled


def test_declarations_import_nothing_heavy():
    script = "import sys, pg.experiments.metrics; print({'scipy', 'pandas', 'torch', 'gymnasium'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
