"""Backward passes stand beside the surrogate's one, and the caption says how little the two gradients differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from pg.experiments.identity.figures.backward_passes import caption, draw
from pg.experiments.summaries import summarise
from pg.plotting import compared, saving, style
from pg.plotting.captions import number, with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.record import Study
from tests.figures.pictures import bars, clouds

SEEDS = 10
STEPS = {"cartpole": 20, "pendulum": 200, "chain": 6}
VARIANTS = {
    "total": {"returns": "total", "label": "total return"},
    "to_go": {"label": "reward-to-go"},
    "per_step": {"label": "reward-to-go, per-step average", "baseline": "per_step", "batch": 4},
}


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.model_validate(
        {
            "name": "Identities",
            "environments": {
                "cartpole": {"id": "CartPole-v1", "horizon": STEPS["cartpole"]},
                "pendulum": {"id": "InvertedPendulum-v5", "horizon": STEPS["pendulum"]},
                "chain": {"id": "pg/Chain-v0", "horizon": STEPS["chain"]},
            },
            "variants": VARIANTS,
            "experiments": {
                "forms": {
                    "kind": "identity",
                    "environments": list(STEPS),
                    "variants": list(VARIANTS),
                    "seeds": {"count": SEEDS},
                }
            },
        }
    )


@pytest.fixture(scope="module")
def long(study: Study) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = []
    for environment, horizon in STEPS.items():
        for variant in VARIANTS:
            size = study.variants[variant].batch
            for seed in range(SEEDS):
                names = {"environment": environment, "variant": variant, "batch": size, "stage": "random", "seed": seed}
                passes = float(generator.integers(horizon // 2, horizon, size).sum())
                difference = generator.lognormal(-34, 0.5)
                rows += [
                    {**names, "metric": "explicit_difference", "value": difference},
                    {**names, "metric": "backward_passes", "value": passes},
                ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def request_for(study: Study, long: pd.DataFrame) -> Callable[..., FigureRequest]:
    """Make a request of the figure, with options of its declaration changed."""
    summary = summarise(long)

    def make(**changes: object) -> FigureRequest:
        figure = Figure(kind="backward_passes", experiment="forms", section="How to implement policy gradients?")
        return FigureRequest(study, figure.model_copy(update=changes), {"long": long, "summary": summary})

    return make


Requests = Callable[..., FigureRequest]


def passes(request: FigureRequest, environment: str) -> pd.DataFrame:
    return request.rows("long", environment=environment, metric="backward_passes")


@pytest.mark.parametrize(
    ("width", "environments"),
    [("one_column", ()), ("two_columns", ()), ("two_columns", ("cartpole", "pendulum"))],
)
def test_it_draws_a_panel_per_environment_without_a_warning_and_nothing_runs_off_the_page(
    request_for: Requests, width: style.Width, environments: tuple[str, ...]
) -> None:
    request = request_for(width=width, environments=environments)
    figure = draw(request)
    figure.canvas.draw()
    tight = figure.get_tightbbox()

    assert 0 <= tight.x0 < tight.x1 <= style.WIDTHS[width]
    assert all(axes.get_position().width > (0.3 if width == "one_column" else 0.15) for axes in figure.axes)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.axison] == [
        request.study.environments[name].id for name in environments or STEPS
    ]
    assert figure.get_figwidth() == style.WIDTHS[width]


@pytest.fixture(scope="module")
def drawn(request_for: Requests) -> list[Axes]:
    return draw(request_for()).axes


def test_every_batch_is_a_dot_right_of_the_surrogates_one_pass(request_for: Requests, drawn: list[Axes]) -> None:
    request = request_for()
    for environment, axes in zip(STEPS, drawn, strict=False):
        dots, _ = clouds(axes)
        (surrogate,) = axes.lines

        assert axes.get_xscale() == "log"
        assert sorted(dots[:, 0]) == sorted(passes(request, environment)["value"])
        assert np.array_equal(surrogate.get_xdata(), [1, 1])
        assert axes.get_xlim()[0] < 1 < dots[:, 0].min() <= dots[:, 0].max() < axes.get_xlim()[1]


def test_all_panels_have_one_axis(drawn: list[Axes]) -> None:
    assert len({axes.get_xlim() for axes in drawn[: len(STEPS)]}) == 1


def test_means_and_intervals_are_the_summarys(request_for: Requests) -> None:
    request = request_for()
    # No statistic of the dots gives these numbers: they can only have been read.
    estimates = np.arange(10.0, 10.0 + len(request.tables["summary"]))
    made_up = request.tables["summary"].assign(estimate=estimates, ci_low=estimates - 0.25, ci_high=estimates + 5_000)
    request = replace(request, tables={**request.tables, "summary": made_up})
    axes = draw(request).axes[0]
    rows = request.rows("summary", environment="cartpole", metric="backward_passes")
    (drawn,) = bars(axes)

    assert sorted(clouds(axes)[1][:, 0]) == sorted(rows["estimate"])
    assert np.array_equal(drawn[:, :, 0], rows[["ci_low", "ci_high"]])
    assert axes.get_xlim()[1] > rows["ci_high"].max()
    assert f"total return: {with_interval(*rows.iloc[0][['estimate', 'ci_low', 'ci_high']])}" in caption(request)


def test_intervals_that_reach_below_one_pass_or_are_unbounded_are_drawn_without_a_warning(
    request_for: Requests,
) -> None:
    request = request_for(environments=("cartpole", "chain"))
    for low, high in ((-50.0, 700.0), (-np.inf, np.inf)):
        summary = request.tables["summary"].assign(ci_low=low, ci_high=high)
        draw(replace(request, tables={**request.tables, "summary": summary})).canvas.draw()


def test_the_caption_names_every_mean_and_the_sizes_of_the_batches(request_for: Requests) -> None:
    request = request_for()
    lead, *lines = caption(request).splitlines()

    assert "each of N = 4 and 16 trajectories" in lead
    assert "one of 10 seeds" in lead
    assert [line.split(",")[0] for line in lines[:-1]] == ["CartPole-v1", "InvertedPendulum-v5", "pg/Chain-v0"]
    for environment, line in zip(STEPS, lines, strict=False):
        for strand in compared.strands(request):
            mean = strand.rows(passes(request, environment))["value"].mean()
            assert f"{strand.label}: {number(mean)} (" in line


@pytest.mark.parametrize("place", [{"environment": "chain", "variant": "per_step"}, {"environment": "cartpole"}])
def test_the_caption_quotes_the_largest_difference_of_all_that_is_drawn(
    request_for: Requests, place: dict[str, str]
) -> None:
    request = request_for()
    long = request.tables["long"].copy()
    hit = long.index[(long["metric"] == "explicit_difference") & (long[list(place)] == place).all(axis=1)][-1]
    long.loc[hit, "value"] = 0.0625
    changed = {**request.tables, "long": long}

    assert caption(replace(request, tables=changed)).endswith("of all 90 gradients above: 0.0625.")
    elsewhere = replace(request_for(environments=("pendulum",)), tables=changed)
    own = long.query("environment == 'pendulum' and metric == 'explicit_difference'")["value"].max()
    assert "0.0625" not in caption(elsewhere)
    assert f"of all 30 gradients above: {own * 1e15:.2f} × 10⁻¹⁵." in caption(elsewhere)


def test_the_caption_counts_the_differences_that_are_undefined(request_for: Requests) -> None:
    request = request_for()
    long = request.tables["long"].copy()
    long.loc[long.index[long["metric"] == "explicit_difference"][:2], "value"] = np.nan
    told = caption(replace(request, tables={**request.tables, "long": long}))

    assert "of all 88 gradients above" in told
    assert told.endswith("explicit sum alone is zero: 2.")
    assert "Undefined" not in caption(request)


def test_a_swept_variant_has_a_row_for_each_level(study: Study, long: pd.DataFrame) -> None:
    forms = study.experiments["forms"].model_copy(update={"sweep": {"variant.batch": (4, 16)}, "variants": ("to_go",)})
    plain = long[long["variant"] == "to_go"]
    levels = [plain.assign(batch=size, value=plain["value"] * size) for size in (4, 16)]
    swept = pd.concat(levels, ignore_index=True)
    swept.insert(2, "variant.batch", swept["batch"])
    request = FigureRequest(
        study.model_copy(update={"experiments": {"forms": forms}}),
        Figure(kind="backward_passes", experiment="forms", section="How to implement policy gradients?"),
        {"long": swept, "summary": summarise(swept)},
    )
    axes = draw(request).axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == ["reward-to-go, batch 4", "reward-to-go, batch 16"]
    few, many = clouds(axes)[1][:, 0]
    assert many == pytest.approx(4 * few)


@pytest.mark.long
def test_two_drawings_are_byte_identical(request_for: Requests, tmp_path: Path) -> None:
    paths = [tmp_path / f"{time}.pdf" for time in ("first", "second")]
    for path in paths:
        saving.save(draw(request_for(width="one_column")), path)

    assert paths[0].read_bytes() == paths[1].read_bytes()
