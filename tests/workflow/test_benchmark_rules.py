"""The benchmark and the study share no job."""

from tests.workflow.checkout import Checkout


def test_the_benchmark_and_the_study_share_no_rule(fresh: Checkout) -> None:
    alone = fresh.planned("benchmark")
    assert set(alone) == {"peers", "benchmarks", "benchmark_figure", "benchmark"}
    assert not set(alone) & set(fresh.planned())
