"""The rules of verdicts as a whole, on studies of 29 claims of which none is true: how often one is decided."""

import numpy as np
import pandas as pd
import pytest
from pg.claims import judge as claims
from pg.claims.record import Claim
from scipy import stats
from workflow.coverage import simulate

CLAIMS = 29
SEEDS = 20
POPULATIONS = simulate.populations()


def alike(data):
    """Two variants with the same kind of data: no difference, no ratio but 1."""

    def draw(generator):
        return generator.choice(POPULATIONS[data], SEEDS), generator.choice(POPULATIONS[data], SEEDS)

    return draw


def shares(generator):
    return generator.random(SEEDS) < 0.3, generator.random(SEEDS) < 0.3


def at_the_margin(generator):
    """A difference of 1, which a claim of equality within less than 1 must not hold."""
    shared = generator.normal(0, 5, SEEDS)
    return shared + generator.normal(1, 0.7, SEEDS), shared


def collapses_that_cost_what_is_gained(generator):
    """Equal means, but one of the variants owes its own to a quarter of collapsed seeds and a better rest."""
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
    """Evaluate and adjust a study of claims, each on data of its own in which nothing is to be found."""
    return claims.adjust([_evaluated(f"claim{i}", nulls[kind], generator) for i, kind in enumerate(kinds)])


def _evaluated(key, null, generator):
    metric, relation, draw = null
    part = {"experiment": "e", "metric": metric, "relation": relation, "a": {"variant": "a"}, "b": {"variant": "b"}}
    part |= {"margin": 1.0} if relation == "equal" else {}
    claim = Claim.model_validate(
        {"statement": "It helps.", "section": "Any", "parts": {"only": part}, "primary": "only", "figure": "any"}
    )
    a, b = draw(generator)
    rows = {"variant": np.repeat(["a", "b"], SEEDS), "seed": np.tile(range(SEEDS), 2), "value": np.append(a, b)}
    rows |= {"environment": "cart", "stage": "", "metric": metric}
    return claims.evaluate(key, claim, {"e": pd.DataFrame(rows)})


def decided(kinds, replications, generator, nulls=NULLS):
    """Count the studies in which at least one claim is supported or refuted."""
    return sum(bool((family(kinds, generator, nulls)["verdict"] != "inconclusive").any()) for _ in range(replications))


def no_more_than_5_percent(decided, of):
    return stats.binomtest(decided, of, claims.ALPHA, "greater").pvalue > 0.01


# False positives -----------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("kind", NULLS)
def test_a_single_claim_without_truth_is_decided_in_no_more_than_5_percent(kind):
    generator = np.random.default_rng(1)
    assert no_more_than_5_percent(decided([kind], 100, generator), 100)


def uniform_claims(generator):
    """Evaluated claims with uniform p-values: what `evaluate` makes where nothing is to be found."""
    p = generator.random(CLAIMS)
    frame = pd.DataFrame({"claim": [f"claim{i}" for i in range(CLAIMS)], "primary": True, "p_value": p})
    return frame.assign(verdict=np.where(p < claims.ALPHA, "supported", "inconclusive"))


@pytest.mark.long
def test_holm_decides_one_of_29_false_claims_in_5_percent_of_studies_and_without_it_three_in_four_would():
    generator, studies = np.random.default_rng(2), 1000
    families = [uniform_claims(generator) for _ in range(studies)]
    after = sum(bool((claims.adjust([one])["verdict"] == "supported").any()) for one in families)
    before = sum(bool((one["verdict"] == "supported").any()) for one in families)
    # Independent p-values use up Holm's level nearly: 1 - (1 - 0.05 / 29)^29 = 4.9 %.
    assert stats.binomtest(after, studies, 1 - (1 - claims.ALPHA / CLAIMS) ** CLAIMS).pvalue > 0.01
    assert stats.binomtest(before, studies, 1 - (1 - claims.ALPHA) ** CLAIMS).pvalue > 0.01


@pytest.mark.slow
def test_a_study_of_29_claims_without_truth_decides_one_in_no_more_than_5_percent():
    assert no_more_than_5_percent(decided(MIXED, 300, np.random.default_rng(29)), 300)


@pytest.mark.slow
def test_collapses_in_one_variant_alone_are_the_known_exception():
    """Where a sample happens to hold no collapse, nothing in it hints at what its mean leaves out."""
    nulls = {"collapses": ("final_return", "greater", collapses_that_cost_what_is_gained)}
    assert not no_more_than_5_percent(decided(["collapses"] * CLAIMS, 60, np.random.default_rng(29), nulls), 60)
