"""Learning curves show whom a variant imitates, and begin where the demonstrations end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pg.experiments.figures import caption, draw
from pg.plotting import compared
from pg.plotting.request import FigureRequest

Requests = Callable[..., FigureRequest]


def imitating(request: FigureRequest) -> FigureRequest:
    """Let a variant imitate a demonstrator of return 200 for the first tenth of the budget."""
    curves, summary = request.tables["curves"].copy(), request.tables["summary"]
    shown = (curves["variant"] == "to_go") & (curves["steps"] <= curves["steps"].max() / 10)
    curves.loc[shown, "return"] = np.nan
    rows = summary[(summary["variant"] == "to_go") & (summary["metric"] == "final_return")]
    level = rows.assign(metric="demonstrator_return", estimate=200.0)
    return replace(request, tables={**request.tables, "curves": curves, "summary": pd.concat([summary, level])})


def test_a_demonstrators_level_crosses_the_panels_of_what_imitates_it(request_for: Requests) -> None:
    plain = request_for("learning_curves", environments=("cartpole",), variants=("total", "to_go"))
    request = imitating(plain)
    (colour,) = [strand.look.colour for strand in compared.strands(request) if strand.label == "reward-to-go"]

    def levels(axes: Axes) -> list[object]:
        return [line.get_color() for line in axes.lines if np.array_equal(np.asarray(line.get_ydata()), [200, 200])]

    together, total, to_go = draw(request).axes
    assert [levels(axes) for axes in (together, total, to_go)] == [[colour], [], [colour]]
    assert not any(levels(axes) for axes in draw(plain).axes)
    assert caption(request).endswith("its curve begins where they end — reward-to-go: 200.")
    assert "demonstrations" not in caption(plain)


def test_the_mean_of_curves_begins_where_the_last_demonstrations_end(request_for: Requests) -> None:
    request = imitating(request_for("learning_curves", environments=("cartpole",), variants=("to_go",)))
    together, *_ = draw(request).axes
    curves = [np.asarray(line.get_xdata(), np.float64) for line in together.lines if line.get_linewidth() == 1.2]
    assert [curve.min() for curve in curves] == [request.tables["curves"]["steps"].max() * 0.11]
