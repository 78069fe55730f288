"""The rate at which a study of 29 claims decides one although none is true."""

import numpy as np
import pandas as pd
import pytest
from pg.claims import judge
from pg.statistics.decisions import holm
from scipy import stats
from tests.claims.declared import claim, part, two_sides
from workflow.coverage import simulate

CLAIMS = 29
SEEDS = 20
POPULATIONS = simulate.populations()


def alike(data):
    """Draw two variants from the same population."""

    def draw(generator):
        return generator.choice(POPULATIONS[data], SEEDS), generator.choice(POPULATIONS[data], SEEDS)

    return draw


def shares(generator):
    return generator.random(SEEDS) < 0.3, generator.random(SEEDS) < 0.3


def at_the_margin(generator):
    """Draw a difference of 1, the end of the margin."""
    shared = generator.normal(0, 5, SEEDS)
    return shared + generator.normal(1, 0.7, SEEDS), shared


def collapses_that_cost_what_is_gained(generator):
    """Draw equal means: in one variant a quarter of the seeds collapses and the rest is better."""
    population = POPULATIONS["two-peaked"]
    return generator.choice(population, SEEDS), generator.normal(population.mean(), 20, SEEDS)


NULLS = {
    "normal": ("area", "greater", alike("normal")),
    "skewed": ("area", "less", alike("skewed")),
    "heavy-tailed": ("final_return", "greater", alike("heavy-tailed")),
    "two-peaked": ("final_return", "greater", alike("two-peaked")),
    "ratio": ("total_variance", "less", alike("heavy-tailed")),
    "share": ("collapsed", "less", shares),
    "margin": ("area", "equal", at_the_margin),
}
MIXED = [list(NULLS)[place % len(NULLS)] for place in range(CLAIMS)]


def family(kinds, generator, nulls=NULLS):
    """Evaluate and adjust a study of claims, each on independent data without an effect."""
    return judge.adjust([_evaluated(f"claim{i}", nulls[kind], generator) for i, kind in enumerate(kinds)])


def _evaluated(key, null, generator):
    metric, relation, draw = null
    one = part(metric, relation, **({"margin": 1.0} if relation == "equal" else {}))
    return judge.evaluate(key, claim(one), {"e": two_sides(metric, *draw(generator))})


def decided(kinds, replications, generator, nulls=NULLS):
    """Count the studies in which at least one claim is supported or refuted."""
    return sum(bool((family(kinds, generator, nulls)["verdict"] != "undecided").any()) for _ in range(replications))


def no_more_than_5_percent(decided, of):
    return stats.binomtest(decided, of, judge.ALPHA, "greater").pvalue > 0.01


# False positives -----------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("kind", NULLS)
def test_false_claim_is_decided_at_most_5_percent_of_the_time(kind):
    generator = np.random.default_rng(1)
    assert no_more_than_5_percent(decided([kind], 100, generator), 100)


def uniform_claims(generator):
    """Evaluated claims with uniform p-values: as from `evaluate` if nothing is true."""
    p = generator.random(CLAIMS)
    frame = pd.DataFrame({"claim": [f"claim{i}" for i in range(CLAIMS)], "primary": True, "p_value": p})
    return frame.assign(verdict=np.where(p < judge.ALPHA, "supported", "undecided"))


@pytest.mark.long
def test_holm_decides_a_false_claim_in_5_percent_of_studies():
    generator, studies = np.random.default_rng(2), 1000
    families = [uniform_claims(generator) for _ in range(studies)]
    decides = [bool((holm(one["p_value"]) < judge.ALPHA).any()) for one in families]
    after = sum(decides)
    some = [families[decides.index(True)], *families[:20]]
    found = [bool((judge.adjust([one])["verdict"] == "supported").any()) for one in some]
    assert found == [True, *decides[:20]], "a study is decided by Holm's method"
    before = sum(bool((one["verdict"] == "supported").any()) for one in families)
    # Independent p-values nearly reach Holm's level: 1 - (1 - 0.05 / 29)^29 = 4.9 %.
    assert stats.binomtest(after, studies, 1 - (1 - judge.ALPHA / CLAIMS) ** CLAIMS).pvalue > 0.01
    assert stats.binomtest(before, studies, 1 - (1 - judge.ALPHA) ** CLAIMS).pvalue > 0.01


@pytest.mark.slow
def test_study_of_29_false_claims_decides_one_in_5_percent():
    assert no_more_than_5_percent(decided(MIXED, 300, np.random.default_rng(29)), 300)


@pytest.mark.slow
def test_collapses_in_one_variant_exceed_the_level():
    """A sample without a collapse does not show that its mean is too high."""
    nulls = {"collapses": ("final_return", "greater", collapses_that_cost_what_is_gained)}
    assert not no_more_than_5_percent(decided(["collapses"] * CLAIMS, 60, np.random.default_rng(29), nulls), 60)
