"""Verdicts on synthetic tables with a known truth."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from pg.claims import judge
from pg.statistics import coverage, decisions, estimates, shares
from scipy import stats
from tests.claims.declared import claim, judged, normal, part, table, two_sides


def shifted(shift, n=20):
    """Values of a that exceed those of b by a noisy shift."""
    shared = normal(0, 0, n, 10)
    return table("area", {("cart", "a", ""): shared + normal(1, shift, n), ("cart", "b", ""): shared})


# Directions -----------------------------------------------------------------------------------------------------------


def test_row_has_the_columns_of_the_file_and_the_declaration():
    row = judged(part(), shifted(2))
    assert row.index.tolist() == list(judge.COLUMNS)
    assert row[["claim", "part", "primary", "statement", "section", "metric", "figure"]].tolist() == [
        *("key", "part0", True, "It helps.", "Baselines", "area", "curves")
    ]
    assert row["comparison"] == "a − b > 0 in cart; Student's t"
    assert row["n"] == 20


def test_true_direction_is_supported_by_the_paired_t_test():
    rows = shifted(2)
    row = judged(part(), rows)
    a, b = (rows.loc[rows["variant"] == name, "value"].to_numpy() for name in "ab")
    theirs = stats.ttest_rel(a, b)
    assert row["verdict"] == "supported"
    assert row["p_value"] == row["p_adjusted"] == pytest.approx(theirs.pvalue)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert judged(part(), rows.sample(frac=1, random_state=0))["p_value"] == pytest.approx(theirs.pvalue)
    assert judged(part(relation="less"), rows)["verdict"] == "refuted"
    assert judged(part(), shifted(-2))["verdict"] == "refuted"


def test_few_seeds_are_undecided():
    assert judged(part(), shifted(1, n=2))["verdict"] == "undecided"
    one = judged(part(), shifted(100, n=1))
    assert (one["verdict"], one["p_value"], one["ci_low"]) == ("undecided", 1, -np.inf)


def test_coverage_is_printed_only_of_intervals_that_fall_short():
    short = judged(part(), shifted(2))
    assert short["coverage"] == coverage.shortfall("paired difference", estimates.mean(normal(0, 0)))
    assert "86 % on heavy-tailed" in short["coverage"]
    alone = judged(part(reference=0.0), shifted(2))
    assert alone["coverage"] == coverage.shortfall("mean", estimates.mean(normal(0, 0)))
    assert judged(part("collapsed", "less"), two_sides("collapsed", [0.0] * 20, [1.0] * 20))["coverage"] == ""
    assert judged(part("relative_bias", "exact", margin=1e-9, reference=0.0), exact_rows())["coverage"] == ""


# Comparisons ----------------------------------------------------------------------------------------------------------

X, LOGS = normal(0, 0), normal(1, -1, scale=0.5)
SPREAD = np.exp(normal(0, 0, scale=5))
LONG = normal(0, 1000, 20, 100)
SHORT = LONG * normal(1, 0.5, 20, 0.05)
FEW, MANY = np.repeat([1.0, 0, 0], [1, 9, 10]), np.repeat([0.0, 1, 0], [1, 9, 10])
WINS = np.array([1.0] * 19 + [0.0])
RATIO, SHARE = part("total_variance", "less"), part("collapsed", "less")
AT_REFERENCE = [
    part("cosine", "less", reference=0.5),
    part("solved", reference=0.5),
]


def steps_part(relation="less", **options):
    return part("steps_to_threshold", relation, ratio_of_means=True, **options)


@pytest.mark.parametrize(
    ("one", "sides", "effect", "test", "words"),
    [
        (AT_REFERENCE[0], [X], X.mean(), stats.ttest_1samp(X, 0.5), "a < 0.5 in c; Student's t"),
        (AT_REFERENCE[1], [WINS], 0.95, stats.binomtest(19, 20), "a > 0.5 in c; Clopper-Pearson"),
        (SHARE, [FEW, MANY], -0.4, stats.binomtest(1, 10), "a − b < 0 in c; exact McNemar, Tango's interval"),
        (
            *(RATIO, [SPREAD * np.exp(LOGS), SPREAD], np.exp(LOGS.mean()), stats.ttest_1samp(LOGS, 0)),
            "a / b < 1 in c; Student's t on logarithms",
        ),
        (
            *(steps_part(), [SHORT, LONG], SHORT.mean() / LONG.mean(), stats.ttest_rel(SHORT, LONG)),
            "mean of a / mean of b < 1 in c; Fieller",
        ),
    ],
)
def test_each_comparison_has_its_own_effect_and_test(one, sides, effect, test, words):
    row = judged(one, table(one.metric, {("c", name, ""): values for name, values in zip("ab", sides, strict=False)}))
    assert (row["effect"], row["p_value"]) == pytest.approx((effect, test.pvalue))
    assert (row["comparison"], row["verdict"]) == (words, "supported")
    assert row["ci_low"] <= row["effect"] <= row["ci_high"]


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ([-2.0] * 8, [-1.0] * 8, "8 of 8 values not positive"),
        ([0.0, 0.0, *[1.0] * 6], [0.0, *[2.0] * 7], "2 of 8 values not positive"),
        ([1.0] * 8, [0.0, *[2.0] * 7], "1 of 8 values not positive"),
        ([0.0, np.nan, *[1.0] * 6], [2.0] * 8, "1 of 8 values not finite"),
        ([*[1.0] * 7, np.inf], [2.0] * 7 + [0.0], "1 of 8 values not finite"),
    ],
)
def test_ratio_of_values_that_are_not_positive_is_undefined(a, b, reason):
    row = judged(part("total_variance"), two_sides("total_variance", a, b))
    assert row["verdict"] == "undecided"
    assert f"undefined: {reason}" in row["comparison"]


def test_runs_censored_on_both_sides_do_not_pull_the_ratio_to_1():
    # A ratio per seed would be 1 wherever both are censored, and average to about a half.
    rows = two_sides("steps_to_threshold", [100.0] * 10 + [1000.0] * 10, [500.0] * 10 + [1000.0] * 10)
    assert judged(steps_part(), rows)["effect"] == pytest.approx(1100 / 1500)


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "supported"), (1.5, "refuted")])
def test_ratio_of_means_may_be_equal_within_a_margin(factor, verdict):
    b = normal(0, 1000, 20, 100)
    rows = two_sides("steps_to_threshold", factor * b + normal(1, 0, 20, 20), b)
    assert judged(steps_part("equal", margin=0.1), rows)["verdict"] == verdict


# Several cases --------------------------------------------------------------------------------------------------------


def cases(*shifts):
    """Return an environment per shift, with two stages each."""
    return table(
        "area",
        {
            (f"env{i}", side, stage): normal(10 * i + j, shift if side == "a" else 0)
            for i, shift in enumerate(shifts)
            for j, (side, stage) in enumerate((side, stage) for side in "ab" for stage in ("early", "late"))
        },
    )


def p_values(rows, environment, stage):
    one = rows[(rows["environment"] == environment) & (rows["stage"] == stage)].set_index("variant")["value"]
    return estimates.mean(one["a"].to_numpy() - one["b"].to_numpy())


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, ("env0", "early")),
        ({"environments": ("env1", "env0")}, ("env1", "early")),
        ({"stages": ("late", "early")}, ("env0", "late")),
        ({"shown": {"stage": "late"}}, ("env0", "late")),
        ({"shown": {"environment": "env1", "stage": "late"}}, ("env1", "late")),
    ],
)
def test_part_must_hold_in_every_case_and_shows_one_with_the_range(options, shown):
    rows = cases(3, 1.2)
    tests = {(e, s): p_values(rows, e, s) for e in ("env0", "env1") for s in ("early", "late")}
    worst = max(tests, key=lambda where: tests[where].p_greater)
    effects = [test.estimate for test in tests.values()]
    row = judged(part(**options), rows)
    assert row["p_value"] == pytest.approx(2 * tests[worst].p_greater)
    assert row["effect"] == pytest.approx(tests[shown].estimate)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((tests[shown].low, tests[shown].high))
    assert (row["lowest"], row["highest"]) == pytest.approx((min(effects), max(effects)))
    words = f"a − b > 0 in {', '.join(shown)}; Student's t"
    worst_words = f"; the least certain of 4 is in {', '.join(worst)}: {tests[worst].estimate:.3g}"
    assert row["comparison"] == (words if worst == shown else words + worst_words)
    assert row["n"] == 20


def test_the_means_of_both_sides_are_those_of_the_shown_case():
    rows = cases(3, 1.2)
    shown = rows[(rows["environment"] == "env1") & (rows["stage"] == "late")]
    row = judged(part(shown={"environment": "env1", "stage": "late"}), rows)
    means = shown.groupby("variant")["value"].mean()
    assert (row["mean_a"], row["mean_b"]) == pytest.approx((means["a"], means["b"]))
    assert row[["mean_zero", "mean_one"]].isna().all()


def test_means_on_a_ratio_scale_are_geometric():
    rows = achievable(0.8)
    row, means = judged(share_part(), rows), rows.groupby("variant")["value"].agg(lambda one: stats.gmean(one))
    found = row[["mean_a", "mean_zero", "mean_one"]].tolist()
    assert found == pytest.approx([means["a"], means["none"], means["best"]])
    assert judged(part("total_variance", "less"), two_sides("total_variance", [1, 4], [3, 27]))[
        "mean_b"
    ] == pytest.approx(9)


def test_means_of_groups_differ_by_the_effect():
    """Seeds 0, 2 and 4 share a selection, and so do 1 and 3: their means are 2 and 10, of b 0 and 4."""
    row = judged(part(), selected_by(two_sides("area", [1.0, 9.0, 2.0, 11.0, 3.0], [0.0, 4.0] * 2 + [0.0]), a=2, b=2))
    assert (row["mean_a"], row["mean_b"], row["effect"]) == (6.0, 2.0, 4.0)


def test_runs_without_a_share_count_as_failures_in_its_mean():
    row = judged(part("failed", "less"), two_sides("failed", [0, 1, 0, 0], [np.nan, 1, 0, 0]))
    assert (row["mean_a"], row["mean_b"]) == (0.25, 0.5)


def test_single_case_has_no_range_and_a_missing_one_is_named():
    assert judged(part(), shifted(2))[["lowest", "highest"]].isna().all()
    assert judged(part(), cases(3, 0))["verdict"] == "undecided"
    with pytest.raises(ValueError, match="part0: shown: pole is not a case of the part; found: cart"):
        judged(part(shown={"environment": "pole"}), shifted(2))


def test_undefined_case_leaves_the_part_undecided_and_is_named():
    rows = cases(3, 3)
    rows.loc[(rows["environment"] == "env1") & (rows["stage"] == "late") & (rows["seed"] == 3), "value"] = np.nan
    row = judged(part(), rows)
    assert (row["verdict"], np.isnan(row["p_value"])) == ("undecided", True)
    assert row["effect"] == pytest.approx(p_values(rows, "env0", "early").estimate)
    assert row["comparison"].endswith("the least certain of 4 is in env1, late: undefined: 1 of 20 values not finite")


@pytest.mark.parametrize(("others", "verdict"), [(3, "mixed"), (0, "refuted"), (-2, "refuted")])
def test_opposite_case_after_bonferroni_is_refuted_or_mixed(others, verdict):
    rows = cases(others, -2)
    row = judged(part(), rows)
    places = [(environment, stage) for environment in ("env0", "env1") for stage in ("early", "late")]
    smallest = min(p_values(rows, *where).p_less for where in places)
    assert row["verdict"] == verdict
    assert row["p_value"] == pytest.approx(2 * 4 * smallest)


def with_p(*p_greater, n=20):
    """Return an environment per one-sided p-value of a > 0."""
    noise = normal(0, 0, n)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    means = stats.t.isf(p_greater, n - 1) / np.sqrt(n)
    return table("area", {(f"env{i}", "a", ""): noise + mean for i, mean in enumerate(means)})


@pytest.mark.parametrize(
    ("p", "verdict"),
    [
        ((0.012, 1 - 1e-9), "mixed"),
        ((0.013, 1 - 1e-9), "refuted"),
        ((0.012, 0.5, 1 - 1e-9), "refuted"),
        ((1e-9, 1 - 0.012), "mixed"),
        ((1e-9, 1 - 0.013), "undecided"),
        ((0.024, 0.024), "supported"),
        ((0.026, 1e-9), "undecided"),
    ],
)
def test_each_direction_counts_at_5_percent_over_all_cases(p, verdict):
    # Twice for both sides and once per case: 0.05 / (2 * 2) = 0.0125.
    assert judged(part(reference=0.0), with_p(*p))["verdict"] == verdict


@pytest.mark.parametrize(("p", "verdict"), [(0.024, "mixed"), (0.026, "refuted")])
def test_mixed_equality_counts_one_side(p, verdict):
    # Beyond the margin in env0; the upper end of env1's interval is within it, at this p.
    n = 20
    noise = normal(0, 0, n)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    means = (9.0, 3 - stats.t.isf(p, n - 1) / np.sqrt(n))
    rows = table("area", {(f"env{i}", "a", ""): noise + mean for i, mean in enumerate(means)})
    assert judged(part(relation="equal", reference=0.0, margin=3.0), rows)["verdict"] == verdict


def test_only_named_environments_and_stages_are_judged():
    rows = cases(3, 0)
    row = judged(part(environments=("env0",), stages=("late",)), rows)
    assert row["verdict"] == "supported"
    assert row["p_value"] == pytest.approx(2 * p_values(rows, "env0", "late").p_greater)
    assert "in env0, late; " in row["comparison"]


def test_environments_without_the_metric_count_only_if_named():
    rows = pd.concat([shifted(2), table("cosine", {("other", "a", ""): [1.0], ("other", "b", ""): [0.0]})])
    assert judged(part(), rows)["verdict"] == "supported"
    with pytest.raises(ValueError, match=r"^claims\.key\.parts\.part0: e has no environment other for area"):
        judged(part(environments=("cart", "other")), rows)


def test_sides_may_select_their_stage():
    rows = table("area", {("c", "a", "late"): normal(0, 2), ("c", "a", "early"): normal(1, 0)})
    row = judged(part(a={"stage": "late"}, b={"stage": "early"}), rows)
    assert row["verdict"] == "supported"
    assert row["comparison"] == "stage late − stage early > 0 in c; Student's t"


# Shares ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "effect"), [("collapsed", 1), ("solved", 0)])
def test_run_without_a_value_is_a_failure(metric, effect):
    assert judged(part(metric), two_sides(metric, [np.nan] * 10, [0.0] * 10))["effect"] == effect


@pytest.mark.parametrize(("n", "verdict"), [(20, "supported"), (5, "undecided")])
def test_equal_shares_need_many_pairs(n, verdict):
    assert judged(part("solved", "equal", margin=0.2), two_sides("solved", [1.0] * n, [1.0] * n))["verdict"] == verdict


def test_levels_and_references_have_minus_signs():
    at = {"environment.rewards.offset": -2}
    rows = two_sides("area", normal(0, -3), normal(1, 0)).assign(**at)
    swept = judged(part(relation="less", a={"variant": "a", **at}, b={"variant": "b", **at}), rows)
    assert swept["comparison"] == "a (offset −2) − b (offset −2) < 0 in c; Student's t"
    alone = judged(part(relation="less", reference=-0.5), rows)
    assert alone["verdict"] == "supported"
    assert alone["comparison"] == "a < −0.5 in c; Student's t"


# Equality -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "n", "verdict"), [(0, 50, "supported"), (3, 50, "refuted"), (-3, 50, "refuted"), (1, 20, "undecided")]
)
def test_equality_is_judged_by_its_90_percent_interval(truth, n, verdict):
    row = judged(part(relation="equal", margin=1.0), shifted(truth, n))
    inside = row["ci_low"] > -1 and row["ci_high"] < 1
    outside = row["ci_low"] > 1 or row["ci_high"] < -1
    assert row["verdict"] == verdict
    assert row["verdict"] == ("supported" if inside else "refuted" if outside else "undecided")
    assert row["comparison"].startswith("a − b = 0 ± 1 (90 % interval) in cart")
    differences = normal(1, truth, n)
    assert row["ci_low"] == pytest.approx(stats.ttest_1samp(differences, 0).confidence_interval(0.9).low)


@pytest.mark.parametrize(("reference", "verdict"), [(-1.0, "supported"), (-0.5, "refuted")])
def test_equality_with_a_reference_is_centred_on_it(reference, verdict):
    rows = table("log_variance_slope", {("c", "a", ""): normal(0, -1, 20, 0.1)})
    one = part("log_variance_slope", "equal", reference=reference, margin=0.2)
    assert judged(one, rows)["verdict"] == verdict


def test_equality_must_hold_in_every_case():
    rows = cases(0, 3)
    assert judged(part(relation="equal", margin=1.5), rows)["verdict"] == "mixed"
    assert judged(part(relation="equal", margin=1.5, environments=("env0",)), rows)["verdict"] == "supported"


# Share of an achievable change ----------------------------------------------------------------------------------------


def achievable(share, reduction=0.5, noise=0.02):
    """Return variances of very different scales; `best` lowers them by the reduction, and `a` by a share of it."""
    scale = np.exp(normal(0, 0, 20, 5))
    return table(
        "total_variance",
        {
            ("c", "none", ""): scale,
            ("c", "best", ""): scale * (1 - reduction + normal(1, 0, 20, noise)),
            ("c", "a", ""): scale * (1 - share * reduction + normal(2, 0, 20, noise)),
        },
    )


def share_part(relation="greater", **options):
    ends = {"zero": {"variant": "none"}, "one": {"variant": "best"}}
    return part("total_variance", relation, share_of=ends, reference=0.5, **options)


@pytest.mark.parametrize(
    ("share", "reduction", "verdict"),
    [(0.8, 0.5, "supported"), (0.1, 0.5, "refuted"), (-1, 0.5, "refuted"), (0.8, -0.5, "supported")],
)
def test_share_of_an_achievable_change_is_found_at_any_scale(share, reduction, verdict):
    row = judged(share_part(), achievable(share, reduction))
    assert row["verdict"] == verdict
    assert row["effect"] == pytest.approx(share, abs=0.05)
    assert row["ci_low"] < share < row["ci_high"]
    assert row["comparison"] == "share of the change from none to best reached by a > 0.5 in c; Fieller"


def test_share_of_no_change_is_undefined():
    row = judged(share_part(), achievable(0.8, reduction=0.0))
    assert row["verdict"] == "undecided"
    assert row[["effect", "ci_low", "ci_high", "p_value", "p_adjusted"]].isna().all()
    assert "undefined: the denominator's 95% interval holds 0" in row["comparison"]


def test_exact_share_is_compared_row_by_row():
    rows = achievable(0.8, noise=0.0)
    row = judged(share_part("exact", margin=0.31), rows)
    assert (row["verdict"], row["effect"]) == ("supported", pytest.approx(0.3))
    assert row["comparison"].startswith(
        "|share of the change from none to best reached by a − 0.5| ≤ 0.31 in all of 20"
    )


# Exact ----------------------------------------------------------------------------------------------------------------


def exact_rows(**changed):
    values = {"chain": [0.0, 1e-15], "random": [-2e-15, 1e-16]} | changed
    cells = {(environment, "a", ""): value for environment, value in values.items()}
    return pd.concat([table("relative_bias", cells, batch=batch) for batch in (1, 2)])


def test_exact_part_has_a_tolerance_instead_of_a_test():
    row = judged(part("relative_bias", "exact", reference=0.0, margin=1e-10), exact_rows())
    assert (row["verdict"], row["n"], row["effect"]) == ("supported", 8, 2e-15)
    assert row[["ci_low", "ci_high", "p_value", "p_adjusted"]].isna().all()
    assert row["comparison"] == "|a| ≤ 1e-10 in all of 8 rows; largest in random, seed 0"
    assert (row["lowest"], row["highest"]) == (1e-15, 2e-15)


@pytest.mark.parametrize("wrong", [1e-9, -1e-9, np.nan, np.inf])
def test_one_row_outside_the_tolerance_decides_its_case(wrong):
    one = part("relative_bias", "exact", reference=0.0, margin=1e-10)
    row = judged(one, exact_rows(chain=[0.0, wrong]))
    assert row["verdict"] == "mixed"
    assert "largest in chain, seed 1" in row["comparison"]
    assert judged(one, exact_rows(chain=[0.0, wrong], random=[wrong, 0.0]))["verdict"] == "refuted"
    assert judged(one, exact_rows(chain=[0.0, wrong]).query("environment == 'chain'"))["verdict"] == "refuted"


@pytest.mark.parametrize(("margin", "verdict"), [(0.6, "supported"), (0.4, "refuted")])
def test_exact_part_may_have_two_sides_or_a_level_and_a_reference(margin, verdict):
    rows = two_sides("objective", [1.0, 2.0], [1.0, 2.5])
    row = judged(part("objective", "exact", margin=margin), rows)
    assert (row["verdict"], row["effect"]) == (verdict, 0.5)
    one = part("objective", "exact", reference=-1.5, margin=margin + 3, a={"variant": "b", "batch": 2})
    row = judged(one, rows.assign(batch=2))
    assert (row["verdict"], row["effect"]) == ("refuted", 4.0)
    assert row["comparison"].startswith(f"|b (batch 2) + 1.5| ≤ {margin + 3:g} in all of 2 rows")


# Rows that are missing or ambiguous -----------------------------------------------------------------------------------


def test_seed_without_a_partner_is_named():
    rows = shifted(2)
    without_b, without_a = (rows[~((rows["variant"] == side) & (rows["seed"] == 7))] for side in "ba")
    with pytest.raises(ValueError, match=r"part0: b: no row to pair with 1 rows of a; the first is cart, seed 7"):
        judged(part(), without_b)
    assert judged(part(), without_a)["n"] == 19


def test_selection_that_leaves_a_level_open_is_refused():
    rows = pd.concat([shifted(2).assign(batch=batch) for batch in (4, 16)])
    with pytest.raises(ValueError, match=r"part0: a: rows differ in batch \(4, 16\); select one"):
        judged(part(), rows)
    sized = part(a={"variant": "a", "batch": 4}, b={"variant": "b", "batch": 16})
    assert judged(sized, rows)["comparison"].startswith("a (batch 4) − b (batch 16) > 0")


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (part(a={"batch": 4}), "a: no column batch; columns are environment, variant"),
        (part(a={"variant": "c"}), "a: no rows with variant c; found: a, b"),
        (part("cosine"), "e has no metric cosine for cosine; found: area"),
        (part(stages=("late",)), "e has no stage late for area"),
    ],
)
def test_unknown_columns_values_and_metrics_are_named(one, message):
    with pytest.raises(ValueError, match=message):
        judged(one, shifted(2))


@pytest.mark.parametrize("value", [16, 16.0])
def test_tables_read_from_csv_are_judged_alike(value):
    levels = {"batch": value, "variant.policy.hidden": "[64, 64]", "variant.normalise_advantages": True}
    rows = shifted(2).replace({"variant": {"a": "10", "b": "20"}}).assign(**levels)
    rows = pd.concat([rows, rows.assign(metric="log_variance_slope", batch=None)])
    back = pd.read_csv(io.StringIO(rows.to_csv(index=False)))
    selected = {"batch": 16, "variant.policy.hidden": [64, 64], "variant.normalise_advantages": True}
    one = part(a={"variant": "10", **selected}, b={"variant": "20", **selected})
    assert judged(one, back)["p_value"] == pytest.approx(judged(one, rows)["p_value"])
    open_batch = part("log_variance_slope", a={"variant": "10", "batch": None}, b={"variant": "20", "batch": None})
    assert judged(open_batch, back)["verdict"] == "supported"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_mean_of_a_diverged_run_is_undecided(value):
    rows = shifted(5)
    rows.loc[3, "value"] = value
    row = judged(part(), rows)
    assert row["verdict"] == "undecided"
    assert np.isnan(row["p_value"])
    assert row["comparison"].endswith("undefined: 1 of 20 values not finite")


# Selections of the learning rate --------------------------------------------------------------------------------------


def selected_by(rows, **selections):
    """Add the selection of each row, from the number of selections of each variant."""
    count = rows["variant"].map(selections)
    return rows.assign(selection=rows["seed"].mod(count).astype("Int64"))


def votes(declared, rows):
    """Return the number of selections in favour, and of all."""
    row = judged(declared, rows)
    return row["in_favour"], row["selections"]


def in_groups(values, labels):
    return np.array([values[labels == label].mean() for label in np.unique(labels)])


# Groups by the numbers of selections of a and b: the connected components.
@pytest.mark.parametrize(
    ("selections", "groups"),
    [
        ({"a": 5, "b": 5}, 5),
        ({"a": 5}, 5),
        ({"b": 4}, 4),
        ({"a": 5, "b": 10}, 5),
        ({"a": 4, "b": 10}, 2),
        ({"a": 4, "b": 5}, 1),
        ({"a": 20}, 20),
    ],
)
def test_pairs_that_share_a_selection_are_one_group(selections, groups):
    rows = shifted(2)
    by_variant = rows.pivot_table("value", "seed", "variant")
    differences = (by_variant["a"] - by_variant["b"]).to_numpy()
    row = judged(part(), selected_by(rows, **selections))
    theirs = estimates.mean(in_groups(differences, np.arange(20) % groups))
    assert row["effect"] == pytest.approx(theirs.estimate)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((theirs.low, theirs.high))
    assert row["p_value"] == pytest.approx(2 * theirs.p_greater)
    assert (row["n"], row["selections"], row["in_favour"]) == (20, groups, groups)


def test_untuned_sides_have_no_groups():
    rows = shifted(2)
    assert judged(part(), selected_by(rows)).equals(judged(part(), rows))
    assert judged(part(), rows)["selections"] == 0


LABELS = np.arange(20) % 5


@pytest.mark.parametrize(
    ("one", "sides", "test"),
    [
        (AT_REFERENCE[0], [X], estimates.mean(X, groups=LABELS, null=0.5)),
        (AT_REFERENCE[1], [WINS], shares.share(WINS, groups=LABELS)),
        (SHARE, [FEW, MANY], shares.difference(FEW, MANY, groups=LABELS)),
        (RATIO, [SPREAD * np.exp(LOGS), SPREAD], estimates.geometric_mean(np.exp(LOGS), groups=LABELS)),
        (steps_part(), [SHORT, LONG], estimates.ratio_of_means(SHORT, LONG, groups=LABELS, null=1)),
    ],
)
def test_each_comparison_is_over_groups(one, sides, test):
    cells = {("c", name, ""): values for name, values in zip("ab", sides, strict=False)}
    rows = table(one.metric, cells)
    row = judged(one, selected_by(rows, a=5))
    assert (row["effect"], row["ci_low"], row["ci_high"]) == pytest.approx((test.estimate, test.low, test.high))
    assert row["p_value"] == pytest.approx(min(1, 2 * min(test.p_less, test.p_greater)))
    assert row["comparison"].endswith(test.method)
    assert judged(one, rows)["p_value"] != row["p_value"]


def test_selections_in_favour_are_counted_in_the_shown_case():
    values = np.tile([3.0, 1.0, -2.0, 4.0, 5.0], 4) + normal(0, 0, 20, 0.1)
    rows = table("area", {("cart", "a", ""): values, ("pole", "a", ""): values - 2})
    rows = selected_by(rows, a=5)
    assert votes(part(reference=0.0), rows) == (4, 5)
    assert votes(part(reference=0.0, shown={"environment": "pole"}), rows) == (3, 5)
    assert votes(part(relation="less", reference=0.0), rows) == (1, 5)
    assert votes(part(relation="equal", reference=2.0, margin=1.5), rows) == (2, 5)


def test_ratios_of_single_runs_have_a_sign():
    rows = selected_by(two_sides("steps_to_threshold", [1.0, 5.0, 2.0], [2.0, 2.0, 3.0]), a=3, b=3)
    assert votes(steps_part(), rows) == (2, 3)


def test_environments_have_groups_of_their_own():
    rows = selected_by(cases(3, 1.2), a=5)
    # In env1, b has selections that would link those of a.
    linked = (rows["environment"] == "env1") & (rows["variant"] == "b")
    rows.loc[linked, "selection"] = rows["seed"] % 4
    tested = [judged(part(environments=(name,)), rows) for name in ("env0", "env1")]
    assert [row["selections"] for row in tested] == [5, 1]
    assert judged(part(), rows)["selections"] == tested[0]["selections"]


def test_noise_of_a_few_selections_decides_nothing():
    # A rate that four of five selections choose is better, and the fifth is far worse.
    values = np.where(LABELS < 4, 10.0, -20.0) + normal(0, 0)
    rows = table("area", {("c", "a", ""): values})
    assert judged(part(reference=-3.0), rows)["verdict"] == "supported"
    assert judged(part(reference=-3.0), selected_by(rows, a=5))["verdict"] == "undecided"


# Many claims ----------------------------------------------------------------------------------------------------------


def evaluated(key, *shifts, primary="part0"):
    parts = [part(reference=0.0, environments=(f"env{i}",)) for i in range(len(shifts))]
    rows = table("area", {(f"env{i}", "a", ""): normal(i, shift) for i, shift in enumerate(shifts)})
    return judge.evaluate(key, claim(*parts, primary=primary), {"e": rows})


def test_only_primaries_are_adjusted():
    frames = [evaluated("one", 2, 1), evaluated("two", 0.9), evaluated("three", 0.6, 0.5, primary="part1")]
    joined = judge.adjust(frames)
    assert joined["primary"].tolist() == [True, False, True, False, True]
    primaries = joined[joined["primary"]]
    assert primaries["p_adjusted"].tolist() == pytest.approx(decisions.holm(primaries["p_value"].tolist()))
    assert joined.loc[~joined["primary"], "p_adjusted"].isna().all()
    assert joined["verdict"].tolist() == pd.concat(frames)["verdict"].tolist()
    back = [pd.read_csv(io.StringIO(frame.to_csv(index=False))) for frame in frames]
    pd.testing.assert_frame_equal(judge.adjust(back), joined, check_dtype=False)


def test_verdict_without_a_significant_adjusted_p_is_undecided():
    borderline = evaluated("one", 0)
    borderline["p_value"], borderline["verdict"] = 0.03, "refuted"
    other = borderline.assign(claim="two", p_value=0.04)
    secondary = borderline.assign(part="part1", primary=False)
    joined = judge.adjust([borderline, other, secondary])
    assert joined["p_adjusted"].tolist()[:2] == pytest.approx([0.06, 0.06])
    assert joined["verdict"].tolist() == ["undecided", "undecided", "refuted"]


def rows_of_claim(*parts):
    """Return evaluated parts of one claim from (verdict, p); the first is the primary."""
    rows = [
        {"claim": "one", "part": f"part{i}", "primary": i == 0, "verdict": verdict, "p_value": p}
        for i, (verdict, p) in enumerate(parts)
    ]
    return pd.DataFrame(rows)


EXACT = np.nan


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([("supported", 0.01), ("supported", 0.01), ("undecided", 0.5)], "supported"),
        ([("supported", 0.01), ("refuted", 0.01)], "mixed"),
        ([("supported", 0.01), ("mixed", 0.01)], "mixed"),
        ([("refuted", 0.01), ("supported", 0.01)], "mixed"),
        ([("refuted", 0.01), ("refuted", 0.01)], "refuted"),
        ([("supported", EXACT), ("refuted", EXACT)], "mixed"),
        ([("supported", EXACT), ("mixed", EXACT)], "mixed"),
        # 0.03 counts twice among two tested parts; parts without a p-value do not count.
        ([("supported", 0.01), ("refuted", 0.03), ("undecided", 0.5)], "supported"),
        ([("supported", 0.01), ("refuted", 0.03), ("supported", EXACT), ("not tested", np.nan)], "mixed"),
        ([("supported", 0.01), ("refuted", 0.02), ("undecided", 0.5)], "mixed"),
        # The primary is decided after Holm's method over all claims.
        ([("supported", 0.06), ("refuted", 1e-9)], "undecided"),
        ([("mixed", 0.01), ("supported", 1e-9)], "mixed"),
        ([("undecided", 0.5), ("refuted", 1e-9)], "undecided"),
        ([("not tested", np.nan), ("supported", 1e-9)], "not tested"),
    ],
)
def test_claim_is_mixed_if_another_part_is_decided_otherwise(parts, verdict):
    joined = judge.adjust([rows_of_claim(*parts)])
    assert joined["claim_verdict"].tolist() == [verdict] * len(parts)
    assert joined["verdict"].tolist()[1:] == [one for one, _ in parts[1:]], "other parts keep their verdict"


@pytest.mark.parametrize("count", [1, 20])
def test_parts_without_an_effect_make_a_claim_mixed_in_at_most_5_percent(count):
    generator, claims = np.random.default_rng(count), 2000
    mixed = 0
    for p in generator.random((claims, count)):
        decided = np.where(generator.random(count) < 0.5, "refuted", "supported")
        others = zip(np.where(p < judge.ALPHA, decided, "undecided"), p, strict=True)
        mixed += bool((judge.adjust([rows_of_claim(("supported", 1e-9), *others)])["claim_verdict"] == "mixed").any())
    assert stats.binomtest(mixed, claims, 0.05, "greater").pvalue > 0.01
    assert mixed > 0.01 * claims


# Conditions -----------------------------------------------------------------------------------------------------------


def still(moved, **demanded):
    """Judge a bound on a change that is small, and demand that there was one."""
    cells = {(f"env{i}", "a", ""): normal(i, 0, 20, 0.1) for i in range(len(moved))}
    moves = {(f"env{i}", "a", ""): normal(9 + i, mean, 20, 0.1) for i, mean in enumerate(moved)}
    rows = pd.concat([table("area", cells), table("final_return", moves), table("cosine", moves).assign(variant="b")])
    provided = {"metric": "final_return", "relation": "greater", "reference": 0.5} | demanded
    one = part(relation="less", reference=1.0, provided=provided)
    return judge.adjust([judge.evaluate("key", claim(one, part(relation="less", reference=1.0)), {"e": rows})])


@pytest.mark.parametrize(
    ("moved", "demanded", "verdict"),
    [
        ((1, 1), {}, "supported"),
        ((1, 0.5), {}, "not tested"),
        ((1, 0), {}, "not tested"),
        ((0, 0), {}, "not tested"),
        ((0, 0), {"relation": "less"}, "supported"),
        ((1, 1), {"metric": "cosine", "a": {"variant": "b"}}, "supported"),
        ((0, 1), {"metric": "cosine", "a": {"variant": "b"}}, "not tested"),
        ((0, 0), {"relation": "equal", "reference": 0, "margin": 0.5}, "supported"),
        ((9, 9), {"relation": "exact", "reference": 0, "margin": 0.5}, "not tested"),
    ],
)
def test_part_is_not_tested_unless_its_condition_is_supported_in_all_cases(moved, demanded, verdict):
    rows = still(moved, **demanded)
    assert rows["verdict"].tolist() == [verdict, "supported"]
    assert rows["claim_verdict"].tolist() == [verdict] * 2
    assert rows[["p_value", "p_adjusted"]].iloc[0].isna().tolist() == [verdict == "not tested"] * 2


def test_condition_that_failed_is_named_with_what_was_found():
    rows = still((1, 0))
    assert "a < 1 in env0; Student's t; " in rows["comparison"].iloc[0]
    demanded = r"; demanded of final_return: a > 0\.5 in env0; .*: -?0\.0\d*; found: (0\.9|1)\S* "
    demanded += r"\(mixed, -?0\S* to \S* over all cases\)$"
    assert re.search(demanded, rows["comparison"].iloc[0])
    assert "demanded" not in still((1, 1))["comparison"].iloc[0]


def test_condition_may_compare_two_sides_and_its_rows_must_exist():
    rows = pd.concat([shifted(2), shifted(3).assign(metric="cosine")])
    demanded = {"metric": "cosine", "relation": "greater", "b": {"variant": "b"}}
    assert judged(part(provided=demanded), rows)["verdict"] == "supported"
    assert judged(part(provided=demanded | {"relation": "less"}), rows)["verdict"] == "not tested"
    with pytest.raises(
        ValueError, match=r"claims\.key\.parts\.part0: provided: b: no rows with variant c; found: a, b"
    ):
        judged(part(provided=demanded | {"b": {"variant": "c"}}), rows)


# Several claims -------------------------------------------------------------------------------------------------------


def test_exact_and_undefined_primaries_are_not_adjusted():
    one = part("relative_bias", "exact", reference=0.0, margin=1e-10)
    exact = judge.evaluate("exact", claim(one), {"e": exact_rows()})
    undefined = judge.evaluate("undefined", claim(share_part()), {"e": achievable(0.8, reduction=0.0)})
    tested = evaluated("tested", 2)
    joined = judge.adjust([exact, undefined, tested])
    assert joined["p_adjusted"].isna().tolist() == [True, True, False]
    assert joined["p_adjusted"].iloc[2] == tested["p_value"].iloc[0]
    assert joined["verdict"].tolist() == ["supported", "undecided", "supported"]


def test_study_without_claims_has_an_empty_table():
    assert judge.adjust([]).columns.tolist() == list(judge.COLUMNS)
