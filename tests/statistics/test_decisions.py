"""Many claims at once, and power: against simulation, its limits, and the table in the manual."""

from pathlib import Path

import numpy as np
import pytest
from pg.statistics import estimates
from pg.statistics.decisions import effect_size, holm, least_unanimous, power, seeds_needed
from scipy import stats

MANUAL = Path(__file__).parents[2] / "results/README.md"


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.01, 0.01, 0.01, 0.9], [0.04, 0.04, 0.04, 0.9]),
        ([], []),
    ],
)
def test_holm_adjusts_p_values_from_the_smallest_up(p, expected):
    assert holm(p) == pytest.approx(expected)


@pytest.mark.parametrize(("effect", "n", "claims"), [(0.5, 20, 1), (1.0, 10, 1), (1.0, 20, 29)])
def test_power_is_the_frequency_of_support_of_a_true_claim(effect, n, claims):
    samples = np.random.default_rng(3).normal(effect, 1, (4000, n))
    t = samples.mean(1) / samples.std(1, ddof=1) * np.sqrt(n)
    supported = int(np.sum(2 * stats.t.sf(t, n - 1) < 0.05 / claims))
    assert stats.binomtest(supported, 4000, power(effect, n, claims)).pvalue > 0.01


@pytest.mark.parametrize("null", [0.1, 0.5, 0.9])
def test_fewer_successes_in_a_row_decide_nothing(null):
    least = least_unanimous(null)
    for n, decides in ((least, True), (least - 1, False)):
        p = stats.binomtest(n, n, null, "greater").pvalue if n else 1.0
        assert (2 * p < 0.05) == decides


def test_power_without_an_effect_is_one_side_of_the_level():
    assert power(0, 20) == pytest.approx(0.025)
    assert power(0, 20, claims=29) == pytest.approx(0.025 / 29)


def test_power_table_of_the_readme_is_that_of_the_function():
    text = MANUAL.read_text(encoding="utf-8")
    table = text[text.index("| d |") :].split("\n\n")[0].splitlines()[2:]
    stated = {float(d): cells for d, *cells in (line.strip("| ").split(" | ") for line in table)}
    assert list(stated) == [0.5, 0.8, 1, 1.5, 2]
    for effect, cells in stated.items():
        found = [power(effect, n, claims) for claims in (1, 29) for n in (10, 20)]
        assert cells == [f"{100 * one:.0f} %" for one in found]


@pytest.mark.parametrize(("effect", "claims", "alpha"), [(0.3, 1, 0.05), (0.8, 12, 0.05), (2.0, 1, 0.1)])
def test_seeds_needed_are_the_least_that_decide_as_wanted(effect, claims, alpha):
    n = seeds_needed(effect, claims, alpha) or 0
    assert power(effect, n, claims, alpha) >= 0.8 > power(effect, n - 1, claims, alpha)
    assert seeds_needed(0.001, claims, alpha) is None


def test_effect_size_follows_from_the_interval():
    sample = np.random.default_rng(4).normal(3, 2, 20)
    interval = estimates.mean(sample)
    assert effect_size(interval.estimate, interval.high, 20) == pytest.approx(sample.mean() / sample.std(ddof=1))
