"""Learning curves: the means of all variants with 95 % t intervals, then every seed in a panel per variant."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D

from pg.experiments.figures.request import FigureRequest
from pg.experiments.train.mean_curves import mean_curves
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.record import Width
from pg.plotting.text import counted, steps_of

_CROSS: Mapping[str, Any] = {"marker": "x", "s": 12, "linewidths": 0.8}
# Inches of a panel of means and of a panel of seeds, at the usual size of type.
_HEIGHTS = (1.7, 0.8)
_LEAST_WIDTHS = (1.6, 0.5)
_LEAST_WIDTH_OF_NUMBERS = 0.9
# No variant has these dashes.
_DOTTED: dict[str, Any] = {"linewidth": 1.3, "linestyle": (0, (0.1, 3)), "dash_capstyle": "round", "zorder": 1}

Request = FigureRequest[TrainExperiment]


@dataclass(frozen=True, slots=True)
class _Layout:
    """A block per environment, `across` blocks in a row; each block has `per_row` panels of seeds in a row."""

    environments: int
    series: int
    width: Width
    across: int
    per_row: int

    @property
    def widths(self) -> tuple[float, float]:
        """Inches of a panel of means and of a panel of seeds, at the usual size of type."""
        block = style.unscaled(style.WIDTHS[self.width]) / self.across
        return block, block / self.per_row

    @property
    def numbers_seeds(self) -> bool:
        """Whether panels of seeds are wide enough for numbers along their axes."""
        return self.widths[1] >= _LEAST_WIDTH_OF_NUMBERS

    @property
    def heights(self) -> list[float]:
        """Inches of the rows of a block: the means, then the seeds."""
        return [_HEIGHTS[0], *[_HEIGHTS[1]] * math.ceil(self.series / self.per_row)]

    @property
    def down(self) -> int:
        """Number of rows of blocks."""
        return math.ceil(self.environments / self.across)

    @property
    def height(self) -> float:
        """Inches of the figure."""
        return 0.35 + self.down * (sum(self.heights) + 0.3)


def draw(request: Request) -> Figure:
    """Draw mean return against environment steps: a block of panels per environment, all on one page."""
    chosen = _layout(request)
    figure = layout.canvas(chosen.width, min(chosen.height, _room(request)))
    grid = figure.add_gridspec(
        chosen.down * len(chosen.heights), chosen.across * chosen.per_row, height_ratios=chosen.heights * chosen.down
    )
    for place, environment in enumerate(request.environments):
        _draw_block(*_panels(figure, grid, chosen, place), request, environment)
    layout.legend_below(figure, _entries(request))
    return figure


def caption(request: Request) -> str:
    """Say what is drawn, how to read it, and from how many seeds."""
    budget, lost = request.experiment.budget, len(_diverged(request.tables["curves"]))
    lead = (
        f"Mean return of a batch against environment steps, {counted(request.seeds, 'seed')} per variant, each of "
        f"{steps_of(budget.steps, budget.max_iterations)}. Large panels: mean over seeds with its 95 % t interval at "
        "each step. Small panels: a thin line per seed, the mean in bold. A run that ended early keeps its last value."
    )
    sentences = [lead]
    if not _layout(request).numbers_seeds:
        sentences.append("Small panels have the axes of the large one above them.")
    if lost:
        sentences.append(
            f"A cross marks where a run diverged ({counted(lost, 'run')}): from there it counts as the least mean "
            "return of any batch of the experiment in that environment."
        )
    if _demonstrated(request):
        sentences.append(
            "Dotted: mean return of the demonstrations that a variant imitates first; their steps count, so that its "
            "curve begins after them."
        )
    return " ".join(sentences)


def _layout(request: Request) -> _Layout:
    """Choose the layout with the largest panels that fits a page, or the lowest one if none fits."""
    environments, series, width = len(request.environments), len(request.series()), request.figure.width
    across = min(2, environments) if request.is_wide else 1
    # With these numbers no row of seeds is nearly empty.
    per_row = {1: 1, 2: 2, 4: 2}.get(series, 3)
    usual = _Layout(environments, series, width, across, per_row)
    denser = [
        _Layout(environments, series, width, blocks, panels)
        for blocks in range(across, environments + 1)
        for panels in range(per_row, max(per_row, series) + 1)
    ]
    layouts = [usual, *(one for one in denser if all(map(operator.ge, one.widths, _LEAST_WIDTHS)))]
    room = _room(request)
    fitting = (one for one in layouts if one.height <= room)
    return next(fitting, min(layouts, key=lambda one: one.height))


def _room(request: Request) -> float:
    return layout.room_above_legend(_entries(request), request.figure.width)


def _panels(figure: Figure, grid: GridSpec, chosen: _Layout, place: int) -> tuple[Axes, list[Axes]]:
    """Make the panel of means and the panels of seeds of one block."""
    top, left = place // chosen.across * len(chosen.heights), place % chosen.across * chosen.per_row
    means = figure.add_subplot(grid[top, left : left + chosen.per_row])
    seeds: list[Axes] = []
    for index in range(chosen.series):
        row, column = divmod(index, chosen.per_row)
        axes = figure.add_subplot(grid[top + 1 + row, left + column], sharex=means, sharey=means)
        first, lowest = column == 0, index + chosen.per_row >= chosen.series
        numbered = chosen.numbers_seeds
        axes.tick_params(labelleft=numbered and first, labelbottom=numbered and lowest, labelsize=style.scaled(6))
        seeds.append(axes)
    return means, seeds


def _draw_block(together: Axes, panels: Sequence[Axes], request: Request, environment: str) -> None:
    series = request.series()
    together.set_title(request.environment_label(environment))
    together.set_ylabel("return")
    together.set_xlabel("environment steps", labelpad=1)
    curves = marks.gathered(series, request.rows("curves", environment=environment))
    means = mean_curves(curves, "series")
    _draw_levels(together, request, environment, series)
    _draw_means(together, means, series)
    marks.draw_bands(together, means, series, "steps", alpha=0.18)
    for one, axes in zip(series, panels, strict=True):
        own = curves.loc[curves["series"] == one.key]
        marks.seeds(axes, own, "steps", "return", color=one.look.colour, linewidth=0.35, alpha=0.45)
        lost = _diverged(own)
        axes.scatter(lost["diverged_at"], lost["return"], zorder=4, clip_on=False, color=one.look.colour, **_CROSS)
        _draw_means(axes, means.loc[means["series"] == one.key], (one,))
        _draw_levels(axes, request, environment, (one,))
    layout.plain_numbers(together.xaxis, together.yaxis)
    layout.few_ticks(4, together.xaxis, together.yaxis)
    together.set_xlim(0, request.experiment.budget.steps)


def _draw_means(axes: Axes, means: pd.DataFrame, series: Sequence[Series]) -> None:
    marks.line(axes, means, x="steps", y="return", linewidth=1.2, **marks.as_lines(series, marked=False))


def _draw_levels(axes: Axes, request: Request, environment: str, series: Sequence[Series]) -> None:
    """Draw the threshold, and the mean return of the demonstrations that a series imitates."""
    threshold = request.environments[environment].threshold
    if threshold is not None:
        axes.axhline(threshold, **style.DASHED_RULE)
    rows = request.rows("summary", environment=environment, metric="demonstrator_return")
    for one in series:
        for level in one.rows(rows)["estimate"]:
            axes.axhline(level, color=one.look.colour, **_DOTTED)


def _demonstrated(request: Request) -> bool:
    rows = marks.gathered(request.series(), request.rows("summary", metric="demonstrator_return"))
    return bool(rows["environment"].isin(list(request.environments)).any())


def _diverged(curves: pd.DataFrame) -> pd.DataFrame:
    """Select for every run that diverged the row of the last grid point that it reached, or else of the first."""
    lost = curves.loc[curves["diverged_at"].notna()]
    runs = [column for column in lost.columns if column not in ("steps", "return")]
    reached = lost["steps"].where(lost["steps"] <= lost["diverged_at"], -lost["steps"])
    return lost.loc[reached.groupby([lost[column] for column in runs], sort=False).idxmax()]


def _entries(request: Request) -> list[Line2D]:
    entries = marks.legend_entries(request.series(), marked=False)
    if any(environment.threshold is not None for environment in request.environments.values()):
        entries.append(Line2D([], [], label="threshold", **style.DASHED_RULE))
    if _demonstrated(request):
        entries.append(Line2D([], [], label="demonstrator", color=style.INK, **_DOTTED))
    if request.tables["curves"]["diverged_at"].notna().any():
        entries.append(Line2D([], [], label="diverged", linestyle="", marker="x", color=style.INK, markersize=3.5))
    return entries
