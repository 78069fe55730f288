"""Comparisons of total variances and their parabolas, worked by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from pg.experiments.comparisons import comparison_table, parabola_table
from pg.experiments.exact.record import ExactExperiment
from pg.parts.variant import Variant
from pg.statistics.estimates import geometric_mean

SEEDS = range(6)
VARIANTS = {
    "normalised": Variant.model_validate({"returns": "total", "normalise_advantages": True}),
    "total": Variant.model_validate({"returns": "total"}),
    "again": Variant.model_validate({"returns": "total"}),
    "average": Variant.model_validate({"returns": "total", "baseline": "average_reward"}),
    "to_go_average": Variant.model_validate({"returns": "to_go", "baseline": "average_reward"}),
}


def experiment(*variants, **sweep):
    return ExactExperiment.model_validate(
        {"kind": "exact", "environments": ["chain"], "variants": list(variants), "seeds": {"count": 6}, "sweep": sweep}
    )


def long_table(declared, variance, least=lambda **_: 1.0):
    """The rows of an experiment at two batch sizes; the functions take names and levels, batch and seed."""
    rows = []
    for variant, values in product(declared.variants, product(*declared.sweep.values())):
        names = {"variant": variant, **dict(zip(declared.sweep, values, strict=True))}
        for batch, seed in product((4, 16), SEEDS):
            for metric, value in (("total_variance", variance), ("least_variance", least), ("cosine", least)):
                found = value(**names, batch=batch, seed=seed)
                row = {"environment": "chain", **names, "batch": batch, "stage": "late", "seed": seed}
                rows.append({**row, "metric": metric, "value": found})
    return pd.DataFrame(rows)


def compared(table, comparison, **where):
    for column, value in {"comparison": comparison, **where}.items():
        table = table[table[column] == value]
    return table


def test_ratios_are_to_every_variant_at_the_first_level():
    declared = experiment("total", "average", **{"variant.discount": [1.0, 0.5]})
    scale = {"total": 8.0, "average": 2.0}

    def variance(variant, batch, seed, **level):
        return scale[variant] * level["variant.discount"] * 2.0**seed / batch

    table = comparison_table(long_table(declared, variance), declared, VARIANTS)
    found = compared(table, "ratio", batch=16).set_index(["variant", "variant.discount", "over"])["estimate"]
    assert found.to_dict() == pytest.approx(
        {
            ("total", 1.0, "average"): 4.0,
            ("total", 0.5, "total"): 0.5,
            ("total", 0.5, "average"): 2.0,
            ("average", 1.0, "total"): 0.25,
            ("average", 0.5, "total"): 0.125,
            ("average", 0.5, "average"): 0.5,
        }
    )
    assert set(compared(table, "ratio")["n"]) == {len(SEEDS)}


def test_ratios_are_geometric_means_over_policies_with_both_variances():
    declared = experiment("total", "average")
    known = {"total": [1.0, 2.0, 4.0, np.nan, 3.0, 5.0], "average": [2.0, 3.0, np.nan, 1.0, 1.0, 4.0]}
    long = long_table(declared, lambda variant, seed, **_: known[variant][seed])
    shuffled = long.sample(frac=1, random_state=np.random.default_rng(1)).sort_values("variant", kind="stable")
    expected = geometric_mean([2.0, 1.5, 1 / 3, 0.8])
    found = compared(comparison_table(shuffled, declared, VARIANTS), "ratio", variant="average", batch=4).iloc[0]
    assert found["n"] == 4
    assert found[["estimate", "ci_low", "ci_high"]].tolist() == [expected.estimate, expected.low, expected.high]


def test_shares_are_of_the_reduction_by_the_best_constant():
    declared = experiment(*VARIANTS)
    zero, own, best = np.array([[4.0, 8, 2, 6, 4, 5], [3, 5, 1, 6, 2, 4], [2, 4, 1, 2, 1, 2]])
    known = {"total": zero, "average": own}
    long = long_table(
        declared,
        lambda variant, seed, **_: known.get(variant, 2 * zero)[seed],
        lambda variant, seed, **_: best[seed] if variant == "total" else 0.1,
    )
    shares = compared(comparison_table(long, declared, VARIANTS), "achieved share")
    assert shares["variant"].tolist() == ["average"] * 2, "no other has a partner that lacks only the baseline"
    assert set(shares["over"]) == {"total"}, "the first of two"
    assert shares["estimate"].tolist() == pytest.approx([(1 - own / zero).mean() / (1 - best / zero).mean()] * 2)


def test_a_share_of_a_reduction_that_may_be_0_is_undefined():
    declared = experiment("total", "average")
    long = long_table(declared, lambda **_: 1.0, lambda seed, **_: 1 + 0.2 * (-1.0) ** seed)
    (found,) = compared(comparison_table(long, declared, VARIANTS), "achieved share", batch=4).to_dict("records")
    assert np.isnan(found["estimate"])
    assert found["method"].startswith("undefined")


@pytest.mark.parametrize(
    ("option", "levels", "middle"), [("offset", [-2, 0, 1, 4], 1.0), ("scale", [0.1, 1.0, 10.0], 1.0)]
)
def test_points_of_a_parabola_are_between_the_swept_values(option, levels, middle):
    path = f"environment.rewards.{option}"
    declared = experiment("total", "average", **{path: levels, "variant.discount": [1.0, 0.5]})

    def variance(seed, batch, **names):
        return (1 + seed) * (3 + names[path] + 2 * names[path] ** 2) * names["variant.discount"] / batch

    table = parabola_table(long_table(declared, variance), declared, VARIANTS)
    own = table[(table["variant"] == "average") & (table["variant.discount"] == 0.5) & (table["batch"] == 4)]
    at, places = own[path].to_numpy(), np.linspace(0, 1, len(own))
    expected = 720 ** (1 / 6) * (3 + at + 2 * at**2) / 8
    assert own["estimate"].tolist() == pytest.approx(expected.tolist(), rel=1e-9)
    assert (at[0], at[-1], np.interp(0.5, places, at)) == pytest.approx((levels[0], levels[-1], middle), abs=0.05)


def test_a_policy_without_variances_has_no_parabola():
    declared = experiment("total", **{"environment.rewards.offset": [0, 1, 2]})
    long = long_table(declared, lambda seed, **_: 2.0 * (seed > 2))
    table = parabola_table(long, declared, VARIANTS)
    assert table["estimate"].tolist() == pytest.approx([2.0] * len(table))
    none = parabola_table(long.assign(value=0.0), declared, VARIANTS)
    assert none["estimate"].isna().all()


def test_policies_that_share_a_selection_are_one_group():
    declared = experiment("total", "average")
    noise = np.random.default_rng(0).lognormal(0, 0.1, (2, 6))

    def variance(variant, batch, seed):
        return (4.0 if variant == "total" else 1.0) * noise[int(variant == "total"), seed] / batch

    rows = long_table(declared, variance, lambda batch, **_: 0.5 / batch)
    table = comparison_table(rows.assign(selection=rows["seed"] % 3), declared, VARIANTS)
    found = compared(table, "ratio", variant="average", over="total", batch=4).iloc[0]
    theirs = geometric_mean(noise[0] / noise[1] / 4, groups=np.arange(6) % 3)
    assert (found["estimate"], found["ci_low"], found["ci_high"]) == pytest.approx(
        (theirs.estimate, theirs.low, theirs.high)
    )
    share = compared(table, "achieved share", variant="average", batch=4).iloc[0]
    assert share["method"].startswith("Fieller over groups")
    assert comparison_table(rows, declared, VARIANTS)["method"].str.contains("groups").sum() == 0
