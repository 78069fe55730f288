"""Measured coverage: what is printed next to an interval, and the simulation that measured it."""

import math

import numpy as np
import pytest
from pg.core import randomness
from pg.statistics import coverage, estimates
from pg.statistics.coverage import Measured
from pg.statistics.intervals import Interval
from scipy import stats
from workflow.coverage import simulate

TABLE = coverage.measured()
SETTINGS = list(dict.fromkeys((row.statistic, row.data) for row in TABLE))

# At n = 20 without groups; no interval covers more than it should.
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

# In addition, by the number of groups. Those across environments cover more than 97 %.
SHORT_IN_GROUPS = {("paired ratio", "two-peaked"), ("ratio of means", "two-peaked")}
ALSO = {
    0: set(),
    5: SHORT_IN_GROUPS
    | {("restricted_mean", "normal"), ("restricted_mean", "heavy-tailed")}
    | {("improvement", "normal"), ("improvement", "heavy-tailed"), ("improvement", "two-peaked")},
    10: SHORT_IN_GROUPS
    | {("interquartile mean", "normal"), ("improvement", "heavy-tailed"), ("improvement", "two-peaked")},
}

# What is printed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statistic", "covered", "holds"),
    [
        ("mean", 0.95, True),
        ("mean", 0.929, False),
        ("mean", 0.97, True),
        ("mean", 0.971, False),
        ("share", 0.929, False),
        ("share", 1.0, True),
        ("profile", 0.98, True),
    ],
)
def test_interval_holds_if_it_covers_as_promised(statistic, covered, holds):
    assert Measured(statistic, "", "", 20, 0, 1000, 0, covered).holds is holds


@pytest.mark.parametrize("groups", ALSO)
def test_intervals_that_fall_short_at_20_seeds_are_known(groups):
    short = {(row.statistic, row.data) for row in TABLE if (row.n, row.groups) == (20, groups) and not row.holds}
    assert short == SHORT | ALSO[groups]
    assert all(row.holds for row in TABLE if row.statistic in coverage.MAY_COVER_MORE)


def test_method_names_exactly_the_coverage_that_falls_short():
    for row in TABLE:
        interval = Interval(0, -1, 1, row.n, row.method, groups=row.groups)
        method = coverage.columns_of(row.statistic, interval)["method"]
        assert method.startswith(row.method)
        assert (f"{100 * row.coverage:.0f} % on {row.data}" in method) is not row.holds
        size = f"in {row.groups} groups" if row.groups else f"at n = {row.n}"
        assert f"{size})" in method or method == row.method


@pytest.mark.parametrize(("n", "cited"), [(6, 10), (10, 10), (19, 10), (20, 20), (500, 20)])
def test_printed_coverage_is_that_of_the_largest_size_up_to_n(n, cited):
    assert coverage.shortfall("mean", estimates.mean(np.arange(float(n)))).endswith(f" data at n = {cited}")


@pytest.mark.parametrize("values", [[2.0] * 8, []])
def test_unusual_method_of_a_statistic_has_no_coverage(values):
    assert coverage.shortfall("mean", estimates.mean(values)) == ""


@pytest.mark.parametrize(("groups", "cited"), [(4, 5), (5, 5), (9, 5), (10, 10), (20, 10)])
def test_printed_coverage_of_groups_is_that_of_the_largest_number_of_groups(groups, cited):
    test = estimates.mean(np.arange(40.0), groups=np.arange(40) % groups)
    assert coverage.shortfall("mean", test).endswith(f" data in {cited} groups")


# The simulation ------------------------------------------------------------------------------------------------------


QUICK = [("mean", "two-peaked"), ("geometric_mean", "skewed"), ("share", "5%"), ("paired share", "30% and 10%")]

TRUTHS = {
    ("mean", "normal"): 10,
    ("mean", "skewed"): 1,
    ("mean", "heavy-tailed"): math.exp(0.5),
    ("mean", "two-peaked"): 0.75 * 475 + 0.25 * 10,
    ("geometric_mean", "skewed"): math.exp(-0.5772156649),
    ("geometric_mean", "heavy-tailed"): 1,
    # The integral of the survival function e^-x up to the budget log 4.
    ("restricted_mean", "skewed"): 0.75,
    ("paired difference", "skewed"): 1 - math.log(2),
    ("paired difference", "normal"): 0,
    ("ratio of means", "heavy-tailed"): math.exp(0.5),
    # A pool of two normal distributions is symmetric about its middle.
    ("interquartile mean", "normal"): 1.25,
    ("profile", "skewed"): (math.exp(-1.2 * math.log(2)) + math.exp(-0.7 * math.log(2))) / 2,
    ("improvement", "normal"): 0.5,
    ("share", "5%"): 0.05,
    ("paired share", "30% and 10%"): 0.2,
}


def test_table_holds_every_setting_at_its_sizes():
    assert set(SETTINGS) == set(simulate.settings())
    assert [row[0:1] + row[2:6] for row in TABLE] == [
        (*setting, *size, 2000) for setting in SETTINGS for size in simulate.sizes(setting[0])
    ]


@pytest.mark.parametrize("setting", TRUTHS)
def test_truth_of_a_population_is_that_of_its_distribution(setting):
    assert simulate.settings()[setting].truth == pytest.approx(TRUTHS[setting], rel=1e-3, abs=1e-6)


def test_values_of_a_group_depend_on_each_other_and_have_the_distribution_of_the_population():
    sampler = simulate.Sampler(randomness.generator(0, "grouped"), 40_000, 20_000)
    ranks = sampler.ranks()
    assert stats.kstest(ranks / simulate.POINTS, "uniform").pvalue > 0.001
    # Spearman's correlation of normal values with correlation 1/2 is 6 / pi arcsin(1 / 4).
    of_pairs = stats.spearmanr(ranks[::2], ranks[1::2]).statistic
    assert of_pairs == pytest.approx(6 / math.pi * math.asin(1 / 4), abs=0.02)
    assert abs(stats.spearmanr(ranks[1:-1:2], ranks[2::2]).statistic) < 0.02


@pytest.mark.long
@pytest.mark.parametrize("setting", [("improvement", "normal"), ("interquartile mean", "skewed")])
def test_statistics_across_environments_are_centred_on_the_truth(setting):
    made = simulate.settings()[setting]
    assert made.interval(simulate.Sampler(randomness.generator(0, "large"), 400)).estimate == pytest.approx(
        made.truth, rel=0.1
    )


@pytest.mark.parametrize(
    "setting",
    [pytest.param(one, marks=pytest.mark.long if one in QUICK else pytest.mark.slow) for one in SETTINGS],
    ids="-".join,
)
def test_committed_coverage_is_measured_again(setting):
    for row in TABLE:
        if (row.statistic, row.data) == setting:
            assert simulate.measure(row.statistic, row.data, row.n, row.groups) == row
