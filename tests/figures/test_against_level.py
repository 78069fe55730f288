"""Metrics stand at the level that they were measured at, with the summary's numbers; shares have no dots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pg.experiments.summaries import summarise
from pg.experiments.train.figures.against_level import caption, draw
from pg.plotting import style
from pg.plotting.captions import with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.record import Study
from tests.figures.pictures import bars, clouds

SEEDS, BUDGET = 7, 60_000
PATH, LEVELS = "variant.gradient_steps", (1, 4, 8)
VARIANTS = {"plain": {"label": "plain reuse"}, "held": {"label": "held", "batch": 8}}
METRICS = ("steps_to_threshold", "final_return", "collapsed")

Requests = Callable[..., FigureRequest]


def measured() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = []
    for variant in VARIANTS:
        for level in LEVELS:
            for seed in range(SEEDS):
                steps = min(BUDGET, BUDGET * generator.uniform(0.2, 1.2))
                collapsed = variant == "plain" and seed < level / 2
                values = (steps, generator.uniform(100, 500), float(collapsed))
                names = {"environment": "cartpole", "variant": variant, PATH: level, "stage": "", "seed": seed}
                rows += [{**names, "metric": one, "value": value} for one, value in zip(METRICS, values, strict=True)]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def request_for() -> Requests:
    """Make a request of the figure, with options of its declaration or of the sweep changed."""
    long = measured()
    held = {"long": long, "summary": summarise(long)}

    def make(sweep: dict[str, Any] | None = None, **changes: object) -> FigureRequest:
        experiment = {
            "kind": "train",
            "environments": ["cartpole"],
            "variants": list(VARIANTS),
            "sweep": {PATH: list(LEVELS)} | (sweep or {}),
            "seeds": {"count": SEEDS},
            "budget": {"steps": BUDGET},
        }
        environments = {"cartpole": {"id": "CartPole-v1", "threshold": 475.0, "label": "CartPole"}}
        named = {"name": "Levels", "environments": environments, "variants": VARIANTS}
        figure = Figure(kind="against_level", experiment="swept", metrics=METRICS, section="Off-policy policy gradient")
        study = Study.model_validate({**named, "experiments": {"swept": experiment}})
        return FigureRequest(study, figure.model_copy(update=changes), held)

    return make


@pytest.mark.parametrize("width", style.WIDTHS)
def test_a_panel_per_metric_fits_the_page(request_for: Requests, width: style.Width) -> None:
    figure = draw(request_for(width=width))
    figure.canvas.draw()
    tight = figure.get_tightbbox()
    assert 0 <= tight.x0 < tight.x1 <= style.WIDTHS[width]
    assert len(figure.axes) == len(METRICS)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")] == ["CartPole"]
    assert figure.axes[-1].get_xlabel() == "gradient steps"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["plain reuse", "held"]


def test_lines_and_bars_are_the_summarys_at_each_level(request_for: Requests) -> None:
    request = request_for(variants=("held",))
    for axes, metric in zip(draw(request).axes, METRICS, strict=True):
        rows = request.rows("summary", metric=metric, variant="held")
        (line,) = (one for one in axes.lines if len(np.asarray(one.get_xdata())) == len(LEVELS))
        np.testing.assert_allclose(np.asarray(line.get_xdata(), float), LEVELS)
        np.testing.assert_allclose(np.asarray(line.get_ydata(), float), rows["estimate"])
        (drawn,) = bars(axes)
        np.testing.assert_allclose(drawn[:, :, 1], rows[["ci_low", "ci_high"]])
        np.testing.assert_allclose(drawn[:, 0, 0], LEVELS)


def test_every_seed_is_a_dot_but_of_shares(request_for: Requests) -> None:
    request = request_for(variants=("plain",))
    steps, final, collapsed = draw(request).axes
    for axes, metric in ((steps, METRICS[0]), (final, METRICS[1])):
        rows = request.rows("long", metric=metric, variant="plain")
        (drawn,) = clouds(axes)
        np.testing.assert_allclose(drawn, rows[[PATH, "value"]])
    assert clouds(collapsed) == []
    assert [BUDGET, BUDGET] in [np.asarray(line.get_ydata()).tolist() for line in steps.lines]


def test_variants_at_one_level_stand_beside_each_other_and_nearer_to_it_than_to_the_next(request_for: Requests) -> None:
    collapsed = draw(request_for()).axes[-1]
    plain, held = (np.asarray(line.get_xdata(), float) for line in collapsed.lines)
    assert (plain < LEVELS).all()
    assert (held > LEVELS).all()
    for places in (plain, held):
        assert (np.abs(np.log(places / LEVELS)) < np.log(8 / 4) / 2).all()


def test_a_level_that_all_of_the_experiment_shares_is_no_axis(request_for: Requests) -> None:
    request = request_for(sweep={"variant.batch": [16]})
    assert draw(request).axes[0].get_xlabel() == "gradient steps"


def test_the_caption_has_every_number_at_the_last_level(request_for: Requests) -> None:
    request = request_for()
    told = caption(request)
    assert told.startswith("Steps to threshold, return over the last tenth of the budget and share of collapsed runs, ")
    assert "against gradient steps; 7 seeds per variant and level" in told
    assert "count as the budget of 60,000 steps" in told
    assert "Clopper–Pearson" in told
    for metric, words in zip(METRICS, ("steps to threshold", "return", "share of collapsed runs"), strict=True):
        rows = request.rows("summary", metric=metric, variant="held")
        quoted = with_interval(*rows.loc[rows[PATH] == 8, ["estimate", "ci_low", "ci_high"]].iloc[0])
        assert f"CartPole, {words}" in told
        assert f"held: {quoted}" in told
    only_shares = caption(request_for(metrics=("collapsed",)))
    assert "dot" not in only_shares
    assert "budget" not in only_shares
