"""Learning curves: the means of all variants with 95 % t intervals, then every seed in a panel per variant."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.selections import SELECTION
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.record import Width
from pg.plotting.text import counted, steps_of

# Inches of a panel of means and of a panel of seeds, at the usual size of type.
_HEIGHTS = (1.7, 0.8)
_LEAST_WIDTHS = (1.6, 0.5)
_LEAST_WIDTH_OF_NUMBERS = 0.9
# No variant has these dashes.
_DOTTED: dict[str, Any] = {"linewidth": 1.3, "linestyle": (0, (0.1, 3)), "dash_capstyle": "round", "zorder": 1}


class _Arrangement(NamedTuple):
    """Blocks of panels: their number in a row and rows, the panels of seeds in a row of a block, and inches."""

    across: int
    down: int
    per_row: int
    rows: list[float]
    height: float
    widths: tuple[float, float]


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw mean return against environment steps: a block of panels per environment, all on one page.

    A block has a panel of means, and below it a panel of seeds per variant.
    """
    series, budget, count = request.series(), request.experiment.budget, len(request.environments)
    diverged = len(_diverged(request.tables["curves"]))
    taught = marks.gathered(series, request.rows("summary", metric="demonstrator_return"))
    has_demonstrators = taught["environment"].isin(list(request.environments)).any()
    entries = marks.legend_entries(series, marked=False)
    if any(environment.threshold is not None for environment in request.environments.values()):
        entries.append(Line2D([], [], label="threshold", **style.DASHED_RULE))
    if has_demonstrators:
        entries.append(Line2D([], [], label="demonstrator", color=style.INK, **_DOTTED))
    if diverged:
        entries.append(Line2D([], [], label="diverged", linestyle="", marker="x", color=style.INK, markersize=3.5))

    room = layout.room_above_legend(entries, request.figure.width)
    across, down, per_row, rows, height, widths = _arrangement(count, len(series), request.figure.width, room)
    is_numbered = widths[1] >= _LEAST_WIDTH_OF_NUMBERS
    figure = layout.canvas(request.figure.width, height)
    grid = figure.add_gridspec(down * len(rows), across * per_row, height_ratios=rows * down)
    for place, environment in enumerate(request.environments):
        top, left = place // across * len(rows), place % across * per_row
        means = figure.add_subplot(grid[top, left : left + per_row])
        seeds: list[Axes] = []
        for index in range(len(series)):
            row, column = divmod(index, per_row)
            axes = figure.add_subplot(grid[top + 1 + row, left + column], sharex=means, sharey=means)
            first, lowest = is_numbered and column == 0, is_numbered and index + per_row >= len(series)
            axes.tick_params(labelleft=first, labelbottom=lowest, labelsize=style.scaled(6))
            seeds.append(axes)
        _draw_block(means, seeds, request, environment)
    layout.legend_below(figure, entries)

    caption = (
        f"Mean return of a batch against environment steps, {request.runs} per variant, each of "
        f"{steps_of(budget.steps, budget.max_iterations)}. Large panels: mean over seeds with its 95 % t interval at "
        "each step. Small panels: a thin line per seed, the mean in bold. A run that ended early keeps its last value."
    )
    if not is_numbered:
        caption += " Small panels have the axes of the large one above them."
    if diverged:
        caption += (
            f" A cross marks where a run diverged ({counted(diverged, 'run')}): from there it counts as the least mean "
            "return of any batch of the experiment in that environment."
        )
    if has_demonstrators:
        caption += (
            " Dotted: mean return of the demonstrations that a variant imitates first; their steps count, so that its "
            "curve begins after them."
        )
    return figure, caption


def _arrangement(environments: int, series: int, width: Width, room: float) -> _Arrangement:
    """Choose the arrangement with the largest panels that fits a page, or the lowest one if none fits."""

    def arranged(across: int, per_row: int) -> _Arrangement:
        block, down = style.unscaled(style.WIDTHS[width]) / across, math.ceil(environments / across)
        rows = [_HEIGHTS[0], *[_HEIGHTS[1]] * math.ceil(series / per_row)]
        return _Arrangement(across, down, per_row, rows, 0.35 + down * (sum(rows) + 0.3), (block, block / per_row))

    across = min(2, environments) if width == "two_columns" else 1
    # With these numbers no row of seeds is nearly empty.
    per_row = {1: 1, 2: 2, 4: 2}.get(series, 3)
    denser = (
        arranged(blocks, panels)
        for blocks in range(across, environments + 1)
        for panels in range(per_row, max(per_row, series) + 1)
    )
    possible = [arranged(across, per_row)]
    possible += [one for one in denser if all(map(operator.ge, one.widths, _LEAST_WIDTHS))]
    lowest = min(possible, key=lambda one: one.height)
    return next((one for one in possible if one.height <= room), lowest._replace(height=room))


def _draw_block(
    together: Axes, panels: Sequence[Axes], request: FigureRequest[TrainExperiment], environment: str
) -> None:
    series, threshold = request.series(), request.environments[environment].threshold
    together.set_title(request.environment_label(environment))
    together.set_ylabel("return")
    together.set_xlabel("environment steps", labelpad=1)
    curves, means = (
        marks.gathered(series, request.rows(table, environment=environment)) for table in ("curves", "means")
    )
    taught = request.rows("summary", environment=environment, metric="demonstrator_return")
    for one, axes in zip(series, panels, strict=True):
        own, colour = curves.loc[curves["series"] == one.key], one.look.colour
        marks.seeds(axes, own, "steps", "return", color=colour, linewidth=0.35, alpha=0.45)
        diverged = _diverged(own)
        cross: dict[str, Any] = {"marker": "x", "s": 12, "linewidths": 0.8, "zorder": 4, "clip_on": False}
        axes.scatter(diverged["diverged_at"], diverged["return"], color=colour, **cross)
    for axes, drawn in ((together, series), *((axes, (one,)) for one, axes in zip(series, panels, strict=True))):
        own = means.loc[means["series"].isin([one.key for one in drawn])]
        if threshold is not None:
            axes.axhline(threshold, **style.DASHED_RULE)
        for one in drawn:
            for level in one.rows(taught)["estimate"]:
                axes.axhline(level, color=one.look.colour, **_DOTTED)
        marks.line(axes, own, x="steps", y="estimate", linewidth=1.2, **marks.as_lines(drawn, marked=False))
    marks.draw_bands(together, means, series, "steps", alpha=0.18)
    layout.plain_numbers(together.xaxis, together.yaxis)
    layout.few_ticks(4, together.xaxis, together.yaxis)
    together.set_xlim(0, request.experiment.budget.steps)


def _diverged(curves: pd.DataFrame) -> pd.DataFrame:
    """Select for every run that diverged the row of the last grid point that it reached, or else of the first."""
    diverged = curves.loc[curves["diverged_at"].notna()]
    runs = [column for column in diverged.columns if column not in ("steps", "return", SELECTION)]
    reached = diverged["steps"].where(diverged["steps"] <= diverged["diverged_at"], -diverged["steps"])
    return diverged.loc[reached.groupby([diverged[column] for column in runs], sort=False).idxmax()]
