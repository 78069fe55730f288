"""Properties of figures of probes and enumerations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.lines import AxLine
from matplotlib.patches import StepPatch
from pg.claims import judge
from pg.claims.record import Claim
from pg.plotting.text import noted, number
from tests.figures.pictures import bars, caption, clouds, draw, lines, notes, panels, titles
from tests.figures.studies import EXPERIMENTS, LAMBDAS, OFFSETS, SEEDS, made_up, request, study_of, with_tables

SHARES = {"average": 0.8, "worse": -0.6, "best": 1.0}
BASELINES = {
    "total": {"returns": "total", "label": "total return"},
    **{name: {"returns": "total", "baseline": "average_reward"} for name in SHARES},
    "alone": {"returns": "total", "baseline": "per_step", "normalise_advantages": True},
}


@pytest.mark.parametrize("kind", ["variance", "ladder"])
def test_ratios_to_the_plain_estimator_are_those_of_the_table(kind: str) -> None:
    one = request(kind, environments=("chain",))
    one = with_tables(one, comparisons=made_up(one.tables["comparisons"]))
    first, *_ = draw(one).axes
    where = {"environment": "chain", "comparison": "ratio", "over": "total", "variant": "average", "batch": one.batch}
    estimate, low, high = one.rows("comparisons", **where)[["estimate", "ci_low", "ci_high"]].to_numpy()[0]

    assert notes(first)["total return"] == "1"
    assert notes(first)["total, average reward"] == noted(estimate, low, high)


def test_the_batch_drawn_is_nearest_to_that_of_training() -> None:
    assert request("variance").batch == 16
    assert request("ladder").batch == 2, "the smallest, where batches are swept"


def test_panels_of_one_environment_span_one_ratio() -> None:
    spans = [np.log(axes.get_xlim()) for axes in draw(request("variance", environments=("cartpole",))).axes]

    assert np.allclose(np.diff(spans), np.diff(spans[0]))


def test_variances_of_zero_are_left_out() -> None:
    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        return 0.0 if metric == "total_variance" and variant == "to_go" and seed < 3 else None

    for axes in draw(request("variance", value)).axes:
        dots, _ = clouds(axes)
        assert len(dots) == 3 * SEEDS - 3
        assert not any("–––" in note for note in (text.get_text() for text in axes.texts))


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

    assert clouds(axes)[0][:, 0].tolist() == pytest.approx(list(SHARES.values()), abs=1e-6)
    assert notes(axes) == {name: number(share, 2) for name, share in SHARES.items()}


def test_variants_without_a_partner_are_named_and_not_drawn() -> None:
    assert "in the experiment: alone." in caption(shares())
    assert "Not drawn" not in caption(shares(variants=("average",))), "the partner need not be drawn"
    with pytest.raises(ValueError, match="none of the variants alone has a partner in probe"):
        draw(shares(variants=("alone",)))


def test_shares_of_an_enumeration_are_of_its_smallest_batches() -> None:
    axes = draw(shares(experiment="enumeration", environments=("chain",))).axes[0]

    assert axes.get_xlabel() == "share achieved (N = 2)"


@pytest.mark.parametrize(("worse", "scale"), [(1.3, "linear"), (20.0, "symlog")])
def test_a_baseline_that_adds_variance_is_within_the_axes(worse: float, scale: str) -> None:
    for axes in draw(shares(worse=worse)).axes:
        low, high = axes.get_xlim()
        assert axes.get_xscale() == scale
        assert low < 2 * (1 - worse) < 0 < 1 < high


def test_shares_of_a_reduction_that_may_be_0_are_undefined() -> None:
    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        return {"total_variance": 0.6 + 0.4 * (variant == "total"), "least_variance": 1 + 0.2 * (-1.0) ** seed}.get(
            metric
        )

    study = study_of(BASELINES, probe={"variants": list(BASELINES)})
    axes = draw(request("achieved_share", value, study)).axes[0]

    assert [one.get_text() for one in axes.texts].count("undefined: reduction may be 0") == len(SHARES)
    assert not np.isfinite(clouds(axes)[0]).all(axis=1).any() if clouds(axes) else True


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
    late = draw(one).axes[1]

    assert clouds(late)[0][0, 0] == judged["effect"]
    assert bars(late)[0][0, :, 0].tolist() == [judged["ci_low"], judged["ci_high"]]


@pytest.mark.parametrize(("bias", "written"), [(0.9e-10, "0"), (1.1e-10, number(1.1e-10 / SEEDS, 2)), (0.5, "0.10")])
def test_a_bias_is_written_0_only_if_it_is_rounding(bias: float, written: str) -> None:
    def value(variant: str, seed: int, metric: str, **_: Any) -> float | None:
        if metric != "relative_bias":
            return None
        return 0.0 if variant != "to_go" or seed != 3 else bias

    variance, axes = draw(request("ladder", value, environments=("chain",))).axes
    assert notes(axes, variance)["to go"] == written
    assert notes(axes, variance)["total return"] == "0"
    low, high = axes.get_xlim()
    assert low < 0 < min(high, 0.5 if bias < 1e-9 else 1)


def test_the_ladder_draws_the_smallest_batch() -> None:
    assert "N = 2 trajectories (the smallest of 2, 3 and 5)" in caption(request("ladder"))


def test_stages_of_two_environments_are_below_each_other() -> None:
    staged = {"source": EXPERIMENTS["probe"]["source"]}
    figure = draw(request("ladder", study=study_of(enumeration=staged)))

    assert titles(figure.axes) == [
        f"{name}, {stage} policies" for stage in ("initial", "late") for name in ("A chain", "CartPole-v1")
    ]


def test_in_sample_baselines_are_on_the_stairs_and_others_at_1() -> None:
    def value(variant: str, batch: int, metric: str, **_: Any) -> float | None:
        return (-1 / batch if variant == "average" else 0.0) if metric == "shrinkage" else None

    axes = draw(request("shrinkage", value, environments=("chain",))).axes[0]
    (patch,) = [one for one in axes.patches if isinstance(one, StepPatch)]
    values, edges, _ = patch.get_data()
    at, heights = clouds(axes)[0].T
    stair = np.asarray(values)[np.searchsorted(np.asarray(edges), at) - 1]

    assert np.asarray(values).tolist() == pytest.approx([1 / 2, 2 / 3, 4 / 5])
    assert np.isclose(heights, stair, atol=1e-12).sum() == 3 * SEEDS
    assert np.isclose(heights, 1, atol=1e-12).sum() == 2 * 3 * SEEDS
    per_stair, _ = np.histogram(np.unique(np.round(at, 9)), np.asarray(edges))
    assert per_stair.tolist() == [3] * 3, "variants at one N are next to each other"


def test_panels_of_shrinkage_share_an_axis_with_every_mark() -> None:
    figure = draw(request("shrinkage", lambda metric, **_: 3.0 if metric == "shrinkage" else None))

    assert all(axes.get_ylim()[0] <= 0 and axes.get_ylim()[1] > 4 for axes in figure.axes)


def test_sampled_variances_pair_by_policy_in_any_order() -> None:
    one = request("sampled_variance", environments=("chain",))
    pairs = one.rows("long", environment="chain").pivot_table(
        index=["variant", "batch", "seed"], columns="metric", values="value"
    )
    shuffled = one.tables["long"].sample(frac=1, random_state=np.random.default_rng(1))
    axes = draw(with_tables(one, long=shuffled)).axes[0]
    (diagonal,) = [line for line in axes.lines if isinstance(line, AxLine)]
    expected = pairs[["total_variance", "sampled_variance"]].itertuples(index=False, name=None)

    assert sorted(map(tuple, clouds(axes)[0])) == sorted(expected)
    assert axes.get_xlim() == axes.get_ylim()
    assert np.asarray(diagonal.get_xy1()).tolist() == [1, 1]
    assert axes.get_box_aspect() == 1


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
