"""The registry of metrics."""

import re
import subprocess
import sys

from pg.experiments import metrics
from pg.experiments.definitions import definitions
from pg.experiments.metrics import METRICS


def test_no_two_metrics_share_a_name():
    assert len(METRICS) == len(metrics._ALL)


def test_every_share_says_what_a_diverged_run_counts_as():
    assert {name for name, metric in METRICS.items() if metric.failure is not None} == {
        name for name, metric in METRICS.items() if metric.statistic == "share"
    }
    assert METRICS["solved"].failure == 0
    assert METRICS["collapsed"].failure == METRICS["censored"].failure == 1


def test_every_metric_is_defined_in_sentences_by_metrics_that_there_are():
    assert list(definitions()) == list(METRICS)
    for name, definition in definitions().items():
        assert definition.endswith("."), name
        others = set(re.findall("`(.*?)`", definition))
        assert others <= METRICS.keys() - {name}, name
    assert "relative_bias_noise" in definitions()["relative_bias"]
    assert "less than half of the largest gain" in definitions()["collapsed"]


def test_only_metrics_on_a_scale_of_differences_need_to_say_that_they_are_never_negative():
    never = {metric for metric in METRICS.values() if metric.never_negative}
    assert METRICS["steps_to_threshold"] in never
    assert METRICS["area"] not in never
    assert all(metric.scale == "difference" and metric.statistic != "share" for metric in never)


def test_the_registry_imports_nothing_heavy():
    script = "import sys, pg.experiments.metrics; print({'numpy', 'scipy', 'pandas', 'torch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
