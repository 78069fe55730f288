"""The benchmark stands apart from the study."""

from tests.workflow.checkout import Checkout


def test_the_benchmark_needs_nothing_of_the_study_and_the_study_nothing_of_it(fresh: Checkout) -> None:
    alone = fresh.planned("benchmark")
    assert set(alone) == {"peers", "benchmarks", "benchmark_figure", "benchmark"}
    assert not set(alone) & set(fresh.planned())
