"""The best candidate of a family, chosen by given tuning scores."""

import numpy as np
import pandas as pd
import pytest
from pg.claims import judge, selection
from tests.claims import declared
from tests.claims.declared import claim

SEEDS = 12
PACES = {("naive", 1): 900.0, ("naive", 4): 800.0, ("clipped", 1): 700.0, ("clipped", 4): 300.0}


def choice(*scores):
    """Return a chosen rate with these scores; the other rate scored far better and was not chosen."""
    chosen = [{"learning_rate": 0.1, "seed": seed, "share": 1.0, "score": score} for seed, score in enumerate(scores)]
    return {"learning_rate": 0.1, "scores": [*chosen, {"learning_rate": 0.7, "seed": 0, "share": 1.0, "score": 1e6}]}


def names(variant, steps, environment="cart"):
    return {"environment": environment, "variant": variant, "variant.gradient_steps": steps}


def table(*environments):
    generator = np.random.default_rng(3)
    rows = [
        {**names(*cell, environment), "stage": "", "seed": seed, "metric": "steps_to_threshold"}
        | {"value": min(1000.0, pace * generator.uniform(0.9, 1.1))}
        for environment in environments or ("cart",)
        for cell, pace in PACES.items()
        for seed in range(SEEDS)
    ]
    return pd.DataFrame(rows)


def best_of(*cells):
    return {"best_of": [{"variant": variant, "variant.gradient_steps": steps} for variant, steps in cells]}


MANY, ONE = best_of(("naive", 4), ("clipped", 4)), best_of(("naive", 1), ("clipped", 1))


def part(**options):
    sides = {"metric": "steps_to_threshold", "relation": "less", "a": MANY, "b": ONE}
    return declared.part(**sides | options)


def judged(standings, rows=None, **options):
    return declared.judged(part(**options), table() if rows is None else rows, selection.standings(standings))


def standing(naive_4, clipped_4, naive_1=1.0, clipped_1=0.0, environment="cart"):
    scores = {("naive", 4): naive_4, ("clipped", 4): clipped_4, ("naive", 1): naive_1, ("clipped", 1): clipped_1}
    return [(names(*cell, environment), [choice(score - 1, score + 1)]) for cell, score in scores.items()]


def mean_of(rows, variant, steps):
    of_cell = rows[(rows["variant"] == variant) & (rows["variant.gradient_steps"] == steps)]
    return of_cell["value"].mean()


@pytest.mark.parametrize(("naive_4", "clipped_4", "winner"), [(10, 20, "clipped"), (20, 10, "naive")])
def test_candidate_with_the_best_tuning_score_is_judged(naive_4, clipped_4, winner):
    rows = table()
    row = judged(standing(naive_4, clipped_4), rows)
    assert row["effect"] == pytest.approx(mean_of(rows, winner, 4) - mean_of(rows, "naive", 1))
    assert row["n"] == SEEDS
    assert row["comparison"] == (
        f"[best of 4 candidates: {winner} (gradient steps 4)] − [best of 4 candidates: naive (gradient steps 1)] "
        "< 0 in cart; Student's t"
    )


def test_first_declared_candidate_wins_a_tie():
    assert "naive (gradient steps 4)" in judged(standing(naive_4=5, clipped_4=5))["comparison"]


def test_candidate_that_diverged_in_tuning_ranks_last():
    lost = [
        (named, [choice(1e3, None)] if named["variant"] == "naive" else record) for named, record in standing(0, -50)
    ]
    comparison = judged(lost)["comparison"]
    assert "clipped (gradient steps 4)" in comparison
    assert "clipped (gradient steps 1)" in comparison


def test_winner_is_found_in_each_environment():
    rows = table("cart", "pole")
    standings = standing(20, 10) + standing(10, 20, environment="pole")
    row = judged(standings, rows)
    # Naive wins in cart, the first case.
    assert "naive (gradient steps 4)] − " in row["comparison"]
    assert "in cart; Student" in row["comparison"]
    alone = judged(standings, rows, environments=["pole"])
    pole = rows[rows["environment"] == "pole"]
    assert alone["effect"] == pytest.approx(mean_of(pole, "clipped", 4) - mean_of(pole, "naive", 1))
    assert "clipped (gradient steps 4)] − " in alone["comparison"]


def test_family_is_compared_with_a_reference_and_a_tolerance():
    assert judged(standing(10, 20), b=None, reference=500.0)["verdict"] == "supported"
    exact = judged(standing(10, 20), b=None, reference=300.0, relation="exact", margin=40.0)
    assert (exact["verdict"], exact["n"]) == ("supported", SEEDS)
    assert exact["comparison"].startswith("|[best of 4 candidates: clipped (gradient steps 4)] − 300| ≤ 40")


def test_levels_that_are_lists_are_found():
    rows = pd.concat([table().assign(**{"variant.policy.hidden": level}) for level in ("[8]", "[]")])
    standings = [
        ({**one, "variant.policy.hidden": hidden}, record) for one, record in standing(1, 2) for hidden in ([8], [])
    ]
    sides = {
        side: {"best_of": [{**one, "variant.policy.hidden": [8]} for one in family["best_of"]]}
        for side, family in (("a", MANY), ("b", ONE))
    }
    assert "clipped (gradient steps 4, hidden [8])" in judged(standings, rows, **sides)["comparison"]
    with pytest.raises(ValueError, match=r"a\.best_of\.0: rows differ in variant\.policy\.hidden \(\[8\], \[\]\)"):
        judged(standings, rows)


def test_candidates_without_a_score_are_named():
    with pytest.raises(ValueError, match=r"key\.parts\.part0: a\.best_of\.0: no rows with variant\.gradient_steps 4"):
        judged([one for one in standing(1, 2) if one[0] != names("naive", 4)])
    with pytest.raises(ValueError, match="a: the scores of its candidates on tuning seeds are missing"):
        declared.judged(part(b=None, reference=0.0), table())


def test_score_of_a_standing_is_the_one_that_chose_its_rate():
    finals = {0.1: (1.0, 2.0), 0.2: (5.0, 6.0)}
    scores = [
        {"learning_rate": rate, "seed": seed, "share": share, "score": score - (share < 1)}
        for rate, of_rate in finals.items()
        for seed, score in enumerate(of_rate)
        for share in (0.25, 1.0)
    ]
    row = selection.standings([(names("naive", 1), [{"learning_rate": 0.2, "scores": scores}])]).iloc[0]
    assert (row["score"], row["rates"]) == (5.5, 2)


def test_other_side_may_come_from_another_experiment():
    ours, theirs = table(), table()
    theirs["value"] += 1000.0
    side = {"variant": "clipped", "variant.gradient_steps": 4}
    row = judge.evaluate("key", claim(part(against="f", a=side, b=side)), {"e": ours, "f": theirs}).iloc[0]
    assert row["effect"] == pytest.approx(-1000)
    assert row["comparison"].startswith("clipped (gradient steps 4) − clipped (gradient steps 4) < 0")


def test_winner_of_another_experiment_has_its_own_scores():
    rows = table()
    tuned = {
        "e": selection.standings(standing(1, 9, naive_1=9.0, clipped_1=1.0)),
        "f": selection.standings(standing(9, 1, naive_1=1.0, clipped_1=9.0)),
    }
    row = judge.evaluate("key", claim(part(against="f")), {"e": rows, "f": rows}, tuned).iloc[0]
    assert row["effect"] == pytest.approx(mean_of(rows, "clipped", 4) - mean_of(rows, "clipped", 1))


# Selections of the learning rates -------------------------------------------------------------------------------------


def by_selection(*naive_and_clipped):
    """Return standings whose selections score the variants with four steps like this."""
    fixed = {("naive", 1): 1.0, ("clipped", 1): 0.0}
    scores = {
        ("naive", 4): [one for one, _ in naive_and_clipped],
        ("clipped", 4): [two for _, two in naive_and_clipped],
    }
    scores |= {cell: [score] * len(naive_and_clipped) for cell, score in fixed.items()}
    return [(names(*cell), [choice(score) for score in own]) for cell, own in scores.items()]


def divided(rows, selections):
    return rows.assign(selection=rows["seed"] % selections)


def test_family_has_a_winner_in_each_selection():
    rows = divided(table(), 3)
    row = judged(by_selection((9, 1), (1, 9), (1, 9)), rows)
    values = rows.pivot_table("value", "seed", ["variant", "variant.gradient_steps"])
    won = np.where(np.arange(SEEDS) % 3 == 0, values["naive", 4], values["clipped", 4])
    assert row["effect"] == pytest.approx((won - values["naive", 1]).mean())
    assert (row["n"], row["selections"], row["in_favour"]) == (SEEDS, 3, 3)
    assert row["comparison"].startswith(
        "[best of 4 candidates: clipped (gradient steps 4) in 2 of 3 selections, naive (gradient steps 4) in 1 of 3 "
        "selections] − [best of 4 candidates: naive (gradient steps 1)] < 0 in cart; Student's t over groups"
    )


@pytest.mark.parametrize("tuned", ["a", "b"])
def test_pairs_share_a_group_through_a_selection_of_either_side(tuned):
    rows = pd.DataFrame({"environment": "e", "stage": "", "seed": range(4), "metric": "area"})
    sides = {side: selection.Side(side, "area", {"variant": side}) for side in "ab"}
    both = [
        rows.assign(variant=side, value=1.0, selection=[0.0, 1.0, 0.0, 1.0] if side == tuned else np.nan)
        for side in "ab"
    ]
    assert selection.pairs(sides, pd.concat(both))["group"].tolist() == [0, 1, 0, 1]
    # The first two share the selection of one side, the last two that of the other; pairs 1 and 2 link them.
    chained = [rows.assign(variant=side, value=1.0, selection=found) for side, found in zip("ab", CHAIN, strict=True)]
    assert selection.pairs(sides, pd.concat(chained))["group"].tolist() == [0, 0, 0, 1]


CHAIN = [0.0, 0.0, 1.0, 2.0], [3.0, 4.0, 4.0, 5.0]


def test_pairs_are_matched_by_their_seeds():
    rows = pd.DataFrame({"environment": "e", "stage": "", "seed": range(4), "metric": "area"})
    sides = {side: selection.Side(side, "area", {"variant": side}) for side in "ab"}
    a, b = (rows.assign(variant=side, value=rows["seed"] + shift) for side, shift in (("a", 0.0), ("b", 10.0)))
    found = selection.pairs(sides, pd.concat([a, b.iloc[[2, 0, 3, 1]]]))
    assert (found["b"] - found["a"]).tolist() == [10.0] * 4


def test_candidates_count_the_rates_of_the_largest_grid():
    tuned = selection.standings(by_selection((9, 1), (2, 7))).assign(experiment="e")
    assert set(tuned["rates"]) == {2}
    tuned.loc[0, "rates"] = 5  # one selection extended its grid
    assert selection.sides_of(part(), divided(table(), 2), tuned)["a"].candidates == {"cart": 5 + 2}


def test_standing_has_a_row_per_selection():
    found = selection.standings(by_selection((9, 1), (2, 7)))
    naive = found[(found["variant"] == "naive") & (found["variant.gradient_steps"] == 4)]
    assert naive[["selection", "score"]].to_numpy().tolist() == [[0, 9], [1, 2]]
    assert selection.standings(by_selection((9, 1)))["selection"].isna().all()


def test_candidates_need_the_same_selections():
    standings = by_selection((9, 1), (1, 9))
    standings[0] = (standings[0][0], standings[0][1] + [choice(5)])
    with pytest.raises(ValueError, match=r"a\.best_of: the candidates have different selections"):
        judged(standings, divided(table(), 2))
