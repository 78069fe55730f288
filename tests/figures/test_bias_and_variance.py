"""Bias stands above variance at the level it was measured at; what is said is the summary's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from pg.experiments.probe.figures import bias_and_variance
from pg.experiments.summaries import summarise
from pg.plotting import style
from pg.plotting.captions import with_interval
from pg.plotting.record import Figure
from pg.plotting.request import FigureRequest
from pg.study.record import Study

SEEDS = 6
LEVELS = (1, 0, 0.9, 0.5)
STAGES = ("early", "late")
VARIANTS = {
    "gae": {"returns": {"name": "gae", "lambda": 0.9}, "baseline": "value_network", "label": "GAE"},
    "discounted": {"returns": {"name": "gae", "lambda": 0.9}, "baseline": "value_network", "discount": 0.9},
}
BIAS = {"gae": 0.4, "discounted": 0.6}

Requests = Callable[..., FigureRequest]


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.model_validate(
        {
            "name": "Lambda",
            "environments": {"cartpole": {"id": "CartPole-v1"}, "pendulum": {"id": "InvertedPendulum-v5"}},
            "variants": VARIANTS,
            "experiments": {
                "lambdas": {
                    "kind": "probe",
                    "environments": ["cartpole", "pendulum"],
                    "variants": list(VARIANTS),
                    "seeds": {"count": SEEDS},
                    "sweep": {"variant.returns.lambda": list(LEVELS)},
                    "source": {"experiment": "learn", "variant": "gae", "stages": list(STAGES)},
                    "sample": {"trajectories": 64, "batches": [4, 16]},
                }
            },
        }
    )


@pytest.fixture(scope="module")
def long(study: Study) -> pd.DataFrame:
    """A table in which bias falls with λ, variance grows, and batches of 4 are four times as noisy."""
    rng = np.random.default_rng(0)
    measures = {
        "relative_bias": lambda variant, level, _: BIAS[variant] * (1 - level) + 0.05,
        "relative_bias_noise": lambda _, level, batch: 0.05 * (1 + level) * 16 / batch,
        "total_variance": lambda _, level, batch: (1 + 9 * level) * 16 / batch,
    }
    rows = [
        {
            "environment": environment,
            "variant": variant,
            "variant.returns.lambda": level,
            "batch": batch,
            "stage": stage,
            "seed": seed,
            "metric": metric,
            "value": value(variant, level, batch) * rng.uniform(0.9, 1.1),
        }
        for environment in study.environments
        for variant in VARIANTS
        for level in LEVELS
        for stage in STAGES
        for seed in range(SEEDS)
        for batch in (4, 16)
        for metric, value in measures.items()
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def request_(study: Study, long: pd.DataFrame) -> Requests:
    held = {"long": long, "summary": summarise(long)}

    def make(**options: Any) -> FigureRequest:
        figure = Figure(kind="bias_and_variance", experiment="lambdas", section="Next time", **options)
        return FigureRequest(study, figure, held)

    return make


def points(axes: Axes) -> list[tuple[float, float]]:
    """Return the marks of the strands' lines, strand by strand; dashed lines of noise have none."""
    return [
        (float(x), float(y))
        for line in axes.lines
        if line.get_marker() not in ("", "None", None)
        for x, y in zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
    ]


def test_levels_stand_evenly_in_order_and_hold_their_estimates(request_: Requests) -> None:
    request = request_(environments=("cartpole",), variants=("gae",))
    figure = bias_and_variance.draw(request)
    upper, lower = figure.axes[0], figure.axes[2]
    summary = request.rows("summary", environment="cartpole", variant="gae", stage="early", batch=16)
    for axes, metric in ((upper, "relative_bias"), (lower, "total_variance")):
        expected = summary[summary["metric"] == metric].set_index("variant.returns.lambda")["estimate"].sort_index()
        found = points(axes)
        assert [x for x, _ in found] == pytest.approx([0, 1, 2, 3])
        assert [y for _, y in found] == pytest.approx(expected.tolist())
    figure.canvas.draw()
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["0", "0.5", "0.9", "1"]
    assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == ("bias over ‖∇J‖", "tr Cov", "λ")
    assert (upper.get_yscale(), lower.get_yscale()) == ("linear", "log")


def test_the_bias_of_noise_is_dashed_beside_each_variants_own(request_: Requests) -> None:
    request = request_(environments=("cartpole",))
    upper = bias_and_variance.draw(request).axes[0]
    dashed = [line for line in upper.lines if line.get_linewidth() == 0.6]
    rows = request.rows("summary", environment="cartpole", stage="early", batch=16, metric="relative_bias_noise")
    for line, variant in zip(dashed, VARIANTS, strict=True):
        expected = rows[rows["variant"] == variant].sort_values("variant.returns.lambda")["estimate"]
        assert np.asarray(line.get_ydata()).tolist() == pytest.approx(expected.tolist())


def test_every_place_has_its_pair_of_panels(request_: Requests) -> None:
    figure = bias_and_variance.draw(request_())
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == [
        f"{environment}, {stage} policies" for environment in ("CartPole-v1", "InvertedPendulum-v5") for stage in STAGES
    ]
    narrow = bias_and_variance.draw(request_(environments=("pendulum",), width="one_column"))
    assert len([axes for axes in narrow.axes if axes.axison]) == 4
    assert narrow.get_figwidth() == style.WIDTHS["one_column"]


def test_the_caption_quotes_bias_and_variance_at_each_level_of_the_last_stage(request_: Requests) -> None:
    request = request_(environments=("cartpole",), variants=("gae",))
    text = bias_and_variance.caption(request)
    rows = request.rows("summary", environment="cartpole", stage="late", variant="gae", batch=16)
    for level in LEVELS:
        for metric, word in (("relative_bias", "bias"), ("total_variance", "variance")):
            row = rows[(rows["metric"] == metric) & (rows["variant.returns.lambda"] == level)].iloc[0]
            assert f"{word} {with_interval(row['estimate'], row['ci_low'], row['ci_high'])}" in text
    assert "N = 16" in text
    assert "lambda 0.9: bias" in text
    assert "early" not in text
