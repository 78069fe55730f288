"""What is said of the intervals: which hold what they promise, and what stands beside those that do not."""

import numpy as np
import pytest
from pg.statistics import coverage
from pg.statistics import estimates as statistics
from pg.statistics.intervals import Interval

# At n = 20: what falls short; nothing covers more than it should.
SHORT = {
    ("mean", "skewed"),
    ("mean", "heavy-tailed"),
    ("mean", "two-peaked"),
    ("geometric_mean", "two-peaked"),
    ("restricted_mean", "two-peaked"),
    ("paired difference", "skewed"),
    ("paired difference", "heavy-tailed"),
    ("paired difference", "two-peaked"),
    ("ratio of means", "skewed"),
    ("ratio of means", "heavy-tailed"),
}


@pytest.mark.parametrize(
    ("statistic", "covered", "holds"),
    [
        ("mean", 0.95, True),
        ("mean", 0.929, False),
        ("mean", 0.97, True),
        ("mean", 0.971, False),
        ("share", 0.929, False),
        ("share", 1.0, True),
        ("median", 0.98, True),
    ],
)
def test_an_interval_holds_where_it_covers_as_promised(statistic, covered, holds):
    assert coverage.holds(statistic, covered) is holds


def test_every_interval_covers_as_promised_at_20_seeds_but_for_these():
    table = coverage.measured()
    short = table[(table["n"] == 20) & ~table["holds"]]
    assert set(zip(short["statistic"], short["data"], strict=True)) == SHORT


def test_shares_and_medians_hold_everywhere():
    table = coverage.measured()
    assert table.loc[table["statistic"].isin(coverage.AT_LEAST), "holds"].all()


def test_what_falls_short_is_said_with_its_coverage_and_nothing_else_is():
    for row in coverage.measured().to_dict("records"):
        said = coverage.method(row["statistic"], Interval(0, -1, 1, row["n"], row["method"]))
        assert said.startswith(row["method"])
        assert (f"{100 * row['coverage']:.0f} % on {row['data']}" in said) is not row["holds"]
        assert f"at n = {row['n']})" in said or said == row["method"]


@pytest.mark.parametrize(("n", "cited"), [(6, 10), (10, 10), (19, 10), (20, 20), (500, 20)])
def test_the_coverage_said_is_that_of_the_nearest_size_below(n, cited):
    interval = statistics.mean(np.arange(float(n)))
    assert coverage.method("mean", interval).endswith(f" data at n = {cited})")


def test_other_methods_of_a_statistic_stand_alone():
    assert coverage.method("mean", statistics.mean([2.0] * 8)) == "sign test, all values equal"
    assert coverage.method("mean", statistics.mean([])) == "undefined: no values"
