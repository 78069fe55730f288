"""Every kind of figure draws what its tables hold, and its caption quotes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pg.experiments.figures import FIGURES, caption, draw
from pg.experiments.records import Budget
from pg.experiments.summaries import summarise
from pg.experiments.train.tuning import tuned_table
from pg.plotting import compared, saving, style
from pg.plotting.captions import with_interval
from pg.plotting.request import FigureRequest
from pg.study.expansion import cells
from pg.study.record import Study
from scipy import stats
from tests.figures.pictures import bars, offsets, scatters

Requests = Callable[..., FigureRequest]

A_LETTER = 10  # pixels at the hundred dots per inch of a canvas

DECLARED = ("variance", "batch_size", "learning_curves", "steps_to_threshold", "steps_to_pass", "tuning", "sizes")


def test_every_kind_is_declared_in_the_synthetic_study(study: Study) -> None:
    ground_truth = {"ladder", "shrinkage", "achieved_share", "empty_gradients", "sampled_variance"}
    elsewhere = ground_truth | {"backward_passes", "likelihoods", "support", "staleness", "horizons"}
    elsewhere |= {"gait", "stick_figures", "against_level", "realised_kl", "against_rewards", "bias_and_variance"}
    elsewhere |= {"performance_profiles", "aggregates"}
    assert {study.figures[name].kind for name in DECLARED} | elsewhere == set(FIGURES)


def test_the_registry_is_read_without_matplotlib() -> None:
    read = "import sys, pg.experiments.figures; sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", read], check=False).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("name", DECLARED)
def test_every_figure_draws_without_a_warning_and_captions_every_variant(
    request_for: Requests, name: str, width: style.Width
) -> None:
    request = request_for(name, width=width)
    figure = draw(request)
    figure.canvas.draw()
    told = caption(request)

    assert figure.axes
    assert all(strand.label in told for strand in compared.strands(request))


@pytest.mark.parametrize("name", DECLARED)
def test_a_figure_shows_the_named_environments_and_variants_alone(request_for: Requests, name: str) -> None:
    request = request_for(name, environments=("cartpole",), variants=("to_go_per_step", "to_go"))

    assert [strand.variant for strand in compared.strands(request)][:: len(request.levels)] == [
        "to_go",
        "to_go_per_step",
    ]
    assert "InvertedPendulum" not in caption(request)
    assert "average reward" not in caption(request)


@pytest.mark.parametrize("name", DECLARED[:-1])
def test_intervals_that_a_single_seed_leaves_unbounded_are_left_out(request_for: Requests, name: str) -> None:
    request = request_for(name, environments=("cartpole",), variants=("to_go", "to_go_per_step"))
    tables = {key: table[table["seed"] == 0] if "seed" in table else table for key, table in request.tables.items()}
    if "summary" in tables:
        tables["summary"] = tables["summary"].assign(ci_low=-np.inf, ci_high=np.inf)
    draw(replace(request, tables=tables)).canvas.draw()


def test_the_variance_caption_quotes_paired_ratios(request_for: Requests) -> None:
    request = request_for("variance")
    rows = request.rows("long", environment="pendulum", stage="late", metric="total_variance", batch=16)
    by_variant = rows.pivot(index="seed", columns="variant", values="value")
    logs = np.log(by_variant["to_go"] / by_variant["total"])
    centre, error = np.mean(logs), stats.sem(logs) * stats.t.ppf(0.975, len(logs) - 1)
    quoted = with_interval(*np.exp([centre, centre - error, centre + error]))

    assert f"reward-to-go: {quoted}" in caption(request).splitlines()[2]


def test_the_caption_counts_the_snapshots_whose_reference_is_noisy(request_for: Requests) -> None:
    told = caption(request_for("batch_size"))
    assert told.count("stayed noisy") == 1
    assert f"3 of {len(request_for('variance').tables['long']['seed'].unique())}." in told
    assert "stayed noisy" not in caption(request_for("batch_size", environments=("cartpole",)))


@pytest.mark.parametrize("name", ["variance", "batch_size"])
def test_a_caption_that_quotes_the_last_of_several_stages_says_so(request_for: Requests, name: str) -> None:
    request = request_for(name)
    probe = request.probe
    source = probe.source.model_copy(update={"stages": ("late",)})
    alone = {**request.study.experiments, "probe": probe.model_copy(update={"source": source})}
    single = replace(request, study=request.study.model_copy(update={"experiments": alone}))

    assert caption(request).splitlines()[0].endswith(" Numbers below are those of the last stage, late.")
    assert "last stage" not in caption(single)


def with_zeros(request: FigureRequest, variants: tuple[str, ...], seeds: int) -> FigureRequest:
    """Let nothing vary at the late stage of cartpole for some variants, under the first seeds."""
    long = request.tables["long"]
    still = (long["environment"] == "cartpole") & (long["stage"] == "late") & (long["metric"] == "total_variance")
    still &= long["variant"].isin(variants) & (long["seed"] < seeds)
    long = long.assign(value=long["value"].where(~still, 0.0))
    return replace(request, tables={"long": long, "summary": summarise(long)})


def test_variances_of_zero_are_said_to_be_missing_from_the_logarithmic_axis(request_for: Requests) -> None:
    request = request_for("variance", variants=("total", "to_go"))
    some, every = with_zeros(request, ("to_go",), 3), with_zeros(request, ("total", "to_go"), 10)

    assert "exactly 0" not in caption(request)
    assert caption(some).endswith(" a snapshot has no ratio — CartPole-v1, late, reward-to-go: 3 of 10.")
    assert caption(every).endswith(" a snapshot has no ratio — CartPole-v1, late: all snapshots of all variants.")
    for drawn in (some, every):
        figure = draw(drawn)
        figure.canvas.draw()
        texts = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert not any("–––" in text for text in texts)


def test_ticks_of_narrow_panels_of_variance_stay_apart(request_for: Requests) -> None:
    request = request_for("variance", environments=("cartpole",))
    long = request.rows("long", metric="total_variance")
    narrow = long.assign(value=0.015 + 0.03 * (long["seed"] + (long["variant"] == "total")) / 10)
    figure = draw(replace(request, tables={"long": narrow, "summary": summarise(narrow)}))
    figure.canvas.draw()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        written = [
            label.get_window_extent()
            for ticks in (axes.xaxis.get_major_ticks(), axes.xaxis.get_minor_ticks())
            for label in (tick.label1 for tick in ticks if low <= tick.get_loc() <= high)
            if label.get_text()
        ]
        edges = sorted((box.x0, box.x1) for box in written)
        assert edges
        assert all(after[0] - before[1] > A_LETTER for before, after in pairwise(edges))


def test_undefined_cosines_are_explained(request_for: Requests) -> None:
    request = request_for("batch_size")
    summary = request.tables["summary"]
    lost = (summary["environment"] == "cartpole") & (summary["metric"] == "cosine") & (summary["stage"] == "late")
    undefined = summary.assign(**{column: summary[column].mask(lost) for column in ("estimate", "ci_low", "ci_high")})
    reason = "A dash, or no mark: undefined, because ∇J or the variance of some snapshot is zero."

    assert reason in caption(replace(request, tables={**request.tables, "summary": undefined}))
    assert reason not in caption(request)


def test_budgets_are_whole_numbers_of_steps_and_name_their_iterations(request_for: Requests) -> None:
    request = request_for("learning_curves", environments=("cartpole",))

    def said(name: str, **budget: int) -> str:
        ladder = request.training.model_copy(update={"budget": Budget(**budget)})
        study = request.study.model_copy(update={"experiments": {**request.study.experiments, "ladder": ladder}})
        return caption(replace(request_for(name, environments=("cartpole",)), study=study))

    assert "return over the last tenth of 3 steps —" in said("learning_curves", steps=3)
    assert "10 seeds per variant, each of 3 environment steps." in said("learning_curves", steps=3)
    short = "6,000 environment steps or 20 iterations, whichever comes first"
    assert f"each of {short}." in said("learning_curves", steps=6_000, max_iterations=20)
    assert f"within {short}, and counts as 6,000." in said("steps_to_threshold", steps=6_000, max_iterations=20)
    assert "within 3 environment steps, and counts as 3." in said("steps_to_threshold", steps=3)


def test_the_variance_figure_shows_every_snapshot(request_for: Requests) -> None:
    request = request_for("variance", environments=("cartpole",), variants=("total", "to_go"))
    axes = draw(request).axes[0]
    rows = request.rows("long", environment="cartpole", stage="initial", metric="total_variance", batch=16)
    dots, _ = scatters(axes)

    drawn = rows.loc[rows["variant"].isin(request.variants), "value"]
    assert sorted(offsets(dots)[:, 0]) == sorted(drawn)


def test_learning_curves_show_every_seed_and_their_mean(request_for: Requests) -> None:
    request = request_for("learning_curves", environments=("cartpole",), variants=("total", "to_go"))
    together, first, *_ = draw(request).axes
    runs = request.rows("curves", environment="cartpole", variant="total").pivot(
        index="seed", columns="steps", values="return"
    )
    seeds = [line for line in first.lines if line.get_linewidth() == 0.35]

    assert np.array_equal(np.array([line.get_ydata() for line in seeds]), runs.to_numpy())
    means = [np.asarray(line.get_ydata()) for line in together.lines]
    assert any(len(one) == 100 and np.allclose(one, runs.mean()) for one in means)


def with_lost_runs(request: FigureRequest) -> FigureRequest:
    """Let two of the runs of a variant diverge: early between two points of the grid, and at the end of the budget."""
    curves = request.tables["curves"].copy()
    of_variant = (curves["environment"] == "cartpole") & (curves["variant"] == "total")
    curves.loc[of_variant & (curves["seed"] == 2), "diverged_at"] = 20_100.0
    curves.loc[of_variant & (curves["seed"] == 5), "diverged_at"] = 60_000.0
    curves.loc[of_variant & (curves["seed"] == 2) & (curves["steps"] > 20_100), "return"] = 9.0
    return replace(request, tables={**request.tables, "curves": curves})


def test_a_cross_stands_where_a_run_diverged(request_for: Requests) -> None:
    plain = request_for("learning_curves", environments=("cartpole",), variants=("total", "to_go"))
    request = with_lost_runs(plain)
    picture = draw(request)
    _, first, second, *_ = picture.axes
    runs = request.rows("curves", environment="cartpole", variant="total").set_index(["seed", "steps"])["return"]

    (crosses,) = [marks for marks in scatters(first) if len(offsets(marks))]
    assert offsets(crosses).tolist() == [[20_100, runs[2, 19_800]], [60_000, runs[5, 60_000]]]
    assert not [marks for marks in scatters(second) if len(offsets(marks))]
    assert "diverged, 2 runs in all" in caption(request)
    assert "cross" not in caption(plain)
    entries = [[text.get_text() for text in one.legends[0].get_texts()] for one in (picture, draw(plain))]
    assert sorted(entries[0]) == sorted([*entries[1], "diverged"])


def test_the_cross_of_a_run_that_ended_before_the_first_point_stands_at_the_first_return(request_for: Requests) -> None:
    request = request_for("learning_curves", environments=("cartpole",), variants=("total", "to_go"))
    curves = request.tables["curves"].copy()
    curves.loc[(curves["variant"] == "total") & (curves["seed"] == 0), "diverged_at"] = 50.0
    lost = replace(request, tables={**request.tables, "curves": curves})
    (crosses,) = [marks for marks in scatters(draw(lost).axes[1]) if len(offsets(marks))]
    first = lost.rows("curves", environment="cartpole", variant="total", seed=0)["return"].iloc[0]
    assert offsets(crosses).tolist() == [[50, first]]


def test_censored_seeds_are_marked_apart(request_for: Requests) -> None:
    request = request_for("steps_to_threshold", environments=("cartpole",), variants=("total",))
    censored = request.rows("long", environment="cartpole", variant="total", metric="censored")["value"].sum()
    figure = draw(request)
    (axes,), (legend,) = figure.axes, figure.legends
    dots, _ = scatters(axes)
    paths = [path.vertices for path in dots.get_paths()]
    ends = np.array([path is not paths[0] for path in paths])

    assert ends.sum() == censored > 0
    markers = {line.get_label(): line.get_marker() for line in legend.get_lines()}
    assert (markers["a seed"], markers["not reached"]) == ("o", ">")
    assert f"reached by {10 - censored:.0f} of 10" in caption(request)


def test_steps_to_pass_are_those_of_evaluations(request_for: Requests) -> None:
    request = request_for("steps_to_pass", environments=("cartpole",), variants=("total",))
    long = request.rows("long", environment="cartpole", variant="total")
    steps, passed = (long.loc[long["metric"] == metric, "value"].to_numpy() for metric in ("steps_to_pass", "passed"))
    axes = draw(request).axes[0]
    dots, _ = scatters(axes)
    assert sorted(offsets(dots)[:, 0]) == sorted(steps)
    said = caption(request)
    assert f"reached by {passed.sum():.0f} of 10" in said
    assert "Bars are medians" in said
    assert "evaluations of 3 deterministic episodes about every 1,000 steps, all of which must return 475" in said
    ladder = request.training
    assert ladder.evaluate is not None
    longer = ladder.model_copy(update={"evaluate": ladder.evaluate.model_copy(update={"horizon": 2000})})
    study = request.study.model_copy(update={"experiments": {**request.study.experiments, "ladder": longer}})
    assert "of 3 deterministic episodes of up to 2,000 steps about every" in caption(replace(request, study=study))


def test_steps_need_a_threshold(request_for: Requests, study: Study) -> None:
    request = request_for("steps_to_threshold")
    free = {name: one.model_copy(update={"threshold": None}) for name, one in study.environments.items()}

    with pytest.raises(ValueError, match="cartpole, pendulum declares a threshold"):
        draw(replace(request, study=study.model_copy(update={"environments": free})))


def test_choices_at_an_edge_of_the_grid_are_ringed_and_named(request_for: Requests) -> None:
    request = request_for("tuning", environments=("cartpole",))
    chosen = request.rows("tuned", environment="cartpole").query("chosen").drop_duplicates("variant")
    rings = offsets(scatters(draw(request).axes[0])[-1])

    assert len(rings) == chosen["at_edge"].sum() > 0
    assert caption(request).count("(edge of the grid)") == len(rings)


def test_rates_that_all_tie_are_named_and_not_ringed(request_for: Requests, study: Study) -> None:
    edges = {"learning_rate": 0.001, "at_edge": True}
    scores = [{"learning_rate": rate, "seed": seed, "score": -100.0} for rate in (0.001, 0.01) for seed in range(2)]
    better = [*scores[:2], {"learning_rate": 0.01, "seed": 0, "score": -110.0}]
    choices = [
        (cell, edges | {"scores": scores if cell.variant_name == "to_go" else better})
        for cell in cells(study, "ladder")
        if cell.environment_name == "cartpole"
    ]
    request = request_for("tuning", environments=("cartpole",), variants=("to_go", "total"))
    request = replace(request, tables={"tuned": tuned_table(choices)})
    _, tie, rates = caption(request).splitlines()

    assert tie == "Where all rates tie, nothing was learned from tuning."
    assert rates == "CartPole-v1 — total return: 0.001 (edge of the grid); reward-to-go: 0.001 (all rates tie)."
    assert len(offsets(scatters(draw(request).axes[0])[-1])) == 1
    assert "tie" not in caption(request_for("tuning"))


def test_tuning_shows_every_seed_and_the_mean_that_is_compared(request_for: Requests) -> None:
    request = request_for("tuning", environments=("cartpole",), variants=("to_go",))
    rows = request.rows("tuned", environment="cartpole", variant="to_go")
    axes = draw(request).axes[0]

    assert sorted(offsets(scatters(axes)[0])[:, 1]) == sorted(rows["score"])
    assert np.allclose(axes.lines[0].get_ydata(), rows.groupby("learning_rate")["score"].mean())


def test_panels_of_one_environment_span_one_ratio(request_for: Requests) -> None:
    spans = [
        np.log(axes.get_xlim())
        for axes in draw(request_for("variance", environments=("cartpole",), variants=("total", "to_go"))).axes
    ]

    assert len(spans) == 3
    assert np.allclose(np.diff(spans), np.diff(spans[0]))


def test_the_legend_of_tuning_names_tuned_variants_alone(request_for: Requests) -> None:
    request = request_for("tuning")
    tuned = request.tables["tuned"].query("variant != 'to_go'")
    (legend,) = draw(replace(request, tables={"tuned": tuned})).legends
    names = {text.get_text() for text in legend.get_texts()}

    assert names == {strand.label for strand in compared.strands(request)} - {"reward-to-go"} | {
        "chosen at an edge of the grid"
    }


def test_an_environment_without_tuning_has_an_empty_panel(request_for: Requests) -> None:
    request = request_for("tuning")
    tuned = request.tables["tuned"].query("environment == 'cartpole'")
    _, empty = draw(replace(request, tables={"tuned": tuned})).axes

    assert not any(len(offsets(one)) for one in scatters(empty))


@pytest.mark.parametrize(
    ("name", "where", "panel"),
    [
        ("variance", {"stage": "initial", "metric": "total_variance", "batch": 16}, 0),
        ("batch_size", {"stage": "initial", "metric": "cosine"}, 0),
        ("batch_size", {"stage": "initial", "metric": "snr"}, 3),
        ("steps_to_threshold", {"metric": "steps_to_threshold"}, 0),
        ("steps_to_pass", {"metric": "steps_to_pass"}, 0),
    ],
)
def test_estimates_and_intervals_are_the_summarys_and_not_of_what_is_drawn(
    request_for: Requests, name: str, where: dict[str, str | int], panel: int
) -> None:
    request = request_for(name, environments=("cartpole",))
    # No statistic of the seeds gives these numbers: they can only have been read.
    estimates = np.arange(1.0, 1.0 + len(request.tables["summary"]))
    made_up = request.tables["summary"].assign(estimate=estimates, ci_low=estimates - 0.25, ci_high=estimates + 0.5)
    request = replace(request, tables={**request.tables, "summary": made_up})
    axes = draw(request).axes[panel]
    across = 1 if name == "batch_size" else 0
    rows = request.rows("summary", environment="cartpole", **where)
    drawn = [line.get_ydata() for line in axes.lines] if across else [offsets(scatters(axes)[1])[:, 0]]

    assert set(rows["estimate"]) <= set(np.concatenate([np.asarray(line, np.float64) for line in drawn]))
    (drawn_bars,) = bars(axes)
    assert sorted(map(tuple, drawn_bars[:, :, across])) == sorted(zip(rows["ci_low"], rows["ci_high"], strict=True))


def test_a_negative_ratio_is_drawn_below_a_line_at_zero_and_named(request_for: Requests) -> None:
    request = request_for("batch_size", environments=("cartpole",), variants=("total", "to_go"), width="one_column")
    summary = request.tables["summary"].copy()
    lowest = (summary["metric"] == "snr") & (summary["stage"] == "late") & (summary["variant"] == "total")
    lowest &= summary["environment"] == "cartpole"
    summary.loc[lowest & (summary["batch"] < 64), ["estimate", "ci_low", "ci_high"]] = -0.02, -0.1, 0.06
    changed = replace(request, tables={"summary": summary})
    axes = draw(changed).axes[-1]

    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] < -0.1
    assert "CartPole-v1, late, total return: N = 4 and 16." in caption(changed)
    assert "negative" not in caption(request)


def test_an_interval_that_reaches_beyond_the_budget_is_not_clipped(request_for: Requests) -> None:
    request = request_for("steps_to_threshold", environments=("cartpole",))
    budget = request.training.budget.steps
    summary = request.tables["summary"].assign(ci_high=1.2 * budget)

    assert draw(replace(request, tables={**request.tables, "summary": summary})).axes[0].get_xlim()[1] > 1.2 * budget


@pytest.mark.long
@pytest.mark.parametrize("name", DECLARED)
def test_two_drawings_are_byte_identical(request_for: Requests, tmp_path: Path, name: str) -> None:
    paths = [tmp_path / f"{time}.pdf" for time in ("first", "second")]
    for path in paths:
        saving.save(draw(request_for(name, environments=("cartpole",), width="one_column")), path)

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_figure_refuses_an_experiment_of_another_kind(request_for: Requests) -> None:
    with pytest.raises(TypeError, match="variance draws no train experiments, as ladder is"):
        draw(request_for("learning_curves", kind="variance"))
