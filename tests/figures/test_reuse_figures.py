"""Corrections stand where the policy has gone, weights at their horizon; what is drawn and said is the summary's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike
from pg.experiments.horizon.figures import horizons
from pg.experiments.staleness.figures import staleness
from pg.experiments.summaries import summarise
from pg.plotting import saving, style
from pg.plotting.captions import with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.record import Study

SEEDS = 8
STEPS = (0, 1, 4, 16)
HORIZONS = (5, 20, 80)
ENVIRONMENTS = {"chain": "pg/Chain-v0", "cartpole": "CartPole-v1"}
VARIANTS = {
    "naive": {"label": "naive reuse"},
    "whole": {"importance": "trajectory", "label": "whole trajectories"},
    "per_step": {"importance": "per_step", "label": "per step"},
    "walker": {"label": "a plain walk", "optimizer": {"name": "sgd", "learning_rate": 0.1}},
}
DRAWN = ("naive", "whole", "per_step")
MEASURED = ("cosine", "relative_bias", "effective_share")
OF_TABLES = ("state_part", "return_part", "state_variation")
WEIGHTS = ("effective_share", "log_weight_variance", "largest_weight", "total_variance")
QUANTILES = ("log_weight_q05", "log_weight_q25", "log_weight_q50", "log_weight_q75", "log_weight_q95")

Requests = Callable[..., FigureRequest]


@pytest.fixture(scope="module")
def study() -> Study:
    source = {"experiment": "ladder", "variant": "naive", "stages": ["early", "late"]}
    shared = {"variants": list(DRAWN), "seeds": {"count": SEEDS}}
    return Study.model_validate(
        {
            "name": "Reuse",
            "environments": {name: {"id": id} for name, id in ENVIRONMENTS.items()},
            "variants": VARIANTS,
            "experiments": {
                "ladder": {**shared, "environments": list(ENVIRONMENTS), "kind": "train", "budget": {"steps": 1000}},
                "stale": {
                    **shared,
                    "environments": list(ENVIRONMENTS),
                    "kind": "staleness",
                    "source": source,
                    "walk": {"variant": "walker", "steps": list(STEPS)},
                    "sample": {"trajectories": 64, "batches": [16]},
                },
                "long": {
                    **shared,
                    "environments": ["cartpole"],
                    "kind": "horizon",
                    "source": source,
                    "horizons": list(HORIZONS),
                    "kl": 0.01,
                },
            },
        }
    )


def measured(metrics: dict[str, float], generator: np.random.Generator, **names: object) -> list[dict[str, object]]:
    """Give each metric a value per seed, somewhat apart; zeros stay exactly so."""
    return [
        {**names, "seed": seed, "metric": metric, "value": value * generator.uniform(0.9, 1.1)}
        for seed in range(SEEDS)
        for metric, value in metrics.items()
    ]


def stale_table() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = []
    for environment in ENVIRONMENTS:
        for stage in ("early", "late"):
            for variant, strength in zip(DRAWN, (1.0, 0.0, 0.3), strict=True):
                for steps in STEPS:
                    values = {
                        "kl": 1e-3 * steps**2,
                        "relative_bias": strength * steps * 0.05 if environment == "chain" else 0.02 + steps * 0.05,
                        "relative_bias_noise": 0.0 if environment == "chain" else 0.02,
                        "cosine": 0.8 - 0.02 * steps,
                        "effective_share": 0.9 - 0.03 * steps,
                    }
                    if environment == "chain":
                        values |= dict(zip(OF_TABLES, (0.01 * steps, 0.02 * steps, 0.005 * steps), strict=True))
                    names = {"environment": environment, "variant": variant, "batch": 16, "steps": steps}
                    rows += measured(values, generator, **names, stage=stage)
    return pd.DataFrame(rows)


def long_table() -> pd.DataFrame:
    generator = np.random.default_rng(1)
    rows = []
    for stage in ("early", "late"):
        for variant, growth in zip(DRAWN, (0.0, 1.0, 0.1), strict=True):
            for horizon in HORIZONS:
                names = {"environment": "cartpole", "variant": variant, "batch": 16, "horizon": horizon}
                values = (0.9 - growth * horizon * 0.005, growth * horizon * 0.01, 1 + growth * horizon, 5.0)
                fan = (growth * horizon * at for at in (-0.05, -0.03, -0.01, 0.01, 0.02))
                weights = dict(zip((*WEIGHTS, *QUANTILES), (*values, *fan), strict=True)) | {"median_weight": 0.9}
                rows += measured(weights, generator, **names, stage=stage)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def request_for(study: Study) -> Requests:
    """Make a request of a figure, with options of its declaration changed."""
    made = {"stale": stale_table(), "long": long_table()}
    summaries = {name: summarise(long) for name, long in made.items()}

    def make(experiment: str, **changes: object) -> FigureRequest:
        kind = {"stale": "staleness", "long": "horizons"}.get(experiment, experiment)
        figure = Figure(kind=kind, experiment=experiment, section="Off-policy policy gradient")
        held = {"long": made[experiment], "summary": summaries[experiment]} if experiment in made else {}
        return FigureRequest(study, figure.model_copy(update=changes), held)

    return make


DRAW = {"stale": staleness.draw, "long": horizons.draw}
CAPTION = {"stale": staleness.caption, "long": horizons.caption}


def panels(request: FigureRequest) -> list[Axes]:
    return [axes for axes in DRAW[request.figure.experiment](request).axes if axes.axison]


@pytest.fixture(scope="module")
def stale_chain(request_for: Requests) -> list[Axes]:
    return panels(request_for("stale", environments=("chain",)))


@pytest.fixture(scope="module")
def stale_cartpole(request_for: Requests) -> list[Axes]:
    return panels(request_for("stale", environments=("cartpole",)))


@pytest.fixture(scope="module")
def long_cartpole(request_for: Requests) -> list[Axes]:
    return panels(request_for("long"))


def strands(axes: Axes, points: int) -> list[Line2D]:
    """Return the lines that have so many points: not the mark of zero."""
    return [line for line in axes.lines if len(np.asarray(line.get_xdata())) == points]


def heights(line: Line2D) -> list[float]:
    """Return the heights of a line's points to nine digits: seaborn goes by way of logarithms on such axes."""
    return digits(line.get_ydata())


def digits(values: ArrayLike) -> list[float]:
    return [float(f"{value:.9g}") for value in np.asarray(values, np.float64)]


def bars(axes: Axes) -> list[list[float]]:
    """Ends of the vertical bars, low and high."""
    found = [one for one in axes.collections if isinstance(one, LineCollection)]
    return [segment[:, 1].tolist() for one in found for segment in one.get_segments() if len(segment)]


def with_numbers_of_its_own(request: FigureRequest) -> FigureRequest:
    """Replace the summary's numbers by such as no statistic of the rows gives: they can only have been read."""
    summary = request.tables["summary"]
    estimates = 0.2 + 0.001 * np.arange(len(summary))
    made_up = summary.assign(estimate=estimates, ci_low=estimates - 0.01, ci_high=estimates + 0.02)
    return replace(request, tables={**request.tables, "summary": made_up})


def summarised(request: FigureRequest, metric: str, stage: str = "early", **where: str | int) -> pd.DataFrame:
    return request.rows("summary", metric=metric, stage=stage, **where)


@pytest.mark.long
@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("experiment", DRAW)
def test_figures_fit_the_page_with_a_title_per_environment_and_stage(
    request_for: Requests, experiment: str, width: style.Width
) -> None:
    request = request_for(experiment, width=width)
    figure = DRAW[experiment](request)
    figure.canvas.draw()
    tight = figure.get_tightbbox()
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == [
        f"{ENVIRONMENTS[name]}, {stage} policies" for name in request.environments for stage in ("early", "late")
    ]
    assert 0 <= tight.x0 < tight.x1 <= style.WIDTHS[width]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {VARIANTS[name]["label"] for name in DRAWN}


def test_corrections_have_the_summarys_numbers(request_for: Requests) -> None:
    request = with_numbers_of_its_own(request_for("stale", environments=("cartpole",), variants=("per_step",)))
    drawn = panels(request)
    assert len(drawn) == 2 * len(MEASURED)
    for axes, metric in zip(drawn, MEASURED, strict=False):
        rows = summarised(request, metric, environment="cartpole", variant="per_step")
        # These numbers leave no divergence at zero.
        (line,) = strands(axes, len(STEPS))
        assert heights(line) == digits(rows["estimate"])
        np.testing.assert_allclose(bars(axes), rows[["ci_low", "ci_high"]])


def test_the_start_has_no_place_on_a_logarithmic_axis(request_for: Requests, stale_cartpole: list[Axes]) -> None:
    request = request_for("stale", environments=("cartpole",))
    cosine, *_ = stale_cartpole
    line = strands(cosine, len(STEPS) - 1)[DRAWN.index("per_step")]
    kl, found = (summarised(request, one, environment="cartpole", variant="per_step") for one in ("kl", "cosine"))
    places = np.asarray(line.get_xdata(), np.float64)
    # Neighbours stand a little beside each other, by one factor.
    shift = places / kl.query("steps > 0")["estimate"].to_numpy()
    np.testing.assert_allclose(shift, shift[0])
    assert 0.8 < shift[0] < 1.25
    assert heights(line) == digits(found.query("steps > 0")["estimate"])


def test_neighbours_at_one_divergence_stand_beside_each_other(stale_cartpole: list[Axes]) -> None:
    cosine, *_ = stale_cartpole
    places = np.array([line.get_xdata() for line in strands(cosine, len(STEPS) - 1)])
    assert len(places) == len(DRAWN)
    assert (np.diff(places, axis=0) > 0).all()


def test_only_tables_tell_the_parts_of_the_bias(
    request_for: Requests, stale_cartpole: list[Axes], stale_chain: list[Axes]
) -> None:
    assert len(stale_cartpole) == 2 * 3
    assert len(stale_chain) == 2 * 5
    request = request_for("stale", environments=("chain",))
    parts, variation = stale_chain[3:5]
    expected = [
        digits(summarised(request, metric, environment="chain", variant="naive").query("steps > 0")["estimate"])
        for metric in OF_TABLES
    ]
    assert [heights(line) for line in (*parts.lines, *variation.lines)] == expected
    legend = parts.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["states", "returns"]
    assert "sum of two vectors" not in staleness.caption(request_for("stale", environments=("cartpole",)))


def test_what_has_no_bias_is_left_off_its_logarithmic_axis_and_named(
    request_for: Requests, stale_chain: list[Axes]
) -> None:
    request = request_for("stale", environments=("chain",))
    bias = stale_chain[1]
    assert bias.get_yscale() == "log"
    known = [
        digits(summarised(request, "relative_bias", environment="chain", variant=name).query("steps > 0")["estimate"])
        for name in ("naive", "per_step")
    ]
    assert [heights(line) for line in strands(bias, len(STEPS) - 1)] == known
    told = staleness.caption(request)
    assert told.endswith("By enumeration without bias, and so not on its logarithmic axis: whole trajectories.")
    assert "whole trajectories: cosine" in told
    assert "bias 0, effective share" in told
    assert "noise alone" not in told
    assert "By enumeration" not in staleness.caption(request_for("stale", environments=("cartpole",)))


def quoted(request: FigureRequest, metric: str, **where: str | int) -> str:
    rows = summarised(request, metric, "late", **where)
    assert len(rows) == 1
    return with_interval(*rows.iloc[0][["estimate", "ci_low", "ci_high"]])


def test_the_caption_says_where_the_walk_ends(request_for: Requests) -> None:
    request = request_for("stale")
    lead, chain, parts, cartpole, _ = staleness.caption(request).splitlines()
    assert "gradient steps of “a plain walk” on one batch, up to 16" in lead
    assert "over 8 policy snapshots" in lead
    assert "made of 16 trajectories" in lead
    at = {"environment": "chain", "steps": 16, "variant": "naive"}
    assert chain.startswith(f"pg/Chain-v0, late policies, after 16 steps, divergence {quoted(request, 'kl', **at)} — ")
    state_part, return_part, variation = (quoted(request, metric, **at) for metric in OF_TABLES)
    assert f"{state_part} from the states of θ instead of those of θ', and {return_part} from its returns" in parts
    assert "Total variation between the states' distributions, what has ended being a state of its own: " in parts
    assert parts.endswith(f": {variation}.")
    at |= {"environment": "cartpole", "variant": "per_step"}
    cosine, bias, share = (quoted(request, metric, **at) for metric in MEASURED)
    assert f"per step: cosine {cosine}, bias {bias} (noise alone makes 0.0" in cartpole
    assert f"effective share {share}" in cartpole


def test_weights_stand_at_their_horizon_with_the_summarys_numbers(request_for: Requests) -> None:
    request = with_numbers_of_its_own(request_for("long", variants=("per_step",)))
    _, *drawn = panels(request)
    assert len(drawn) == 2 * len(WEIGHTS) + 1
    for axes, metric in zip(drawn, WEIGHTS, strict=False):
        rows = summarised(request, metric, variant="per_step")
        (line,) = strands(axes, len(HORIZONS))
        assert digits(line.get_xdata()) == list(HORIZONS)
        assert heights(line) == digits(rows["estimate"])
        np.testing.assert_allclose(bars(axes), rows[["ci_low", "ci_high"]])
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_quantiles_of_the_weights_are_bands_around_the_median_a_panel_per_variant(
    request_for: Requests, long_cartpole: list[Axes]
) -> None:
    request, drawn = request_for("long"), long_cartpole
    assert len(drawn) == 2 * (len(DRAWN) + len(WEIGHTS))
    for axes, variant in zip(drawn, DRAWN, strict=False):
        lowest, low, middle, high, highest = (
            summarised(request, metric, variant=variant)["estimate"].tolist() for metric in QUANTILES
        )
        (line,) = axes.lines
        assert heights(line) == digits(middle)
        outer, inner = (one for one in axes.collections if isinstance(one, PolyCollection))
        for band, below, above in ((outer, lowest, highest), (inner, low, high)):
            corners = np.asarray(band.get_paths()[0].vertices)
            assert {*digits(corners[:, 1])} == {*digits([*below, *above])}
            assert {*digits(corners[:, 0])} == {*HORIZONS}
    # Bands can be compared: panels of a place have the same heights.
    assert len({axes.get_ylim() for axes in drawn[: len(DRAWN)]}) == 1


def test_the_lowest_panel_of_each_column_names_the_axis_whose_numbers_it_has(long_cartpole: list[Axes]) -> None:
    numbered = [axes for axes in long_cartpole if any(label.get_visible() for label in axes.get_xticklabels())]
    assert len(numbered) == 2 * 3
    assert all(axes.get_xlabel() == "horizon T" and axes.xaxis.label.get_visible() for axes in numbered)


def test_weights_that_are_all_one_have_no_variance_to_draw(long_cartpole: list[Axes]) -> None:
    share, variance, *_ = long_cartpole[len(DRAWN) :]
    assert len(strands(variance, len(HORIZONS))) == 2
    assert len(strands(share, len(HORIZONS))) == 3


def test_the_caption_says_the_weights_at_the_longest_horizon(request_for: Requests) -> None:
    request = request_for("long")
    lead, line = horizons.caption(request).splitlines()
    assert "512 trajectories" in lead
    assert "= 0.0100 at the longest horizon" in lead
    assert "over 8 policy snapshots" in lead
    assert line.startswith("CartPole-v1, late policies, T = 80 — ")
    share, variance, largest, trace, median = (
        quoted(request, metric, variant="whole", horizon=80) for metric in (*WEIGHTS, "median_weight")
    )
    assert f"whole trajectories: effective share of N {share}, variance of log w {variance}, " in line
    assert f"largest w {largest}, tr Cov (return²) {trace} and median w {median}" in line


@pytest.mark.parametrize("experiment", DRAW)
def test_what_is_undefined_is_left_out_and_the_caption_has_a_dash(request_for: Requests, experiment: str) -> None:
    request = request_for(experiment, environments=("cartpole",))
    long = request.tables["long"].copy()
    long.loc[long["metric"].isin(["cosine", "relative_bias", "largest_weight"]), "value"] = np.nan
    request = replace(request, tables={"long": long, "summary": summarise(long)})
    empty = [axes for axes in panels(request) if not axes.lines]
    assert len(empty) == {"stale": 4, "long": 2}[experiment]
    told = CAPTION[experiment](request)
    assert "–" in told
    assert ("undefined" in told) == (experiment == "stale")
    assert "undefined" not in CAPTION[experiment](request_for(experiment))


@pytest.mark.parametrize("experiment", DRAW)
def test_intervals_that_a_single_snapshot_leaves_unbounded_are_left_out(request_for: Requests, experiment: str) -> None:
    request = request_for(experiment, environments=("cartpole",))
    alone = request.tables["long"].query("seed == 0")
    figure = DRAW[experiment](replace(request, tables={"long": alone, "summary": summarise(alone)}))
    assert not any(bars(axes) for axes in figure.axes)


@pytest.mark.parametrize("experiment", DRAW)
def test_experiments_of_another_kind_are_refused(request_for: Requests, experiment: str) -> None:
    request = request_for(experiment)
    other = request.figure.model_copy(update={"experiment": "ladder"})
    with pytest.raises(TypeError, match="draws no train experiments, as ladder is"):
        CAPTION[experiment](replace(request, figure=other))


@pytest.mark.long
@pytest.mark.parametrize("experiment", DRAW)
def test_two_drawings_are_byte_identical(request_for: Requests, tmp_path: Path, experiment: str) -> None:
    paths = [tmp_path / f"{time}.pdf" for time in ("first", "second")]
    for path in paths:
        saving.save(DRAW[experiment](request_for(experiment, environments=("cartpole",))), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
