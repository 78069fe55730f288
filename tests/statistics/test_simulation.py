"""The simulation of coverage: its truths in closed form, and the committed table measured again."""

import functools
import math

import pytest
from pg.core import randomness
from pg.statistics import coverage, simulation
from scipy import stats

QUICK = [("mean", "two-peaked"), ("geometric_mean", "skewed"), ("share", "5%"), ("paired share", "30% and 10%")]
ALL = list(dict.fromkeys(coverage.measured()[["statistic", "data"]].itertuples(index=False, name=None)))

TRUTHS = {
    ("mean", "normal"): 10,
    ("mean", "skewed"): 1,
    ("mean", "heavy-tailed"): math.exp(0.5),
    ("mean", "two-peaked"): 0.75 * 475 + 0.25 * 10,
    ("geometric_mean", "skewed"): math.exp(-0.5772156649),
    ("geometric_mean", "heavy-tailed"): 1,
    # The integral of the survival function e^-x up to the budget log 4.
    ("restricted_mean", "skewed"): 0.75,
    ("median", "skewed"): math.log(2),
    # Of the three quarters near 475, a third lies below.
    ("median", "two-peaked"): stats.norm(475, 20).ppf(1 / 3),
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


def test_the_committed_table_has_every_setting():
    assert set(ALL) == set(simulation.settings())


@pytest.mark.parametrize("setting", TRUTHS)
def test_the_truth_of_a_population_is_that_of_its_distribution(setting):
    assert simulation.settings()[setting].truth == pytest.approx(TRUTHS[setting], rel=1e-3, abs=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("setting", [("improvement", "normal"), ("interquartile mean", "skewed")])
def test_statistics_across_environments_are_simulated_about_their_truth(setting):
    made = simulation.settings()[setting]
    assert made.interval(randomness.generator(0, "large"), 400).estimate == pytest.approx(made.truth, rel=0.1)


def measured_again(setting, n):
    statistic, data = setting
    generator = functools.partial(randomness.generator, 0, "coverage")
    return simulation.coverage(statistic, data, n, generator(statistic, data, str(n)))


def committed(setting, n):
    statistic, data = setting
    table = coverage.measured()
    (row,) = table[(table["statistic"] == statistic) & (table["data"] == data) & (table["n"] == n)].to_dict("records")
    return {name: row[name] for name in simulation.COLUMNS}


@pytest.mark.long
@pytest.mark.parametrize("setting", QUICK)
def test_the_committed_coverage_is_measured_again(setting):
    assert measured_again(setting, 20) == committed(setting, 20)


@pytest.mark.slow
@pytest.mark.parametrize("setting", [setting for setting in ALL if setting not in QUICK])
def test_the_whole_committed_table_is_measured_again(setting):
    for n in simulation.sizes(setting[0]):
        assert measured_again(setting, n) == committed(setting, n)


def test_the_table_holds_every_setting_at_its_sizes():
    table = coverage.measured()
    rows = list(zip(table["statistic"], table["data"], table["n"], strict=True))
    assert rows == [(*setting, n) for setting in ALL for n in simulation.sizes(setting[0])]
    assert set(table["replications"]) == {simulation.REPLICATIONS} == {2000}
