"""Each row holds the share that rises on both sides of the average; the rank correlation stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from pg.experiments.summaries import summarise
from pg.experiments.update.figures.likelihoods import caption, draw
from pg.plotting import compared, saving, style
from pg.plotting.captions import with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.record import Study
from tests.figures.pictures import bars, offsets, scatters

SEEDS = 10
ENVIRONMENTS = {"cartpole": "CartPole-v1", "chain": "pg/Chain-v0"}
STAGES = ("initial", "late")
BELOW, ABOVE, CORRELATION = METRICS = ("rising_below_average", "rising_above_average", "rank_correlation")
FIXED = {"name": "adam", "learning_rate": 0.001}
VARIANTS = {
    "plain": {"returns": "total", "label": "total return", "optimizer": FIXED},
    "average": {"returns": "total", "baseline": "average_reward", "label": "total − mean R", "optimizer": FIXED},
    "to_go": {"label": "reward-to-go", "optimizer": FIXED},
}
VARIANT_COLOURS = [look.colour for look in style.looks(list(VARIANTS)).values()]
CENTRES = {"plain": (0.5, 0.9, 0.3), "average": (0.1, 0.8, 0.6), "to_go": (0.4, 0.85, 0.5)}


@pytest.fixture(scope="module")
def study() -> Study:
    everywhere = {"environments": list(ENVIRONMENTS), "variants": list(VARIANTS), "seeds": {"count": SEEDS}}
    return Study.model_validate(
        {
            "name": "Updates",
            "environments": {name: {"id": id} for name, id in ENVIRONMENTS.items()},
            "variants": VARIANTS,
            "experiments": {
                "ladder": {**everywhere, "kind": "train", "budget": {"steps": 1000}},
                "updates": {
                    **everywhere,
                    "kind": "update",
                    "source": {"experiment": "ladder", "variant": "plain", "stages": list(STAGES)},
                    "updates": 12,
                    "fresh": 48,
                },
            },
        }
    )


@pytest.fixture(scope="module")
def long() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = [
        {"environment": environment, "variant": variant, "batch": 16, "stage": stage, "seed": seed}
        | {"metric": metric, "value": centre + generator.uniform(-0.1, 0.1)}
        for environment in ENVIRONMENTS
        for stage in STAGES
        for seed in range(SEEDS)
        for variant, centres in CENTRES.items()
        for metric, centre in zip(METRICS, centres, strict=True)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def request_for(study: Study, long: pd.DataFrame) -> Callable[..., FigureRequest]:
    """Make a request of the figure, with options of its declaration changed."""
    summary = summarise(long)

    def make(**changes: object) -> FigureRequest:
        figure = Figure(kind="likelihoods", experiment="updates", section="Intuition")
        return FigureRequest(study, figure.model_copy(update=changes), {"long": long, "summary": summary})

    return make


Requests = Callable[..., FigureRequest]


def ends(axes: Axes) -> list[np.ndarray]:
    """Ends of the bars, left and right, one array for each time that intervals were drawn."""
    return [drawn[:, :, 0] for drawn in bars(axes)]


@pytest.mark.long
@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("environments", [(), ("chain",)])
def test_a_line_of_panels_per_environment_and_stage_fits_the_page(
    request_for: Requests, width: style.Width, environments: tuple[str, ...]
) -> None:
    figure = draw(request_for(width=width, environments=environments))
    figure.canvas.draw()
    drawn = [ENVIRONMENTS[name] for name in environments or ENVIRONMENTS]
    tight = figure.get_tightbbox()

    assert [axes.get_title(loc="left") for axes in figure.axes[::2]] == [
        f"{name}, {stage} policies" for name in drawn for stage in STAGES
    ]
    assert 0 <= tight.x0 < tight.x1 <= style.WIDTHS[width]
    assert all(axes.get_position().width > 0.2 for axes in figure.axes)


@pytest.fixture(scope="module")
def drawn_chain(request_for: Requests) -> list[Axes]:
    return draw(request_for(environments=("chain",))).axes


def test_every_snapshot_is_a_dot(request_for: Requests, drawn_chain: list[Axes]) -> None:
    request = request_for(environments=("chain",))
    shares, correlations = drawn_chain[2:]
    dots = [scatters(shares)[0], scatters(shares)[2], scatters(correlations)[0]]

    for metric, drawn in zip(METRICS, dots, strict=True):
        rows = request.rows("long", environment="chain", stage="late", metric=metric)
        assert sorted(offsets(drawn)[:, 0]) == sorted(rows["value"])


def test_means_and_intervals_are_the_summarys(request_for: Requests) -> None:
    request = request_for(environments=("cartpole",))
    # No statistic of the dots gives these numbers: they can only have been read.
    estimates = np.arange(1.0, 1.0 + len(request.tables["summary"]))
    made_up = request.tables["summary"].assign(estimate=estimates, ci_low=estimates - 0.25, ci_high=estimates + 0.5)
    request = replace(request, tables={**request.tables, "summary": made_up})
    shares, correlations = draw(request).axes[:2]
    drawn = [
        (scatters(shares)[1], ends(shares)[0]),
        (scatters(shares)[3], ends(shares)[1]),
        (scatters(correlations)[1], ends(correlations)[0]),
    ]

    for metric, (means, reach) in zip(METRICS, drawn, strict=True):
        rows = request.rows("summary", environment="cartpole", stage="initial", metric=metric)
        assert offsets(means)[:, 0].tolist() == rows["estimate"].tolist()
        assert reach.tolist() == rows[["ci_low", "ci_high"]].to_numpy().tolist()
    assert shares.get_xlim()[1] > ends(shares)[1].max()


def test_both_sides_share_a_row_and_only_the_side_below_is_hollow(request_for: Requests) -> None:
    figure = draw(request_for(environments=("cartpole",)))
    below, above = scatters(figure.axes[0])[1::2]

    assert np.array_equal(offsets(below)[:, 1].round(), range(len(VARIANTS)))
    assert np.array_equal(offsets(above)[:, 1].round(), range(len(VARIANTS)))
    assert (offsets(below)[:, 1] < offsets(above)[:, 1]).all()
    assert np.array_equal(np.unique(below.get_facecolor(), axis=0), [[1, 1, 1, 1]])
    for side in (below.get_edgecolor(), above.get_facecolor()):
        assert np.array_equal(side, [to_rgba(colour) for colour in VARIANT_COLOURS])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["below average", "above average"]
    assert [one.get_markerfacecolor() for one in legend.get_lines()] == ["white", style.INK]


def test_one_half_and_no_correlation_are_in_sight(drawn_chain: list[Axes]) -> None:
    for axes, neutral in zip(drawn_chain, (0.5, 0.0) * len(STAGES), strict=True):
        (line,) = axes.lines
        low, high = axes.get_xlim()

        assert np.array_equal(line.get_xdata(), [neutral, neutral])
        assert low < neutral < high


def test_the_caption_says_how_much_was_measured_and_every_mean_at_the_last_stage(request_for: Requests) -> None:
    request = request_for()
    lead, *lines = caption(request).splitlines()

    assert "12 updates from each of 10 policy snapshots" in lead
    assert "over 48 trajectories" in lead
    for (environment, id), line in zip(ENVIRONMENTS.items(), lines, strict=True):
        assert line.startswith(f"{id}, late policies — ")
        for strand in compared.strands(request):
            below, above, correlation = (
                with_interval(*strand.rows(rows).iloc[0][["estimate", "ci_low", "ci_high"]])
                for metric in METRICS
                for rows in [request.rows("summary", environment=environment, stage="late", metric=metric)]
            )
            quoted = f"{below} below average, {above} above average, rank correlation {correlation}"
            assert f"{strand.label}: {quoted}" in line


def test_the_named_variants_alone_are_drawn(request_for: Requests) -> None:
    request = request_for(environments=("chain",), variants=("to_go", "plain"))

    assert [text.get_text() for text in draw(request).axes[0].get_yticklabels()] == ["total return", "reward-to-go"]
    assert "mean R" not in caption(request)


def undefined(request: FigureRequest, long: pd.DataFrame, *variants: str) -> FigureRequest:
    """Let one of the chain's late snapshots earn the same on every trajectory, and all of them never more."""
    lost = long["variant"].isin(variants) & (long["stage"] == "late") & (long["environment"] == "chain")
    lost &= (long["seed"] == 3) | (long["metric"] == ABOVE)
    holes = long.assign(value=long["value"].mask(lost))
    return replace(request, tables={"long": holes, "summary": summarise(holes)})


def test_what_is_undefined_is_left_out_and_the_caption_says_why(request_for: Requests, long: pd.DataFrame) -> None:
    request = undefined(request_for(environments=("chain",)), long, "plain")
    *_, shares, correlations = draw(request).axes

    # The marks that are left have their own colours, not those of the variant that is not there.
    expected = [to_rgba(colour) for colour in VARIANT_COLOURS[1:]]
    for means in (*scatters(shares)[1::2], scatters(correlations)[1]):
        assert np.array_equal(means.get_edgecolor(), expected)
        assert np.array_equal(offsets(means)[:, 1].round(), [1, 2])
    told = caption(request)
    assert "total return: – below average, – above average, rank correlation –" in told
    assert told.endswith("A dash: undefined, because all trajectories of some snapshot earn the same.")
    assert "dash" not in caption(request_for())


def test_where_nothing_is_defined_dots_are_left(request_for: Requests, long: pd.DataFrame) -> None:
    *_, shares, correlations = draw(undefined(request_for(environments=("chain",)), long, *VARIANTS)).axes

    for axes in (shares, correlations):
        (dots,) = scatters(axes)
        assert len(offsets(dots)) == (SEEDS - 1) * len(VARIANTS)


def test_intervals_that_a_single_snapshot_leaves_unbounded_are_left_out(
    request_for: Requests, long: pd.DataFrame
) -> None:
    alone = long[long["seed"] == 0]
    figure = draw(replace(request_for(environments=("chain",)), tables={"long": alone, "summary": summarise(alone)}))
    figure.canvas.draw()
    drawn = [one for axes in figure.axes for one in axes.collections if isinstance(one, LineCollection)]

    assert len(drawn) == 3 * len(STAGES)
    assert not any(len(segment) for one in drawn for segment in one.get_segments())


def test_a_swept_variant_has_a_row_for_each_level(study: Study, long: pd.DataFrame) -> None:
    sweep = {"variant.batch": (4, 16)}
    updates = study.experiments["updates"].model_copy(update={"sweep": sweep, "variants": ("to_go",)})
    plain = long[long["variant"] == "to_go"]
    swept = pd.concat([plain.assign(batch=size, value=plain["value"] / size) for size in (4, 16)], ignore_index=True)
    swept.insert(2, "variant.batch", swept["batch"])
    request = FigureRequest(
        study.model_copy(update={"experiments": {"updates": updates}}),
        Figure(kind="likelihoods", experiment="updates", section="Intuition"),
        {"long": swept, "summary": summarise(swept)},
    )
    shares = draw(request).axes[0]

    names = [text.get_text() for text in shares.get_yticklabels()]
    assert names == ["reward-to-go, batch 4", "reward-to-go, batch 16"]
    small, large = offsets(scatters(shares)[1])[:, 0]
    assert small == pytest.approx(4 * large)


def test_an_experiment_that_takes_no_single_updates_is_refused(request_for: Requests) -> None:
    with pytest.raises(TypeError, match="likelihoods draws no train experiments, as ladder is"):
        caption(request_for(experiment="ladder"))


@pytest.mark.long
def test_two_drawings_are_byte_identical(request_for: Requests, tmp_path: Path) -> None:
    paths = [tmp_path / f"{time}.pdf" for time in ("first", "second")]
    for path in paths:
        saving.save(draw(request_for(width="one_column")), path)

    assert paths[0].read_bytes() == paths[1].read_bytes()
