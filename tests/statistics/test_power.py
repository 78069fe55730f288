"""Power: against simulation, its limits, and the table that states it."""

from pathlib import Path

import numpy as np
import pytest
from pg.statistics import estimates as statistics
from pg.statistics import power
from scipy import stats


@pytest.mark.parametrize(("effect", "n", "claims"), [(0.5, 20, 1), (1.0, 10, 1), (1.0, 20, 29)])
def test_power_is_how_often_a_true_claim_is_supported(effect, n, claims):
    samples = np.random.default_rng(3).normal(effect, 1, (4000, n))
    t = samples.mean(1) / samples.std(1, ddof=1) * np.sqrt(n)
    supported = int(np.sum(2 * stats.t.sf(t, n - 1) < 0.05 / claims))
    assert stats.binomtest(supported, 4000, power.power(effect, n, claims)).pvalue > 0.01


def test_without_an_effect_one_side_of_the_level_is_left():
    assert power.power(0, 20) == pytest.approx(0.025)
    assert power.power(0, 20, claims=29) == pytest.approx(0.025 / 29)


@pytest.mark.parametrize("where", ["the module", "results/README.md"])
def test_the_stated_table_is_that_of_the_function(where):
    page = Path(__file__).parents[2] / "results/README.md"
    text = power.__doc__ or "" if where == "the module" else page.read_text(encoding="utf-8")
    table = text[text.index("| d |") :].split("\n\n")[0].splitlines()[2:]
    stated = {float(d): cells for d, *cells in (line.strip("| ").split(" | ") for line in table)}
    assert list(stated) == [0.5, 0.8, 1, 1.5, 2]
    for effect, cells in stated.items():
        found = [power.power(effect, n, claims) for claims in (1, 29) for n in (10, 20)]
        assert cells == [f"{100 * one:.0f} %" for one in found]


@pytest.mark.parametrize(("effect", "claims", "alpha"), [(0.3, 1, 0.05), (0.8, 12, 0.05), (2.0, 1, 0.1)])
def test_the_seeds_needed_are_the_least_that_decide_as_often_as_wanted(effect, claims, alpha):
    n = power.seeds_needed(effect, claims, alpha) or 0
    assert power.power(effect, n, claims, alpha) >= 0.8 > power.power(effect, n - 1, claims, alpha)


def test_an_effect_that_no_number_of_seeds_shows_needs_none_that_can_be_told():
    assert power.seeds_needed(0.001) is None


def test_an_interval_tells_the_effect_behind_it():
    sample = np.random.default_rng(4).normal(3, 2, 20)
    interval = statistics.mean(sample)
    assert power.effect_size(interval.estimate, interval.high, 20) == pytest.approx(sample.mean() / sample.std(ddof=1))
