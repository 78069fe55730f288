"""Each row holds a variant's divergence over its limit, on the batch and beside it on fresh trajectories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from pg.experiments.summaries import summarise
from pg.experiments.update.figures.realised_kl import caption, draw
from pg.plotting import style
from pg.plotting.captions import with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.record import Study
from tests.figures.pictures import bars, clouds

SEEDS = 6
LIMIT = 0.02
SAMPLES = ("kl_on_batch", "kl_on_fresh")
RATIOS = ("kl_over_limit", "fresh_kl_over_limit")
OVER = {"free": (4.0, 4.2), "stopped": (0.8, 0.9), "penalised": (1.6, 1.7)}
VARIANTS: dict[str, dict[str, Any]] = {
    "free": {"label": "no limit", "gradient_steps": 8, "importance": "per_step"},
    "stopped": {"label": "stopped", "extends": "free", "kl": {"limit": LIMIT, "hold_by": "early_stop"}},
    "penalised": {"label": "penalised", "extends": "free", "kl": {"limit": LIMIT, "hold_by": "penalty"}},
}


def study(**limits: float) -> Study:
    """Make a study whose limits may be changed by variant."""
    variants = {name: {**VARIANTS["free"], **options} for name, options in VARIANTS.items()}
    for options in variants.values():
        options.pop("extends", None)
    for name, limit in limits.items():
        variants[name] = variants[name] | {"kl": variants[name]["kl"] | {"limit": limit}}
    shared = {"environments": ["cartpole"], "variants": list(variants), "seeds": {"count": SEEDS}}
    source = {"experiment": "ladder", "variant": "free", "stages": ["early", "late"]}
    experiments = {
        "ladder": {**shared, "kind": "train", "budget": {"steps": 1000}},
        "updates": {**shared, "kind": "update", "source": source, "updates": 12, "fresh": 48},
    }
    environments = {"cartpole": {"id": "CartPole-v1"}}
    named = {"name": "Limits", "environments": environments, "variants": variants, "experiments": experiments}
    return Study.model_validate(named)


def measured() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = []
    for stage in ("early", "late"):
        for variant, over in OVER.items():
            for seed in range(SEEDS):
                names = {"environment": "cartpole", "variant": variant, "batch": 16, "stage": stage, "seed": seed}
                for metric, ratio, centre in zip(SAMPLES, RATIOS, over, strict=True):
                    value = centre * generator.uniform(0.9, 1.1)
                    rows.append({**names, "metric": metric, "value": value * LIMIT})
                    rows.append({**names, "metric": ratio, "value": np.nan if variant == "free" else value})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def request_for() -> Callable[..., FigureRequest]:
    """Make a request of the figure, with options of its declaration or limits changed."""
    long = measured()
    summary = summarise(long)

    def make(limits: dict[str, float] | None = None, **changes: object) -> FigureRequest:
        figure = Figure(kind="realised_kl", experiment="updates", section="KL constraint")
        held = {"long": long, "summary": summary}
        return FigureRequest(study(**(limits or {})), figure.model_copy(update=changes), held)

    return make


Requests = Callable[..., FigureRequest]


def names(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


@pytest.mark.parametrize("width", style.WIDTHS)
def test_panels_of_batch_and_fresh_trajectories_fit_the_page_beside_each_other(
    request_for: Requests, width: style.Width
) -> None:
    figure = draw(request_for(width=width))
    figure.canvas.draw()
    tight = figure.get_tightbbox()
    assert 0 <= tight.x0 < tight.x1 <= style.WIDTHS[width]
    early, fresh, late, _ = (axes.get_title(loc="left") for axes in figure.axes)
    assert (early, fresh) == ("CartPole-v1, early policies: the update's batch", "fresh trajectories")
    assert late == "CartPole-v1, late policies: the update's batch"
    assert names(figure.axes[0]) == ["no limit", "stopped", "penalised"]


def test_dots_means_and_bars_are_the_tables_over_the_limit(request_for: Requests) -> None:
    request = request_for()
    for axes, metric, ratio in zip(draw(request).axes[2:], SAMPLES, RATIOS, strict=True):
        dots, means = clouds(axes)
        long, summary = (request.rows(table, stage="late", metric=metric) for table in ("long", "summary"))
        np.testing.assert_allclose(np.sort(dots[:, 0]), np.sort(long["value"] / LIMIT))
        np.testing.assert_allclose(means[:, 0], summary["estimate"] / LIMIT)
        limited = request.rows("summary", stage="late", metric=ratio).dropna(subset=["estimate"])
        np.testing.assert_allclose(means[1:, 0], limited["estimate"])
        (drawn,) = bars(axes)
        ends = drawn[1:, :, 0]
        np.testing.assert_allclose(ends, limited[["ci_low", "ci_high"]])
        assert axes.get_xscale() == "log"
        assert [1, 1] in [np.asarray(line.get_xdata()).tolist() for line in axes.lines]


def test_limits_of_their_own_leave_nothing_to_compare_the_others_with(request_for: Requests) -> None:
    request = request_for(limits={"penalised": 2 * LIMIT})
    axes = draw(request).axes[0]
    assert names(axes) == ["stopped", "penalised"]
    found = request.rows("summary", stage="early", metric="kl_on_batch", variant="penalised")["estimate"].item()
    assert clouds(axes)[1][1, 0] == pytest.approx(found / (2 * LIMIT))
    assert "Without a limit, and not drawn because the others have no δ in common — no limit." in caption(request)


def test_the_caption_says_what_is_compared_and_every_number(request_for: Requests) -> None:
    request = request_for()
    told = caption(request)
    assert "12 updates of one of 6 policy snapshots" in told
    assert "48 trajectories that it has not seen" in told
    assert "Held by no limit, and compared with the δ of the others, 0.0200 — no limit." in told
    assert "its factor is 1 at a snapshot's first update" in told
    lines = [request.rows("summary", stage="late", metric=ratio, variant="stopped") for ratio in RATIOS]
    batch, fresh = (with_interval(*line[["estimate", "ci_low", "ci_high"]].iloc[0]) for line in lines)
    assert f"stopped: {batch} on the update's batch, {fresh} on fresh trajectories; penalised" in told
    assert "factor" not in caption(request_for(variants=("free", "stopped")))


def test_what_was_wholly_undone_has_no_place_and_the_caption_says_so(request_for: Requests) -> None:
    request = request_for()
    long = request.tables["long"].copy()
    undone = (long["variant"] == "stopped") & (long["seed"] == 0)
    long.loc[undone, "value"] = 0.0
    told = replace(request, tables={"long": long, "summary": summarise(long)})
    dots, means = clouds(draw(told).axes[0])
    assert len(dots) == 3 * SEEDS - 1
    assert len(means) == 3
    assert "all of whose updates were undone" in caption(told)
    assert "undone" not in caption(request)


def test_an_experiment_that_takes_no_single_updates_is_refused(request_for: Requests) -> None:
    with pytest.raises(TypeError, match="realised_kl draws no train experiments, as ladder is"):
        caption(request_for(experiment="ladder"))
