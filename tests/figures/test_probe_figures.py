"""Properties of figures of probes and enumerations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Annotation
from pg.claims import judge
from pg.claims.record import Claim
from pg.plotting.text import noted, number
from tests.figures.pictures import caption, cells, clouds, coloured, draw, lines, notes, panels, titles
from tests.figures.studies import (
    EXPERIMENTS,
    LAMBDAS,
    OFFSETS,
    SEEDS,
    VARIANTS,
    Value,
    made_up,
    request,
    study_of,
    with_tables,
)

SHARES = {"average": 0.8, "worse": -0.6, "best": 1.0}
BASELINES = {
    "total": {"returns": "total", "label": "total return"},
    **{name: {"returns": "total", "baseline": "average_reward"} for name in SHARES},
    "alone": {"returns": "total", "baseline": "per_step", "normalise_advantages": True},
}


def test_ratios_to_the_first_variant_are_those_of_the_table() -> None:
    one = request("ladder", environments=("chain",), width="one_column")
    one = with_tables(one, comparisons=made_up(one.tables["comparisons"]))
    first, *_ = draw(one).axes
    where = {"environment": "chain", "comparison": "ratio", "over": "total", "variant": "average", "batch": one.batch}
    estimate, low, high = one.rows("comparisons", **where)[["estimate", "ci_low", "ci_high"]].to_numpy()[0]

    assert cells(first)["total return"] == ["1.0"]
    assert cells(first)["total, average reward"] == [noted(estimate, low, high)]


def test_the_batch_drawn_is_nearest_to_that_of_training() -> None:
    assert request("variance").batch == 16
    assert request("ladder").batch == 2, "the smallest, where batches are swept"


def test_variances_are_relative_to_the_plain_estimator_on_the_same_policy() -> None:
    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        return 10.0**seed * (0.1 if variant == "average" else 2.0) if metric == "total_variance" else None

    axes = draw(request("variance", value)).axes[0]
    dots, means = clouds(axes)

    assert dots[:SEEDS, 0].tolist() == pytest.approx([0.05] * SEEDS)
    assert means[:, 0].tolist() == pytest.approx([1, 0.05, 1])
    assert notes(axes) == {"total return": "200", "total, average reward": "10", "to go": "200"}


def test_other_levels_of_the_plain_estimator_have_dots_of_their_own() -> None:
    def value(seed: int, metric: str, **at: Any) -> float | None:
        return 10.0**seed * at["environment.rewards.scale"] ** 2 if metric == "total_variance" else None

    study = study_of(probe={"variants": ["total"], "sweep": {"environment.rewards.scale": [1, 3]}})
    dots, means = clouds(draw(request("variance", value, study, environments=("chain",))).axes[0])
    assert dots[:, 0].tolist() == pytest.approx([9] * SEEDS)
    assert means[:, 0].tolist() == pytest.approx([1, 9])


def test_a_caption_says_who_has_the_least_and_names_the_smallest_and_the_largest_number() -> None:
    known = {"total": 1.0, "average": 0.5, "to_go": 2.0}

    def value(variant: str, stage: str, metric: str, **_: Any) -> float | None:
        return known[variant] ** (2 if stage == "late" else 1) if metric == "total_variance" else None

    said = caption(request("variance", value, environments=("chain",)))
    assert said.startswith(
        "Least variance in A chain: total, average reward (in all 2 cases); without estimates of another length "
        "(total, average reward): total return (in all 2 cases). Of batches of N = 16, over that of total return. Dots"
    )
    alone = request("variance", value, environments=("chain",), variants=("total", "to_go"))
    assert caption(alone).startswith("Least variance in A chain: total return (in all 2 cases). Of batches of N =")

    def other(variant: str, stage: str, metric: str, **_: Any) -> float | None:
        return known[variant] ** (-1 if stage == "late" else 1) if metric == "total_variance" else None

    assert "average reward and to go (in 1 of 2 cases each);" in caption(
        request("variance", other, environments=("chain",))
    )


def test_a_variance_of_zero_is_the_least() -> None:
    def value(variant: str, environment: str, seed: int, metric: str, **_: Any) -> float | None:
        if metric != "total_variance":
            return None
        is_zero = environment == "chain" and variant == "to_go" and seed < 3
        return 0.0 if is_zero else {"total": 3.0, "to_go": 2.0}.get(variant)

    one = request("variance", value, variants=("total", "to_go"), stages=("late",))
    first, second = draw(one).axes
    assert (notes(first)["to go"], notes(second, first)["to go"]) == ("0–2", "2")
    assert caption(one).startswith("Least variance in A chain and CartPole-v1: to go (in all 2 cases).")


def without_variance(*seeds: int) -> Value:
    """Return variances of 3 and 2, that are 0 for all variants in the chain's policies of some seeds."""

    def value(environment: str, seed: int, variant: str, metric: str, **_: Any) -> float | None:
        if metric != "total_variance":
            return None
        return 0.0 if environment == "chain" and seed in seeds else {"total": 3.0, "to_go": 2.0}.get(variant)

    return value


def test_where_some_policies_have_no_variance_the_notes_have_its_range_and_the_caption_agrees_with_the_marks() -> None:
    one = request("variance", without_variance(0, 1, 2), variants=("total", "to_go"), stages=("late",))
    first, second = draw(one).axes
    _, means = clouds(first)

    assert notes(first) == {"total return": "0–3", "to go": "0–2"}
    assert notes(second, first) == {"total return": "3", "to go": "2"}
    assert means[:, 0].tolist() == pytest.approx([1, 2 / 3])
    said = caption(one)
    assert "CartPole-v1: to go (in all 2 cases)." in said
    assert f"In 3 of {2 * SEEDS} policies a variance is 0: no dot, and a range at the right." in said


def test_several_variances_of_zero_are_no_win() -> None:
    options, value = {"variants": ("total", "to_go"), "stages": ("late",)}, without_variance(*range(SEEDS))

    assert "to go (in 1 of 2 cases; in 1, several are 0)." in caption(request("variance", value, **options))
    assert "several, with 0." in caption(request("variance", value, environments=("chain",), **options))
    assert "is 0" not in caption(request("variance", value, environments=("cartpole",), **options))


def test_a_caption_names_those_that_are_tied() -> None:
    def value(variant: str, stage: str, environment: str, metric: str, **_: Any) -> float | None:
        if metric != "cosine":
            return None
        least = {"chain": ("total", "average"), "cartpole": ("to_go", "total")}[environment]
        return 0.5 if variant in least and stage == "initial" else 0.25 if variant in least else 0.75

    one = request("batch_size", value, variants=("total", "average", "to_go"))
    rows = one.rows("summary", metric="cosine", batch=16)

    assert one.leaders(rows.assign(estimate=1.0)) == "all equal"
    assert one.leaders(rows, lowest=True) == "total return (tied in all 4 cases)"
    chain = rows[rows["environment"] == "chain"]
    assert one.leaders(chain, lowest=True) == "total return and total, average reward (tied in all 2 cases)"
    assert one.leaders(chain) == "to go (in all 2 cases)"
    assert one.leaders(chain[chain["stage"] == "late"], lowest=True) == "total return and total, average reward, tied"
    assert one.leaders(rows) == "total, average reward and to go (in 2 of 4 cases each)"
    assert one.between(chain) == "0.25 (total return and total, average reward, late) to 0.75 (to go)"
    assert one.between(rows).startswith("0.25 (several) to 0.75 (several)")


def test_the_caption_counts_the_policies_that_leave_panels_without_marks() -> None:
    def value(environment: str, stage: str, seed: int, variant: str, metric: str, **_: Any) -> float | None:
        unlike = {"cosine": seed == 0, "snr": seed < 2 and variant == "to_go"}
        if environment == "chain" and unlike.get(metric, False):
            return float("nan")
        return -1.0 if (environment, stage, metric) == ("chain", "initial", "snr") and below else None

    below = False
    why = "No mark: ∇J is 0 in 2 policies or tr Cov is 0 in 4 policies. Bars"
    assert why in caption(request("batch_size", value))
    assert "No mark" not in caption(request("batch_size", value, environments=("cartpole",)))
    below = True
    assert "or tr Cov is 0 in 4 policies or a ratio is below 0. Bars" in caption(request("batch_size", value))


@pytest.mark.parametrize("kind", ["batch_size", "bias_and_variance"])
def test_captions_count_the_policies_with_a_noisy_reference(kind: str) -> None:
    def value(stage: str, seed: int, metric: str, **_: Any) -> float | None:
        return float(noisy and seed < 3 and stage == "late") if metric == "reference_flagged" else None

    noisy = False
    assert "noisy" not in caption(request(kind, value))
    noisy = True
    assert caption(request(kind, value)).endswith(f" ∇J is noisy in 6 of {4 * SEEDS} policies.")


@pytest.mark.parametrize("kind", ["batch_size", "variance"])
def test_the_caption_names_estimators_whose_length_is_not_that_of_the_gradient(kind: str) -> None:
    assert "another length (total, average reward)" in caption(request(kind))
    assert "another length" not in caption(request(kind, variants=("total", "to_go")))
    for option in ({"discount": 0.9}, {"normalise_advantages": True}):
        study = study_of(
            {"total": {"returns": "total"}, "to_go": {"label": "odd", **option}}, probe={"variants": ["total", "to_go"]}
        )
        assert ", which misleads for estimates of another length (odd). " in caption(request(kind, study=study))


def test_bias_and_variance_of_estimates_of_another_length_are_said_to_mislead() -> None:
    assert "another length" not in caption(request("bias_and_variance"))
    scaled = study_of({**VARIANTS, "gae": {**VARIANTS["gae"], "normalise_advantages": True}})
    said = caption(request("bias_and_variance", study=scaled, experiment="lambdas"))
    assert ". Both mislead for estimates of another length (GAE). Bias" in said


def test_panels_of_ratios_share_an_axis_that_no_variance_of_zero_stretches() -> None:
    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        return 0.0 if metric == "total_variance" and variant == "to_go" and seed < 3 else None

    drawn = draw(request("variance", value)).axes
    assert len({axes.get_xlim() for axes in drawn}) == 1
    for axes in drawn:
        dots, _ = clouds(axes)
        assert len(dots) == 2 * SEEDS - 3
        assert not any("–––" in note for note in (text.get_text() for text in axes.texts))


def test_the_training_batch_is_marked_and_panels_of_a_metric_share_an_axis() -> None:
    drawn = panels(draw(request("batch_size")))
    (batch,) = {request("batch_size").variants[name].batch for name in request("batch_size").drawn}

    assert all([batch, batch] in [x.tolist() for x, _ in lines(axes)] for axes in drawn)
    assert len({axes.get_ylim() for axes in drawn if axes.get_yscale() == "log"}) == 1
    assert len({axes.get_ylim() for axes in drawn if axes.get_yscale() == "linear"}) == 1


def test_levels_of_a_sweep_are_equally_spaced_in_order() -> None:
    one = request("bias_and_variance", environments=("cartpole",))
    figure = draw(one)
    figure.canvas.draw()
    upper, lower = figure.axes[0], figure.axes[2]

    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["0", "0.5", "0.9", "1"]
    for axes, metric in ((upper, "relative_bias"), (lower, "total_variance")):
        rows = one.rows("summary", environment="cartpole", stage="initial", batch=16, metric=metric)
        x, y = lines(axes, len(LAMBDAS))[0]
        assert x.tolist() == pytest.approx([0, 1, 2, 3])
        assert y.tolist() == pytest.approx(rows.sort_values("variant.returns.lambda")["estimate"].tolist())
    assert (upper.get_yscale(), lower.get_yscale(), lower.get_xlabel()) == ("linear", "log", "λ")


def test_empty_gradients_have_one_grey_line_for_the_returns() -> None:
    figure = draw(request("empty_gradients", environments=("chain",)))
    (legend,) = figure.legends

    assert [text.get_text() for text in legend.get_texts()].count("all returns but one alike") == 1
    for axes in figure.axes:
        assert len(lines(axes, 3)) == 4
        assert axes.xaxis.get_transform().transform(np.array([2.0, 8.0])).tolist() == [1, 3]


def test_intervals_of_shares_are_within_the_axes_of_every_panel() -> None:
    one = request("empty_gradients")
    summary = one.tables["summary"].copy()
    summary.loc[summary["environment"] == "chain", ["ci_low", "ci_high"]] = (-0.3, 1.4)

    for axes in draw(with_tables(one, summary=summary)).axes:
        low, high = axes.get_ylim()
        assert low < -0.3 < 1.4 < high


def shares(worse: float = 1.3, noise: float = 1e-7, **options: Any) -> Any:
    """Request shares of variances that are 1 without a baseline, and 0.5 with the best constant.

    The noise is needed: five equal reductions would have no interval.
    """
    known = {"total": 1.0, "average": 0.6, "worse": worse, "best": 0.5, "alone": 0.1}

    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        level = 2.0**seed * (1 + noise * (seed % 3))
        return {"total_variance": known[variant] * level, "least_variance": 0.5 * 2.0**seed}.get(metric)

    study = study_of(BASELINES, probe={"variants": list(BASELINES)}, enumeration={"variants": list(BASELINES)})
    return request("achieved_share", value, study, **options)


def test_shares_are_relative_to_no_baseline_and_the_best_constant() -> None:
    one = shares(environments=("chain",))
    axes = draw(one).axes[0]
    first = {name: texts[0].split(" (")[0] for name, texts in cells(axes).items()}

    assert coloured(axes)[:, 0].tolist() == pytest.approx(list(SHARES.values()), abs=1e-6)
    assert first == {name: number(share, 2) for name, share in SHARES.items()}


def test_variants_without_a_partner_are_named_and_not_drawn() -> None:
    assert "in the experiment: alone." in caption(shares())
    assert "Not drawn" not in caption(shares(variants=("average",))), "the partner need not be drawn"


def test_shares_of_an_enumeration_are_of_its_smallest_batches() -> None:
    axes = draw(shares(experiment="enumeration", environments=("chain",))).axes[0]

    assert axes.get_title(loc="left").endswith("(N = 2)")


def test_the_caption_names_the_environments_with_a_share_and_the_variants_that_are_tied() -> None:
    one = shares(worse=0.6)
    table = one.tables["comparisons"].copy()
    table.loc[table["variant"] == "best", "estimate"] = -1.0
    table.loc[table["environment"] == "cartpole", ["estimate", "ci_low", "ci_high"]] = np.nan
    half = with_tables(one, comparisons=table)

    assert caption(half).startswith(
        "Greatest reduction of variance in A chain: average and worse (tied in all 2 cases). 1: that of the best"
    )
    assert "–: b* may reduce nothing, or a variance is 0." in caption(half)
    assert "may reduce nothing" not in caption(one)


def test_shares_of_a_reduction_that_may_be_0_are_undefined() -> None:
    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        return {"total_variance": 0.6 + 0.4 * (variant == "total"), "least_variance": 1 + 0.2 * (-1.0) ** seed}.get(
            metric
        )

    study = study_of(BASELINES, probe={"variants": list(BASELINES)})
    axes = draw(request("achieved_share", value, study)).axes[0]

    assert {text for texts in cells(axes).values() for text in texts} == {"–"}
    assert np.isnan(coloured(axes)).all()


def test_the_interval_of_a_share_is_that_of_a_claim() -> None:
    one = shares(noise=0.05, environments=("cartpole",))
    total = {"variant": "total", "batch": 16}
    part = {
        "experiment": "probe",
        "metric": "total_variance",
        "a": {"variant": "average", "batch": 16},
        "share_of": {"zero": total, "one": {**total, "metric": "least_variance"}},
        "relation": "greater",
        "reference": 0.5,
        "environments": ["cartpole"],
        "stages": ["late"],
    }
    words = {"statement": "It is good", "section": "Baselines", "primary": "share", "figure": "share"}
    claim = Claim.model_validate({**words, "parts": {"share": part}})
    (judged,) = judge.evaluate("good", claim, {"probe": one.tables["long"]}).to_dict("records")
    (axes,) = draw(one).axes

    assert coloured(axes)[0, 1] == judged["effect"]
    assert cells(axes)["average"][1] == noted(judged["effect"], judged["ci_low"], judged["ci_high"])


def test_numbers_whose_interval_contains_no_effect_have_no_colour() -> None:
    one = shares(environments=("chain",))
    table = one.tables["comparisons"].copy()
    table.loc[table["variant"] == "best", ["ci_low", "ci_high"]] = (-0.1, 2.1)
    axes = draw(with_tables(one, comparisons=table)).axes[0]

    assert np.isnan(coloured(axes)).tolist() == [[False] * 2, [False] * 2, [True] * 2]
    assert cells(axes)["best"][0] == "1.0 (−0.10 to 2.1)"


@pytest.mark.parametrize(("bias", "written"), [(0.9e-10, "0"), (1.1e-10, number(1.1e-10, 2)), (0.1, "0.10")])
def test_a_bias_is_written_0_only_if_it_is_rounding(bias: float, written: str) -> None:
    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        if metric != "relative_bias":
            return None
        return 0.0 if variant != "to_go" or seed != 3 else SEEDS * bias

    variance, axes = draw(request("ladder", value, environments=("chain",))).axes
    found = {name: texts[0].split(" (")[0] for name, texts in cells(axes, variance).items()}
    assert (found["to go"], found["total return"]) == (written, "0")


def test_the_ladder_draws_the_smallest_batch() -> None:
    assert "N = 2, the smallest of 2, 3 and 5" in caption(request("ladder"))


@pytest.mark.parametrize("kind", ["ladder", "shrinkage", "achieved_share"])
def test_the_caption_says_where_intervals_are_if_cells_have_no_room(kind: str) -> None:
    def has_intervals(one: Any) -> bool:
        return any(
            "(" in text
            for axes in draw(one).axes
            for texts in cells(axes, draw(one).axes[0]).values()
            for text in texts
        )

    wide, narrow = (shares(noise=0.05) if kind == "achieved_share" else request(kind) for _ in range(2))
    narrow = replace(narrow, figure=narrow.figure.model_copy(update={"width": "one_column"}))
    assert has_intervals(wide) != ("Intervals are in the tables alone." in caption(wide))
    assert not has_intervals(narrow)
    assert "Intervals are in the tables alone." in caption(narrow)


def test_columns_are_the_stages_of_each_environment() -> None:
    staged = {"source": EXPERIMENTS["probe"]["source"]}
    variance, bias = draw(request("ladder", study=study_of(enumeration=staged))).axes

    for axes in (variance, bias):
        groups = [one.get_text() for one in axes.texts if isinstance(one, Annotation)]
        assert groups == ["A chain", "CartPole-v1"]
        assert [label.get_text() for label in axes.get_xticklabels()] == ["initial", "late"] * 2


def test_tables_that_do_not_fit_are_below_each_other_in_columns_of_one_width() -> None:
    staged = {"source": {**EXPERIMENTS["probe"]["source"], "stages": ["initial", "middle", "late"]}}
    figure = draw(request("ladder", study=study_of(enumeration=staged), width="one_column"))

    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert titles(figure.axes)[0] == "tr Cov / tr Cov of total return"
    assert all(len(cells(axes)) == 3 for axes in figure.axes)


def test_in_sample_baselines_keep_what_the_last_row_predicts_and_others_all() -> None:
    def value(variant: str, batch: int, metric: str, **_: Any) -> float | None:
        return (-1 / batch if variant == "average" else 0.0) if metric == "shrinkage" else None

    (axes,) = draw(request("shrinkage", value, environments=("chain",))).axes

    assert cells(axes)["total, average reward"] == cells(axes)["1 − 1/N"] == ["0.50", "0.67", "0.80"]
    assert cells(axes)["total return"] == ["1.0"] * 3


def test_panels_of_measured_over_predicted_share_an_axis_with_a_line_at_1() -> None:
    drawn = draw(request("sampled_variance")).axes

    assert len({axes.get_xlim() for axes in drawn}) == 1
    assert all([1, 1] in [x.tolist() for x, _ in lines(axes)] for axes in drawn)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_lines_are_geometric_means_of_the_parabolas(shift: float) -> None:
    """With shift 1 the variance at offset -1, where all rewards cancel, is 0: a gap, and the same parabola."""

    def value(seed: int, metric: str, **names: Any) -> float | None:
        level = names["environment.rewards.offset"]
        curve = (level + 1) ** 2 if shift else 3 + level + 2 * level**2
        return (1 + seed) * curve if metric == "total_variance" else None

    levels = (*OFFSETS, -1) if shift else OFFSETS
    swept = {"sweep": {"environment.rewards.offset": list(levels), "variant.batch": [2]}}
    axes = draw(request("against_rewards", value, study_of(offsets=swept), environments=("chain",))).axes[0]
    (at, heights), *_ = lines(axes, 200)
    expected = (at + 1) ** 2 if shift else 3 + at + 2 * at**2

    assert (at[0], at[-1]) == (-2, 4)
    np.testing.assert_allclose(heights, 120**0.2 * expected, rtol=1e-6)
    assert len(clouds(axes)[0]) == len(OFFSETS) * 3
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")


def test_scales_of_rewards_are_on_a_logarithmic_axis() -> None:
    study = study_of(offsets={"sweep": {"environment.rewards.scale": [0.1, 1.0, 10.0]}})
    figure = draw(request("against_rewards", study=study))

    assert {axes.get_xscale() for axes in panels(figure)} == {"log"}
    assert panels(figure)[0].get_xlabel() == "scale α of every reward"
