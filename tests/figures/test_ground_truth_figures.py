"""The figures of the ground truth draw what was measured, say 0 only of zeros, and divide by nothing that may be 0."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Picture
from matplotlib.lines import AxLine
from matplotlib.patches import StepPatch
from matplotlib.text import Annotation, Text
from pg.claims import judge as claims
from pg.claims.record import Claim
from pg.experiments.exact.figures import ladder, sampled_variance, shrinkage
from pg.experiments.probe.figures import achieved_share, empty_gradients
from pg.experiments.summaries import summarise
from pg.plotting import compared, layout, saving, style
from pg.plotting.captions import number, with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.statistics.estimates import geometric_mean
from pg.study.record import Study
from tests.figures.pictures import bars, offsets, scatters

Requests = Callable[..., FigureRequest]

SEEDS = 10
STAGES = ("initial", "late")
SIZES = (4, 16, 64)
EXACT_SIZES = (2, 3, 5)

VARIANTS = {
    "total": {"returns": "total", "label": "total return"},
    "total_average": {"returns": "total", "baseline": "average_reward", "label": "total, average reward"},
    "total_leave_one_out": {"returns": "total", "baseline": "leave_one_out", "label": "total, leave-one-out"},
    "total_optimal": {"returns": "total", "baseline": "optimal", "label": "total, optimal constant"},
    "to_go": {"label": "reward-to-go"},
    "to_go_average": {"baseline": "average_reward", "label": "reward-to-go, average reward"},
    "to_go_optimal": {"baseline": "optimal", "label": "reward-to-go, optimal constant"},
    "normalised": {"baseline": "per_step", "normalise_advantages": True},
}
IN_SAMPLE = ("total_average", "to_go_average")

# What each variant's variance is of that of its returns without a baseline, and so what share of the reduction to the
# optimal constant's 0.5 it reaches: 0.8, -0.6 and so on.
VARIANCE = dict(zip(VARIANTS, (1.0, 0.6, 0.7, 0.5, 1.0, 1.3, 0.5, 0.1), strict=True))
SHARES = {
    "total_average": 0.8,
    "total_leave_one_out": 0.6,
    "total_optimal": 1.0,
    "to_go_average": -0.6,
    "to_go_optimal": 1.0,
}

MODULES = {
    "ladder": ladder,
    "shrinkage": shrinkage,
    "achieved_share": achieved_share,
    "empty_gradients": empty_gradients,
    "sampled_variance": sampled_variance,
}
EXPERIMENTS = {
    "ladder": "enumeration",
    "shrinkage": "enumeration",
    "achieved_share": "gradients",
    "empty_gradients": "gradients",
    "sampled_variance": "enumeration",
}


@pytest.fixture(scope="module")
def study() -> Study:
    places = {"environments": ["chain", "bandit"], "variants": list(VARIANTS), "seeds": {"count": SEEDS}}
    return Study.model_validate(
        {
            "name": "The ground truth",
            "environments": {
                "chain": {"id": "pg/Chain-v0", "horizon": 4, "label": "A short chain"},
                "bandit": {"id": "pg/Bandit-v0", "label": "Two-armed bandit"},
            },
            "variants": VARIANTS,
            "experiments": {
                "enumeration": {
                    **places,
                    "kind": "exact",
                    "sweep": {"variant.batch": list(EXACT_SIZES), "variant.policy.hidden": [[]]},
                    "sampled_batches": 1000,
                },
                "gradients": {
                    **places,
                    "kind": "probe",
                    "source": {"experiment": "learning", "variant": "to_go", "stages": list(STAGES)},
                    "sample": {"trajectories": 128, "batches": list(SIZES)},
                },
            },
        }
    )


@pytest.fixture(scope="module")
def tables_of() -> dict[str, dict[str, pd.DataFrame]]:
    longs = {"enumeration": _enumeration(), "gradients": _gradients()}
    return {name: {"long": long, "summary": summarise(long)} for name, long in longs.items()}


@pytest.fixture(scope="module")
def request_for(study: Study, tables_of: dict[str, dict[str, pd.DataFrame]]) -> Requests:
    """Make the request of a figure by its kind, with options of its declaration changed."""

    def make(kind: str, **changes: object) -> FigureRequest:
        figure = Figure(kind=kind, experiment=EXPERIMENTS[kind], section="Introducing baselines")
        return FigureRequest(study, figure.model_copy(update=changes), tables_of[EXPERIMENTS[kind]])

    return make


def _enumeration() -> pd.DataFrame:
    generator = np.random.default_rng(5)
    rows = []
    for environment in ("chain", "bandit"):
        for variant in VARIANTS:
            for size in EXACT_SIZES:
                names = {"environment": environment, "variant": variant, "variant.batch": size}
                names |= {"variant.policy.hidden": "[]", "batch": size, "stage": "random"}
                for seed in range(SEEDS):
                    variance = VARIANCE[variant] * 2.0**seed / size * generator.lognormal(0, 0.05)
                    sampled = variance * generator.lognormal(0, 0.1)
                    values = {
                        "relative_bias": abs(_shrinkage(variant, size, generator)),
                        "total_variance": variance,
                        "least_variance": 0.5 * 2.0**seed / size,
                        "shrinkage": _shrinkage(variant, size, generator),
                        "sampled_variance": sampled,
                        "variance_ratio": sampled / variance,
                    }
                    rows += [{**names, "seed": seed, "metric": name, "value": value} for name, value in values.items()]
    return pd.DataFrame(rows)


def _shrinkage(variant: str, size: int, generator: np.random.Generator) -> float:
    if variant == "normalised":
        return generator.uniform(0.2, 0.8)
    return (-1 / size if variant in IN_SAMPLE else 0.0) + generator.normal(0, 1e-15)


def _gradients() -> pd.DataFrame:
    generator = np.random.default_rng(6)
    rows = []
    for environment, noise in (("chain", 0.0), ("bandit", 0.05)):
        for variant in VARIANTS:
            for stage in STAGES:
                for seed in range(SEEDS):
                    variance = VARIANCE[variant] * 2.0**seed * generator.lognormal(0, noise)
                    for size in SIZES:
                        names = {"environment": environment, "variant": variant, "batch": size, "stage": stage}
                        alike = (0.5 + 0.04 * seed) ** (size / 4)
                        values = {
                            "total_variance": variance / size,
                            "least_variance": 0.5 * 2.0**seed / size,
                            "empty": 0.0 if VARIANTS[variant].get("baseline") is None else alike / 2,
                            "returns_alike": alike,
                        }
                        rows += [
                            {**names, "seed": seed, "metric": name, "value": value} for name, value in values.items()
                        ]
    return pd.DataFrame(rows)


def ends(axes: Axes) -> np.ndarray:
    """Ends of the lying bars of intervals, a row each."""
    (drawn,) = bars(axes)
    return drawn[:, :, 0]


def notes(axes: Axes, named: Axes | None = None) -> dict[str, str]:
    """What stands at the right of each row, by the row's name, which may stand beside another panel."""
    names = [label.get_text().replace("\n", " ") for label in (named or axes).get_yticklabels()]
    return {names[int(row)]: text for (across, row), text in written(axes) if across > 1 and row >= 0}


def written(axes: Axes) -> list[tuple[tuple[float, float], str]]:
    """What is written into and beside a panel, each with its place."""
    return [(one.xy, one.get_text()) for one in axes.texts if isinstance(one, Annotation)]


def words(figure: Picture) -> list[Text]:
    """All that can be read in a picture."""
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    beside = [text for axes in figure.axes for text in axes.get_children() if isinstance(text, Text)]
    on_axes = [text for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for text in _of_axis(axis)]
    return [text for text in (*legends, *beside, *on_axes) if text.get_visible() and text.get_text()]


def _of_axis(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    ticks = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [axis.label, *ticks]


def changed(request: FigureRequest, **columns: pd.Series) -> FigureRequest:
    """Change columns of the long table, and the summary with it, of the environments that the figure draws."""
    long = request.tables["long"].assign(**columns)
    long = long[long["environment"].isin(request.environments)]
    return replace(request, tables={"long": long, "summary": summarise(long)})


def with_value(request: FigureRequest, value: float, **where: str | int) -> FigureRequest:
    """Write a number into the rows of the long table that hold the given values."""
    long = request.tables["long"]
    chosen = np.logical_and.reduce([long[column] == wanted for column, wanted in where.items()])
    return changed(request, value=long["value"].mask(chosen, value))


# All five ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("kind", MODULES)
def test_every_figure_draws_without_a_warning_or_an_overlap_and_captions_every_variant(
    request_for: Requests, kind: str, width: style.Width
) -> None:
    request = request_for(kind, width=width)
    figure = MODULES[kind].draw(request)
    figure.canvas.draw()
    boxes = [one.get_window_extent() for one in words(figure)]
    told = MODULES[kind].caption(request)

    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert figure.get_figwidth() == style.WIDTHS[width]
    assert all(VARIANTS[name].get("label", name) in told for name in VARIANTS)


@pytest.mark.parametrize("kind", MODULES)
def test_a_figure_draws_the_named_environments_and_variants_alone(request_for: Requests, kind: str) -> None:
    request = request_for(kind, environments=("chain",), variants=("total_leave_one_out", "total_average"))
    told = MODULES[kind].caption(request)
    MODULES[kind].draw(request)

    assert "bandit" not in told
    assert "reward-to-go" not in told
    assert told.index("total, average reward") < told.index("total, leave-one-out")


@pytest.mark.parametrize("kind", MODULES)
def test_a_single_policy_bounds_nothing_and_is_drawn(request_for: Requests, kind: str) -> None:
    request = request_for(kind, environments=("chain",), variants=("total", "total_average", "normalised"))
    long = request.tables["long"].query("seed == 0 and environment == 'chain'")
    single = replace(request, tables={"long": long, "summary": summarise(long)})
    MODULES[kind].draw(single).canvas.draw()

    assert "1 seed" in MODULES[kind].caption(single) or "1 policy snapshot" in MODULES[kind].caption(single)


@pytest.mark.long
@pytest.mark.parametrize("kind", MODULES)
def test_two_drawings_are_byte_identical(request_for: Requests, tmp_path: Path, kind: str) -> None:
    paths = [tmp_path / f"{time}.pdf" for time in ("first", "second")]
    for path in paths:
        saving.save(MODULES[kind].draw(request_for(kind, environments=("chain",), width="one_column")), path)

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_levels_that_tell_nothing_apart_are_not_named(request_for: Requests) -> None:
    request = request_for("sampled_variance")
    labels = [strand.label for strand in compared.told_apart(request)]

    assert labels[:3] == ["total return, batch 2", "total return, batch 3", "total return, batch 5"]
    assert [strand.label for strand in compared.told_apart(request, but=("variant.batch",))][:1] == ["total return"]


def test_panels_without_another_below_are_the_last_of_each_column(request_for: Requests) -> None:
    request = request_for("empty_gradients")
    figure, panels = layout.panels(request, 3, 1.0)
    lowest = {place % 3: axes for place, axes in enumerate(panels)}

    assert len(panels) == 4
    assert set(layout.lowest(panels, 3)) == set(lowest.values())
    assert [axes.axison for axes in figure.axes] == [True] * 4 + [False] * 2


# The ladder ----------------------------------------------------------------------------------------------------------


def test_the_ladder_writes_ratios_of_paired_variances(request_for: Requests) -> None:
    request = request_for("ladder", environments=("chain",))
    rows = request.rows("long", environment="chain", metric="total_variance", batch=2)
    by_variant = rows.pivot_table(index="seed", columns="variant", values="value")
    ratio = geometric_mean(by_variant["to_go_average"] / by_variant["total"])
    quoted = with_interval(ratio.estimate, ratio.low, ratio.high)
    variance, _ = ladder.draw(request).axes

    assert notes(variance)["total return"] == "1"
    assert notes(variance)["reward-to-go, average reward"] == quoted
    assert f"reward-to-go, average reward: {quoted}, bias 0.500;" in ladder.caption(request)


def test_the_ladder_shows_every_policy(request_for: Requests) -> None:
    request = request_for("ladder", environments=("bandit",))
    variance, bias = ladder.draw(request).axes
    drawn = {"total_variance": variance, "relative_bias": bias}

    for metric, axes in drawn.items():
        dots, _ = scatters(axes)
        rows = request.rows("long", environment="bandit", metric=metric, batch=2)
        assert sorted(offsets(dots)[:, 0]) == sorted(rows["value"])


def test_the_ladder_draws_estimates_and_intervals_of_the_summary(request_for: Requests) -> None:
    request = request_for("ladder", environments=("chain",))
    # No statistic of the policies gives these numbers: they can only have been read.
    estimates = np.arange(1.0, 1.0 + len(request.tables["summary"]))
    made_up = request.tables["summary"].assign(estimate=estimates, ci_low=estimates - 0.25, ci_high=estimates + 0.5)
    request = replace(request, tables={**request.tables, "summary": made_up})

    for metric, axes in zip(("total_variance", "relative_bias"), ladder.draw(request).axes, strict=True):
        rows = request.rows("summary", environment="chain", metric=metric, batch=2)
        assert offsets(scatters(axes)[1])[:, 0].tolist() == rows["estimate"].tolist()
        assert ends(axes).tolist() == rows[["ci_low", "ci_high"]].to_numpy().tolist()


@pytest.mark.parametrize(("bias", "written"), [(0.9e-10, "0"), (1.1e-10, number(1.1e-11, 2)), (0.5, "0.050")])
def test_a_bias_is_written_0_only_where_it_is_rounding_under_every_policy(
    request_for: Requests, bias: float, written: str
) -> None:
    unbiased = with_value(request_for("ladder", environments=("chain",)), 0.0, variant="to_go", metric="relative_bias")
    request = with_value(unbiased, bias, variant="to_go", metric="relative_bias", seed=3)
    variance, panel = ladder.draw(request).axes
    biases = notes(panel, variance)

    assert biases["reward-to-go"] == written
    assert biases["total return"] == "0"
    assert biases["total, average reward"] == "0.50"


def test_rounding_does_not_fill_a_panel_in_which_every_variant_is_unbiased(request_for: Requests) -> None:
    _, bias = ladder.draw(request_for("ladder", environments=("chain",), variants=("total", "to_go"))).axes
    low, high = bias.get_xlim()

    assert low < 0 < 0.5 < high


def test_of_several_batch_sizes_the_ladder_draws_the_smallest_and_says_so(request_for: Requests, study: Study) -> None:
    request = request_for("ladder")
    experiment = study.experiments["enumeration"].model_copy(update={"sweep": {"variant.batch": (2,)}})
    single = study.model_copy(update={"experiments": {**study.experiments, "enumeration": experiment}})

    assert "Of the batch sizes 2, 3 and 5 the smallest is drawn." in ladder.caption(request)
    assert "smallest" not in ladder.caption(replace(request, study=single))
    assert ladder.draw(request).axes[0].get_xlabel() == "tr Cov (N = 2)"


def test_stages_of_two_environments_stand_below_each_other(request_for: Requests) -> None:
    # A probe has several stages; shares of empty batches stand in for biases.
    probed = request_for("ladder", experiment="gradients", variants=("total", "to_go"))
    long = request_for("achieved_share").tables["long"]
    measured = pd.concat([long, long.query("metric == 'empty'").assign(metric="relative_bias")])
    request = replace(probed, tables={"long": measured, "summary": summarise(measured)})
    titles = [axes.get_title(loc="left") for axes in ladder.draw(request).axes[::2]]

    assert titles == [f"{name}, {stage} policies" for stage in STAGES for name in ("A short chain", "Two-armed bandit")]


# Shrinkage -----------------------------------------------------------------------------------------------------------


def stairs(axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    (patch,) = [one for one in axes.patches if isinstance(one, StepPatch)]
    values, edges, _ = patch.get_data()
    return np.asarray(values), np.asarray(edges)


def test_in_sample_marks_lie_on_the_stairs_and_the_others_at_1(request_for: Requests) -> None:
    request = request_for("shrinkage", environments=("chain",), variants=tuple(VARIANTS)[:-1])
    (axes,) = shrinkage.draw(request).axes
    values, edges = stairs(axes)
    (scatter,) = scatters(axes)
    at, heights = offsets(scatter).T
    stair = values[np.searchsorted(edges, at) - 1]
    on_stairs, at_one = np.isclose(heights, stair, atol=1e-12), np.isclose(heights, 1, atol=1e-12)

    assert values.tolist() == [1 - 1 / size for size in EXACT_SIZES]
    assert on_stairs.sum() == len(IN_SAMPLE) * len(EXACT_SIZES) * SEEDS
    assert at_one.sum() == (len(VARIANTS) - 1 - len(IN_SAMPLE)) * len(EXACT_SIZES) * SEEDS


def test_marks_of_one_size_stand_beside_each_other_on_their_own_stair(request_for: Requests) -> None:
    request = request_for("shrinkage", environments=("chain",))
    (axes,) = shrinkage.draw(request).axes
    _, edges = stairs(axes)
    at = np.unique(np.round(offsets(scatters(axes)[0])[:, 0], 9))
    per_stair, _ = np.histogram(at, edges)

    assert per_stair.tolist() == [len(VARIANTS)] * len(EXACT_SIZES)
    assert all(edges[place] < size < edges[place + 1] for place, size in enumerate(EXACT_SIZES))


def test_the_shrinkage_caption_sorts_variants_by_where_all_their_marks_lie(request_for: Requests) -> None:
    request = request_for("shrinkage")
    told = shrinkage.caption(request).splitlines()
    spread = request.rows("long", variant="normalised", metric="shrinkage")["value"] + 1

    assert told[1] == "At 1 − 1/N, but for rounding — total, average reward; reward-to-go, average reward."
    assert told[2].startswith("At 1, but for rounding — total return; total, leave-one-out;")
    assert told[3].endswith(f"normalised: {number(spread.min())} to {number(spread.max())}.")


@pytest.mark.parametrize(("variant", "kept"), [("total_average", 0.5 - 1e-9), ("to_go", 1 + 1e-9)])
def test_a_single_policy_away_from_the_rule_is_told(request_for: Requests, variant: str, kept: float) -> None:
    where = {"metric": "shrinkage", "environment": "bandit", "batch": 2, "seed": 4}
    request = with_value(request_for("shrinkage"), kept - 1, variant=variant, **where)
    *_, neither = shrinkage.caption(request).splitlines()

    assert f"{VARIANTS[variant]['label']}: " in neither


def test_panels_of_shrinkage_share_an_axis_that_holds_every_mark(request_for: Requests) -> None:
    request = with_value(request_for("shrinkage"), 3.0, environment="chain", variant="normalised", metric="shrinkage")

    assert all(axes.get_ylim()[0] <= 0 and axes.get_ylim()[1] > 4 for axes in shrinkage.draw(request).axes)


# The achieved share --------------------------------------------------------------------------------------------------


def test_shares_are_relative_to_the_same_returns_without_and_with_the_optimal_baseline(request_for: Requests) -> None:
    (axes, *_) = achieved_share.draw(request_for("achieved_share", environments=("chain",))).axes
    shares = offsets(scatters(axes)[0])[:, 0]

    assert shares == pytest.approx(list(SHARES.values()), abs=1e-12)
    assert notes(axes) == {VARIANTS[name]["label"]: number(share, 2) for name, share in SHARES.items()}


def test_the_drawn_interval_is_the_one_that_a_claim_is_judged_by(request_for: Requests) -> None:
    request = request_for("achieved_share", environments=("bandit",))
    part = {
        "experiment": "gradients",
        "metric": "total_variance",
        "a": {"variant": "total_average", "batch": 16},
        "share_of": {
            "zero": {"variant": "total", "batch": 16},
            "one": {"variant": "total", "batch": 16, "metric": "least_variance"},
        },
        "relation": "greater",
        "reference": 0.5,
        "environments": ["bandit"],
        "stages": ["late"],
    }
    words = {"statement": "It is good", "section": "Introducing baselines", "primary": "share", "figure": "share"}
    claim = Claim.model_validate({**words, "parts": {"share": part}})
    (judged,) = claims.evaluate("good", claim, {"gradients": request.tables["long"]}).to_dict("records")
    _, late = achieved_share.draw(request).axes

    assert offsets(scatters(late)[0])[0, 0] == judged["effect"]
    assert ends(late)[0].tolist() == [judged["ci_low"], judged["ci_high"]]
    quoted = with_interval(judged["effect"], judged["ci_low"], judged["ci_high"])
    assert f"Two-armed bandit, late policies, share — total, average reward: {quoted};" in achieved_share.caption(
        request
    )


@pytest.mark.parametrize(("variance", "scale"), [(1.3, "linear"), (20.0, "symlog")])
def test_a_baseline_that_makes_things_worse_is_in_sight(request_for: Requests, variance: float, scale: str) -> None:
    request = request_for("achieved_share", environments=("chain",))
    long = request.tables["long"]
    worse = long["value"].mask(
        (long["variant"] == "to_go_average") & (long["metric"] == "total_variance"),
        long["value"] * variance / VARIANCE["to_go_average"],
    )
    request = changed(request, value=worse)

    for axes in achieved_share.draw(request).axes:
        low, high = axes.get_xlim()
        assert axes.get_xscale() == scale
        assert low < 2 * (1 - variance) < 0 < 1 < high
    assert ("logarithmic" in achieved_share.caption(request)) == (scale == "symlog")


def test_a_share_of_a_reduction_that_may_be_0_is_undefined_and_the_panel_says_so(request_for: Requests) -> None:
    request = request_for("achieved_share", environments=("chain",))
    long = request.tables["long"]
    # The optimal constant is sometimes better and sometimes worse than none.
    optimal = (long["variant"] == "total") & (long["metric"] == "least_variance")
    either = long["value"].mask(optimal, long["value"] * (2 + 0.2 * (-1.0) ** long["seed"]))
    request = changed(request, value=either)
    axes = achieved_share.draw(request).axes[0]
    said = [row for (_, row), text in written(axes) if text.startswith("undefined")]

    assert said == [0, 1, 2]
    assert offsets(scatters(axes)[0])[:, 0] == pytest.approx([SHARES["to_go_average"], SHARES["to_go_optimal"]])
    told = achieved_share.caption(request)
    assert "total, leave-one-out: undefined; total, optimal constant: undefined; reward" in told


def test_partners_count_that_the_figure_does_not_draw(request_for: Requests) -> None:
    request = request_for("achieved_share", environments=("chain",), variants=("total_average",))
    told = achieved_share.caption(request)

    assert "total, average reward: 0.800 (0.800 to 0.800)." in told
    assert "Without a baseline — total return." in told


def test_a_variant_without_partners_is_named_and_not_drawn(request_for: Requests) -> None:
    request = request_for("achieved_share", environments=("chain",))

    assert "no partner with the same returns — normalised." in achieved_share.caption(request)
    assert "normalised" not in notes(achieved_share.draw(request).axes[0])


def test_shares_need_partners(request_for: Requests) -> None:
    with pytest.raises(ValueError, match="none of the variants normalised has a partner in gradients"):
        achieved_share.draw(request_for("achieved_share", variants=("normalised",)))


def test_shares_of_an_enumeration_are_those_of_its_smallest_batches(request_for: Requests) -> None:
    request = request_for("achieved_share", experiment="enumeration", environments=("chain",))
    enumerated = replace(request, tables=request_for("ladder").tables)
    (axes,) = achieved_share.draw(enumerated).axes

    assert axes.get_xlabel() == "share achieved (N = 2)"
    assert offsets(scatters(axes)[0])[:, 0] == pytest.approx(list(SHARES.values()), abs=0.2)


# Empty gradients -----------------------------------------------------------------------------------------------------


def lines_of(axes: Axes) -> list[np.ndarray]:
    """Heights of the lines that are drawn against N."""
    drawn = [np.asarray(line.get_ydata(), np.float64) for line in axes.lines]
    return [heights for heights in drawn if len(heights) == len(SIZES)]


def test_every_variant_has_a_line_and_the_returns_have_one(request_for: Requests) -> None:
    request = request_for("empty_gradients", environments=("chain",), variants=("total", "total_average"))
    axes, _ = empty_gradients.draw(request).axes
    alike, *empty = lines_of(axes)
    summary = request.rows("summary", environment="chain", stage="initial")

    def estimates(variant: str, metric: str) -> np.ndarray:
        rows = summary[(summary["variant"] == variant) & (summary["metric"] == metric)]
        return rows["estimate"].to_numpy(np.float64)

    assert np.array_equal(alike, estimates("total", "returns_alike"))
    assert np.array_equal(empty, [estimates(variant, "empty") for variant in ("total", "total_average")])


def test_batch_sizes_double_along_the_axis(request_for: Requests) -> None:
    for axes in empty_gradients.draw(request_for("empty_gradients")).axes:
        assert axes.xaxis.get_transform().transform(np.array([2.0, 8.0])).tolist() == [1, 3]
        assert axes.get_xticks().tolist() == list(SIZES)


def test_the_legend_names_the_returns_once(request_for: Requests) -> None:
    (legend,) = empty_gradients.draw(request_for("empty_gradients")).legends
    names = [text.get_text() for text in legend.get_texts()]

    assert names.count("all returns but one alike") == 1
    assert len(names) == len(VARIANTS) + 1


def test_the_caption_quotes_both_shares_and_names_variants_that_never_lack_a_gradient(request_for: Requests) -> None:
    request = request_for("empty_gradients", variants=("total", "total_average", "to_go"))
    summary = request.rows("summary", environment="chain", stage="late", variant="total_average").set_index("metric")

    def quoted(metric: str) -> str:
        columns = ["estimate", "ci_low", "ci_high"]
        least, *_, most = (with_interval(*line) for line in summary.loc[metric, columns].itertuples(index=False))
        return f"{least} and {most}"

    alike, empty = quoted("returns_alike"), quoted("empty")
    told = f"at N = 4 and N = 64 — all returns but one alike: {alike}; total, average reward: {empty}."
    never = "No batch without a gradient — total return; reward-to-go."
    assert f"A short chain, late policies, {told} {never}" in empty_gradients.caption(request)


def test_intervals_of_shares_are_not_clipped_in_any_panel(request_for: Requests) -> None:
    request = request_for("empty_gradients")
    summary = request.tables["summary"]
    wide = (summary["environment"] == "chain") & (summary["stage"] == "initial")
    beyond = summary.assign(ci_low=summary["ci_low"].mask(wide, -0.3), ci_high=summary["ci_high"].mask(wide, 1.4))
    picture = empty_gradients.draw(replace(request, tables={**request.tables, "summary": beyond}))

    assert all(axes.get_ylim()[0] < -0.3 and axes.get_ylim()[1] > 1.4 for axes in picture.axes)


# Sampled variance ----------------------------------------------------------------------------------------------------


def test_each_policy_is_a_mark_at_its_predicted_and_its_measured_variance(request_for: Requests) -> None:
    request = request_for("sampled_variance", environments=("chain",))
    rows = request.rows("long", environment="chain")
    pairs = rows.pivot_table(index=["variant", "batch", "seed"], columns="metric", values="value")
    # Rows pair by policy and estimator, not by their order.
    shuffled = request.tables["long"].sample(frac=1, random_state=np.random.default_rng(1))
    (axes,) = sampled_variance.draw(replace(request, tables={**request.tables, "long": shuffled})).axes
    (scatter,) = scatters(axes)

    assert sorted(map(tuple, offsets(scatter))) == sorted(
        pairs[["total_variance", "sampled_variance"]].itertuples(index=False, name=None)
    )


def test_both_variances_share_one_span_and_the_diagonal_is_where_they_agree(request_for: Requests) -> None:
    request = request_for("sampled_variance")
    long = request.tables["long"]
    # Far from what was predicted, the two alone would span different decades.
    far = long["value"].mask(long["metric"] == "sampled_variance", 50 * long["value"])
    for axes in sampled_variance.draw(changed(request, value=far)).axes:
        (diagonal,) = [line for line in axes.lines if isinstance(line, AxLine)]
        one, other = np.array([diagonal.get_xy1(), diagonal.get_xy2()], np.float64)

        assert axes.get_xlim() == axes.get_ylim()
        assert (axes.get_xscale(), axes.get_yscale(), axes.get_box_aspect()) == ("log", "log", 1)
        assert one[0] == one[1] != other[0] == other[1]


def test_the_caption_quotes_the_mean_ratio_of_every_variant(request_for: Requests) -> None:
    request = request_for("sampled_variance", environments=("bandit",))
    rows = request.rows("long", environment="bandit", variant="to_go", metric="variance_ratio", batch=3)
    ratio = geometric_mean(rows["value"])
    told = sampled_variance.caption(request)

    assert f"reward-to-go, batch 3: {with_interval(ratio.estimate, ratio.low, ratio.high)};" in told
    assert "measured in 1,000 sampled ones" in told


def test_measured_variance_needs_sampled_batches(request_for: Requests, study: Study) -> None:
    request = request_for("sampled_variance")
    experiment = study.experiments["enumeration"].model_copy(update={"sampled_batches": None})
    unsampled = study.model_copy(update={"experiments": {**study.experiments, "enumeration": experiment}})

    with pytest.raises(ValueError, match="enumeration has no sampled_batches"):
        sampled_variance.draw(replace(request, study=unsampled))


# Logarithmic axes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("span", [(0.21, 0.29), (0.06, 0.6), (2.0, 150.0), (1e-4, 3.0), (1e-9, 1e9)])
def test_labels_of_a_logarithmic_axis_are_there_and_stay_apart(span: tuple[float, float]) -> None:
    with style.paper_style():
        # As narrow as the narrowest panel of a ladder.
        axes, *_ = (figure := style.canvas("one_column", 1.0)).subplots(1, 3)
        axes.set_xscale("log")
        axes.set_xlim(*span)
        layout.log_ticks(axes, x=True)
        figure.canvas.draw()
        labels = [tick.label1 for tick in axes.xaxis.get_major_ticks() if span[0] <= tick.get_loc() <= span[1]]
        boxes = sorted((label.get_window_extent().x0, label.get_window_extent().x1) for label in labels)
        minor = [tick.label1.get_text() for tick in axes.xaxis.get_minor_ticks()]

    assert len(boxes) >= 1
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(boxes))
    assert not any(minor)
