"""The best of a family, chosen by scores of tuning that are written down by hand."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from pg.claims import judge as claims
from pg.claims import selection
from pg.claims.record import Claim
from pg.experiments.train import tuning

SEEDS = 12
PACES = {("naive", 1): 900.0, ("naive", 4): 800.0, ("clipped", 1): 700.0, ("clipped", 4): 300.0}


def choice(*scores, rate=0.1):
    """Record of a cell that chose a rate with these scores; the other rate scored far better and was not chosen."""
    chosen = [{"learning_rate": rate, "seed": seed, "score": score} for seed, score in enumerate(scores)]
    return {"learning_rate": rate, "scores": [*chosen, {"learning_rate": 0.7, "seed": 0, "score": 1e6}]}


def names(variant, steps, environment="cart"):
    return {"environment": environment, "variant": variant, "variant.gradient_steps": steps}


def table(*environments, seeds=SEEDS):
    generator = np.random.default_rng(3)
    rows = [
        {**names(*cell, environment), "stage": "", "seed": seed, "metric": "steps_to_threshold"}
        | {"value": min(1000.0, pace * generator.uniform(0.9, 1.1))}
        for environment in environments or ("cart",)
        for cell, pace in PACES.items()
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def best_of(*cells):
    return {"best_of": [{"variant": variant, "variant.gradient_steps": steps} for variant, steps in cells]}


MANY, ONE = best_of(("naive", 4), ("clipped", 4)), best_of(("naive", 1), ("clipped", 1))


def judged(standings, rows=None, **options):
    part = {"experiment": "e", "metric": "steps_to_threshold", "relation": "less", "a": MANY, "b": ONE} | options
    claim = Claim.model_validate(
        {"statement": "s", "section": "s", "parts": {"p": part}, "primary": "p", "figure": "f"}
    )
    rows = table() if rows is None else rows
    return claims.evaluate("key", claim, {"e": rows}, {"e": selection.standings(standings)}).iloc[0]


def standing(naive_4, clipped_4, naive_1=1.0, clipped_1=0.0, environment="cart"):
    scores = {("naive", 4): naive_4, ("clipped", 4): clipped_4, ("naive", 1): naive_1, ("clipped", 1): clipped_1}
    return [(names(*cell, environment), choice(score - 1, score + 1)) for cell, score in scores.items()]


def mean_of(rows, variant, steps):
    of_cell = rows[(rows["variant"] == variant) & (rows["variant.gradient_steps"] == steps)]
    return of_cell["value"].mean()


def test_the_candidate_with_the_best_mean_score_at_its_chosen_rate_is_judged():
    rows = table()
    row = judged(standing(naive_4=10, clipped_4=20), rows)
    assert row["effect"] == pytest.approx(mean_of(rows, "clipped", 4) - mean_of(rows, "naive", 1))
    assert row["n"] == SEEDS
    assert row["comparison"] == (
        "[best of 4 candidates: clipped (gradient_steps 4)] − [best of 4 candidates: naive (gradient_steps 1)] "
        "< 0 in cart; Student's t"
    )


def test_what_is_best_on_the_seeds_that_are_judged_does_not_decide():
    rows = table()
    row = judged(standing(naive_4=20, clipped_4=10), rows)
    assert row["effect"] == pytest.approx(mean_of(rows, "naive", 4) - mean_of(rows, "naive", 1))


def test_of_equals_the_first_declared_wins():
    assert "naive (gradient_steps 4)" in judged(standing(naive_4=5, clipped_4=5))["comparison"]


def test_a_candidate_that_diverged_while_it_was_tuned_ranks_below_every_other():
    lost = [(named, choice(1e3, None) if named["variant"] == "naive" else record) for named, record in standing(0, -50)]
    comparison = judged(lost)["comparison"]
    assert "clipped (gradient_steps 4)" in comparison
    assert "clipped (gradient_steps 1)" in comparison


def test_the_winner_is_found_in_every_environment_apart():
    rows = table("cart", "pole")
    standings = standing(20, 10) + standing(10, 20, environment="pole")
    row = judged(standings, rows)
    # In cart naive wins, whose gain is smaller: it is the least favourable case, and named.
    assert "naive (gradient_steps 4)] − " in row["comparison"]
    assert "in cart, the least favourable of 2" in row["comparison"]
    alone = judged(standings, rows, environments=["pole"])
    pole = rows[rows["environment"] == "pole"]
    assert alone["effect"] == pytest.approx(mean_of(pole, "clipped", 4) - mean_of(pole, "naive", 1))
    assert "clipped (gradient_steps 4)] − " in alone["comparison"]


def test_a_family_may_be_held_against_a_number_and_an_exact_tolerance():
    assert judged(standing(10, 20), b=None, reference=500.0)["verdict"] == "supported"
    exact = judged(standing(10, 20), b=None, reference=300.0, relation="exact", margin=40.0)
    assert (exact["verdict"], exact["n"]) == ("supported", SEEDS)
    assert exact["comparison"].startswith("|[best of 4 candidates: clipped (gradient_steps 4)] − 300| ≤ 40")


def test_levels_that_are_lists_are_found():
    rows = pd.concat([table().assign(**{"variant.policy.hidden": level}) for level in ("[8]", "[]")])
    standings = [
        ({**one, "variant.policy.hidden": hidden}, record) for one, record in standing(1, 2) for hidden in ([8], [])
    ]
    sides = {
        side: {"best_of": [{**one, "variant.policy.hidden": [8]} for one in family["best_of"]]}
        for side, family in (("a", MANY), ("b", ONE))
    }
    assert "clipped (gradient_steps 4, hidden [8])" in judged(standings, rows, **sides)["comparison"]
    with pytest.raises(ValueError, match=r"p: a\.best_of\.0: leaves open variant\.policy\.hidden \(\[8\], \[\]\)"):
        judged(standings, rows)


def test_candidates_without_a_score_are_named():
    with pytest.raises(ValueError, match=r"key\.parts\.p: a\.best_of\.0: no rows with variant\.gradient_steps 4"):
        judged([one for one in standing(1, 2) if one[0] != names("naive", 4)])
    claim = {"experiment": "e", "metric": "area", "relation": "less", "a": MANY, "reference": 0.0}
    with pytest.raises(ValueError, match="a: the scores of its candidates on tuning seeds are missing"):
        claims.evaluate(
            "key",
            Claim.model_validate(
                {"statement": "", "section": "", "parts": {"p": claim}, "primary": "p", "figure": "f"}
            ),
            {"e": table().assign(metric="area")},
        )


def test_standings_agree_with_what_tuning_chose():
    """The score that ranks a candidate is the one by which its rate was chosen."""
    scores = pd.DataFrame({"learning_rate": [0.1, 0.1, 0.2, 0.2], "seed": [0, 1, 0, 1], "score": [1.0, 2.0, 5.0, 6.0]})
    chosen = tuning.choose(scores)
    row = selection.standings([(names("naive", 1), asdict(chosen))]).iloc[0]
    assert (row["score"], row["rates"]) == (5.5, 2)


def test_the_other_side_may_come_from_another_experiment():
    ours, theirs = table(), table()
    theirs["value"] += 1000.0
    side = {"variant": "clipped", "variant.gradient_steps": 4}
    part = {"experiment": "e", "against": "f", "metric": "steps_to_threshold", "relation": "less", "a": side, "b": side}
    claim = Claim.model_validate(
        {"statement": "s", "section": "s", "parts": {"p": part}, "primary": "p", "figure": "f"}
    )

    row = claims.evaluate("key", claim, {"e": ours, "f": theirs}).iloc[0]

    assert row["effect"] == pytest.approx(-1000)
    assert row["comparison"].startswith("clipped (gradient_steps 4) − clipped (gradient_steps 4) < 0")


def test_the_winner_of_another_experiment_is_chosen_by_its_own_scores():
    rows = table()
    part = {"experiment": "e", "against": "f", "metric": "steps_to_threshold", "relation": "less", "a": MANY, "b": ONE}
    claim = Claim.model_validate(
        {"statement": "s", "section": "s", "parts": {"p": part}, "primary": "p", "figure": "f"}
    )
    # Each experiment's scores speak for other winners than the other's.
    tuned = {
        "e": selection.standings(standing(1, 9, naive_1=9.0, clipped_1=1.0)),
        "f": selection.standings(standing(9, 1, naive_1=1.0, clipped_1=9.0)),
    }

    row = claims.evaluate("key", claim, {"e": rows, "f": rows}, tuned).iloc[0]

    assert row["effect"] == pytest.approx(mean_of(rows, "clipped", 4) - mean_of(rows, "clipped", 1))
