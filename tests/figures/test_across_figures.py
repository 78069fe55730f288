"""Figures across environments draw what their table holds: profiles and aggregates of one experiment or of a pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from pg.experiments.figures import caption, draw
from pg.plotting import compared, style
from pg.plotting.captions import with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.record import Study

ABOVE = np.round(np.linspace(0, 1.2, 25), 2)
VARIANTS = ("total", "to_go", "to_go_per_step")


@pytest.fixture
def across() -> pd.DataFrame:
    """A table across environments whose every number is told from every other."""
    rows = []
    for place, variant in enumerate(VARIANTS):
        names = {"variant": variant, "n": 20, "method": "any"}
        middle = 0.5 + 0.1 * place
        rows.append(
            {**names, "statistic": "interquartile mean", "over": "", "estimate": middle}
            | {"ci_low": middle - 0.05, "ci_high": middle + 0.07}
        )
        rows += [
            {**names, "statistic": "profile", "above": above, "over": "", "estimate": share}
            | {"ci_low": max(0, share - 0.1), "ci_high": min(1, share + 0.1)}
            for above in ABOVE
            for share in [float(np.clip(middle + 0.5 - above, 0, 1))]
        ]
        if place:
            rows.append(
                {**names, "statistic": "improvement", "over": "total", "estimate": 0.6 + 0.1 * place}
                | {"ci_low": 0.55, "ci_high": 0.9}
            )
    return pd.DataFrame(rows)


@pytest.fixture
def request_of(study: Study, across: pd.DataFrame) -> Callable[..., FigureRequest]:
    def make(kind: str, **options: object) -> FigureRequest:
        declared = {"kind": kind, "experiment": "ladder", "section": "Introducing baselines", "variants": VARIANTS}
        return FigureRequest(study, Figure.model_validate(declared | options), {"across": across})

    return make


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("kind", ["performance_profiles", "aggregates"])
def test_it_draws_without_a_warning_and_captions_every_variant(
    request_of: Callable[..., FigureRequest], kind: str, width: style.Width
) -> None:
    request = request_of(kind, width=width)
    figure = draw(request)
    figure.canvas.draw()
    said = caption(request)

    assert figure.get_figwidth() == style.WIDTHS[width]
    assert all(strand.label in said for strand in compared.strands(request))
    assert "CartPole-v1 and InvertedPendulum-v5" in said


def test_a_profile_is_drawn_and_quoted_as_the_table_has_it(
    request_of: Callable[..., FigureRequest], across: pd.DataFrame
) -> None:
    request = request_of("performance_profiles")
    (axes,) = draw(request).axes
    drawn = [np.asarray(line.get_ydata(), np.float64) for line in axes.lines]

    for variant in VARIANTS:
        profile = across.loc[(across["statistic"] == "profile") & (across["variant"] == variant)]
        assert any(len(line) == len(ABOVE) and np.allclose(line, profile["estimate"]) for line in drawn)
        half = profile.loc[profile["above"] == 0.5, ["estimate", "ci_low", "ci_high"]].to_numpy()[0]
        assert with_interval(*half) in caption(request)


def test_aggregates_are_drawn_and_quoted_as_the_table_has_them(
    request_of: Callable[..., FigureRequest], across: pd.DataFrame
) -> None:
    request = request_of("aggregates")
    for axes, statistic in zip(draw(request).axes, ("interquartile mean", "improvement"), strict=True):
        rows = across.loc[across["statistic"] == statistic]
        bars = [one for one in axes.collections if isinstance(one, LineCollection)]
        ends = np.array([segment[:, 0] for one in bars for segment in one.get_segments()])

        assert np.allclose(ends, rows[["ci_low", "ci_high"]].to_numpy())
        for line in rows[["estimate", "ci_low", "ci_high"]].to_numpy():
            assert with_interval(*line) in caption(request)


@pytest.mark.parametrize("kind", ["performance_profiles", "aggregates"])
def test_a_caption_says_why_statistics_are_missing_where_any_is(
    request_of: Callable[..., FigureRequest], across: pd.DataFrame, kind: str
) -> None:
    assert "random policy earns the threshold" not in caption(request_of(kind))
    across.loc[across["variant"] == "to_go", ["estimate", "ci_low", "ci_high"]] = np.nan
    assert "random policy earns the threshold of an environment already" in caption(request_of(kind))


def test_the_variant_that_others_are_compared_with_is_named_where_its_row_is_empty(
    request_of: Callable[..., FigureRequest],
) -> None:
    written = [text.get_text() for text in draw(request_of("aggregates")).axes[1].texts]

    assert written == ["compared with"]


def test_variants_of_a_pool_are_those_that_all_its_experiments_have(
    request_of: Callable[..., FigureRequest], study: Study
) -> None:
    ladder = study.experiments["ladder"]
    apart = {
        "ladder": ladder.model_copy(update={"environments": ("cartpole",)}),
        "other": ladder.model_copy(update={"environments": ("pendulum",), "variants": ("normalised", "to_go")}),
    }
    pooled = study.model_copy(update={"experiments": apart})
    request = replace(request_of("aggregates", pooled=("other",), variants=()), study=pooled)

    assert request.environments == ("cartpole", "pendulum")
    assert request.variants == ("to_go", "normalised")
