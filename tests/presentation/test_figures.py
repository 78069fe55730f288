"""Every kind of figure draws what its tables hold, and its caption quotes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pg.presentation import style
from pg.presentation.captions import with_interval
from pg.presentation.figures import FIGURES, FigureRequest, caption, draw
from pg.study.model import Study
from scipy import stats

Requests = Callable[..., FigureRequest]

DECLARED = ("variance", "batch_size", "learning_curves", "steps_to_threshold", "tuning", "sizes")


def test_every_kind_is_declared_in_the_synthetic_study(study: Study) -> None:
    assert {study.figures[name].kind for name in DECLARED} == set(FIGURES)


def test_the_registry_is_read_without_matplotlib() -> None:
    read = "import sys, pg.presentation.figures; sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", read], check=False).returncode == 0


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("name", DECLARED)
def test_every_figure_draws_without_a_warning_and_captions_every_variant(
    request_for: Requests, name: str, width: style.Width
) -> None:
    request = request_for(name, width=width)
    figure = draw(request)
    figure.canvas.draw()

    assert figure.axes
    assert all(strand.label in caption(request) for strand in style.strands(request))


@pytest.mark.parametrize("name", DECLARED)
def test_a_figure_draws_the_named_environments_and_variants_alone(request_for: Requests, name: str) -> None:
    request = request_for(name, environments=("cartpole",), variants=("to_go_per_step", "to_go"))

    assert [strand.variant for strand in style.strands(request)][:: len(request.levels)] == ["to_go", "to_go_per_step"]
    assert "InvertedPendulum" not in caption(request)
    assert "average reward" not in caption(request)
    draw(request)


@pytest.mark.parametrize("name", DECLARED)
def test_intervals_that_a_single_seed_leaves_unbounded_are_left_out(request_for: Requests, name: str) -> None:
    request = request_for(name, environments=("cartpole",))
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


def test_the_variance_figure_shows_every_snapshot(request_for: Requests) -> None:
    request = request_for("variance")
    axes = draw(request).axes[0]
    rows = request.rows("long", environment="cartpole", stage="initial", metric="total_variance", batch=16)
    dots = np.concatenate([line.get_xdata() for line in axes.lines if line.get_markersize() == 2])

    assert sorted(dots) == sorted(rows["value"])


def test_learning_curves_show_every_seed_and_their_mean(request_for: Requests) -> None:
    request = request_for("learning_curves", environments=("cartpole",))
    together, first, *_ = draw(request).axes
    runs = request.rows("curves", environment="cartpole", variant="total").pivot(
        index="seed", columns="steps", values="return"
    )
    seeds = [line for line in first.lines if line.get_linewidth() == 0.35]

    assert np.array_equal(np.array([line.get_ydata() for line in seeds]), runs.to_numpy())
    means = [np.asarray(line.get_ydata()) for line in together.lines]
    assert any(len(one) == 100 and np.allclose(one, runs.mean()) for one in means)


def test_censored_seeds_are_marked_apart(request_for: Requests) -> None:
    request = request_for("steps_to_threshold", environments=("cartpole",), variants=("total",))
    censored = request.rows("long", environment="cartpole", variant="total", metric="censored")["value"].sum()
    axes = draw(request).axes[0]
    triangles = [line for line in axes.lines if line.get_marker() == ">"]

    assert sum(np.size(line.get_xdata()) for line in triangles) == censored > 0
    assert f"reached by {10 - censored:.0f} of 10" in caption(request)


def test_steps_need_a_threshold(request_for: Requests, study: Study) -> None:
    request = request_for("steps_to_threshold")
    free = {name: one.model_copy(update={"threshold": None}) for name, one in study.environments.items()}

    with pytest.raises(ValueError, match="cartpole, pendulum declares a threshold"):
        draw(replace(request, study=study.model_copy(update={"environments": free})))


def test_choices_at_an_edge_of_the_grid_are_ringed_and_named(request_for: Requests) -> None:
    request = request_for("tuning", environments=("cartpole",))
    chosen = request.rows("tuned", environment="cartpole").query("chosen").drop_duplicates("variant")
    rings = [line for line in draw(request).axes[0].lines if line.get_markersize() == 10]

    assert len(rings) == chosen["at_edge"].sum() > 0
    assert caption(request).count("(edge of the grid)") == len(rings)


def test_a_figure_refuses_an_experiment_of_another_kind(request_for: Requests) -> None:
    with pytest.raises(TypeError, match="variance draws probes, and ladder is none"):
        draw(request_for("learning_curves", kind="variance"))
