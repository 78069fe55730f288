"""Learning curves: the means together with their 95 % t intervals, then each variant's seeds, every one of them."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from pg.plotting import compared, marks, style
from pg.plotting.captions import counted, itemised, number, quoted, steps_of
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest
from pg.statistics.estimates import mean

_CROSS: Mapping[str, Any] = {"marker": "x", "s": 12, "linewidths": 0.8}
# Inches of a panel of means and of a panel of seeds, at the usual size of type.
_HEIGHTS = (1.7, 0.8)
_LEAST_WIDTHS = (1.6, 0.5)
_LEAST_WIDTH_OF_NUMBERS = 0.9
# Round and far apart, unlike the dashes of any variant.
_DOTTED: dict[str, Any] = {"linewidth": 1.3, "linestyle": (0, (0.1, 3)), "dash_capstyle": "round", "zorder": 1}


@dataclass(frozen=True, slots=True)
class _Layout:
    """How many blocks of panels stand beside each other, and in each block how many panels of seeds."""

    environments: int
    strands: int
    width: style.Width
    across: int
    beside: int

    @property
    def widths(self) -> tuple[float, float]:
        """Widths of a panel of means and of a panel of seeds, in the measure of the heights."""
        block = style.unscaled(style.WIDTHS[self.width]) / self.across
        return block, block / self.beside

    @property
    def numbers_seeds(self) -> bool:
        """Whether panels of seeds are wide enough for numbers along their axes, which the means have as well."""
        return self.widths[1] >= _LEAST_WIDTH_OF_NUMBERS

    @property
    def heights(self) -> list[float]:
        """Inches of the rows of a block: the means, then the seeds."""
        return [_HEIGHTS[0], *[_HEIGHTS[1]] * math.ceil(self.strands / self.beside)]

    @property
    def down(self) -> int:
        """Blocks below each other."""
        return math.ceil(self.environments / self.across)

    @property
    def height(self) -> float:
        """Inches of the whole."""
        return 0.35 + self.down * (sum(self.heights) + 0.3)


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw mean return against environment steps: a block of panels per environment, all of them on one page."""
    layout = _layout(request)
    figure = style.canvas(layout.width, min(layout.height, _room(request)))
    grid = figure.add_gridspec(
        layout.down * len(layout.heights), layout.across * layout.beside, height_ratios=layout.heights * layout.down
    )
    for place, environment in enumerate(request.environments):
        _draw_block(*_panels(figure, grid, layout, place), request, environment)
    style.legend_below(figure, _entries(request), layout.width)
    return figure


def _layout(request: FigureRequest) -> _Layout:
    """Choose the layout with the largest panels that a page holds; where it holds none, the lowest, to be squeezed."""
    environments, strands, width = len(request.environments), len(compared.strands(request)), request.figure.width
    across = min(2, environments) if width == "two_columns" else 1
    # So that no row of seeds is left nearly empty.
    beside = {1: 1, 2: 2, 4: 2}.get(strands, 3)
    usual = _Layout(environments, strands, width, across, beside)
    denser = [
        _Layout(environments, strands, width, blocks, panels)
        for blocks in range(across, environments + 1)
        for panels in range(beside, max(beside, strands) + 1)
    ]
    layouts = [usual, *(one for one in denser if all(map(operator.ge, one.widths, _LEAST_WIDTHS)))]
    room = _room(request)
    fitting = (layout for layout in layouts if layout.height <= room)
    return next(fitting, min(layouts, key=lambda layout: layout.height))


def _room(request: FigureRequest) -> float:
    """Return the inches of a page that the legend leaves to the panels."""
    return style.room_above_legend(_entries(request), request.figure.width)


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and the mean return of every variant over the last tenth of the budget."""
    budget = request.training.budget
    seeds = len(request.tables["curves"]["seed"].unique())
    lead = (
        f"Mean return of a batch against environment steps, {counted(seeds, 'seed')} per variant, each of "
        f"{steps_of(budget)}. Large panels: mean over seeds with its 95 % t interval at each step. Small panels: every "
        "seed as a thin line, the mean in bold. A run that ended early holds its last value. In brackets: 95 % "
        "intervals."
    )
    sentences = [lead]
    if not _layout(request).numbers_seeds:
        sentences.append("Small panels have the axes of the large one above them.")
    if len(lost := _diverged(request.tables["curves"])):
        sentences.append(
            f"A cross marks where a run diverged, {counted(len(lost), 'run')} in all: from there on it counts as the "
            "least mean return of any batch of the experiment in that environment."
        )
    for environment in request.environments:
        rows = request.rows("summary", environment=environment, metric="final_return")
        finals = {strand.label: quoted(own) for strand in compared.strands(request) if len(own := strand.rows(rows))}
        if finals:
            name = environment_label(request.study, environment)
            sentences.append(
                f"{name}, return over the last tenth of {counted(budget.steps, 'step')} — {itemised(finals)}."
            )
        if levels := _demonstrators(request, environment, compared.strands(request)):
            shown = {strand.label: number(level) for strand, level in levels}
            sentences.append(
                "Dotted lines are mean returns of the demonstrations that a variant imitates first, whose steps count: "
                f"its curve begins where they end — {itemised(shown)}."
            )
    return "\n".join(sentences)


def _panels(figure: Figure, grid: GridSpec, layout: _Layout, place: int) -> tuple[Axes, list[Axes]]:
    """Make the panel of means and those of seeds of one block."""
    top, left = place // layout.across * len(layout.heights), place % layout.across * layout.beside
    together = figure.add_subplot(grid[top, left : left + layout.beside])
    apart = [
        figure.add_subplot(grid[top + 1 + row, left + column], sharex=together, sharey=together)
        for row, column in (divmod(strand, layout.beside) for strand in range(layout.strands))
    ]
    for strand, axes in enumerate(apart):
        first, lowest = strand % layout.beside == 0, strand + layout.beside >= layout.strands
        numbered = layout.numbers_seeds
        axes.tick_params(labelleft=numbered and first, labelbottom=numbered and lowest, labelsize=style.scaled(6))
    return together, apart


def _draw_block(together: Axes, panels: Sequence[Axes], request: FigureRequest, environment: str) -> None:
    strands = compared.strands(request)
    together.set_title(environment_label(request.study, environment))
    together.set_ylabel("return")
    together.set_xlabel("environment steps", labelpad=1)
    _draw_threshold(together, request, environment)
    _draw_demonstrators(together, _demonstrators(request, environment, strands))
    curves = marks.gathered(strands, request.rows("curves", environment=environment))
    means = _means(curves)
    _draw_means(together, means, strands)
    marks.draw_bands(together, means, strands, "steps", alpha=0.18)
    for strand, apart in zip(strands, panels, strict=True):
        _draw_seeds(apart, curves.loc[curves["strand"] == strand.key], strand)
        _draw_crosses(apart, _diverged(curves.loc[curves["strand"] == strand.key]), strand)
        _draw_means(apart, means.loc[means["strand"] == strand.key], (strand,))
        _draw_threshold(apart, request, environment)
        _draw_demonstrators(apart, _demonstrators(request, environment, (strand,)))
    style.plain_numbers(together, x=True, y=True)
    together.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    together.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    together.set_xlim(0, request.training.budget.steps)


def _means(curves: DataFrame) -> DataFrame:
    """Take the mean over seeds and its interval at every grid point."""
    rows = []
    for (strand, steps), returns in curves.groupby(["strand", "steps"], sort=False)["return"]:
        interval = mean(returns)
        rows.append((strand, steps, interval.estimate, interval.low, interval.high))
    return DataFrame(rows, columns=["strand", "steps", "return", "ci_low", "ci_high"])


def _draw_means(axes: Axes, means: DataFrame, strands: Sequence[compared.Strand]) -> None:
    lines = marks.as_lines(strands, marked=False)
    marks.line(axes, means, x="steps", y="return", linewidth=1.2, **lines)


def _draw_seeds(axes: Axes, curves: DataFrame, strand: compared.Strand) -> None:
    faint = {"color": strand.look.colour, "linewidth": 0.35, "alpha": 0.45}
    marks.line(axes, curves, x="steps", y="return", units="seed", estimator=None, errorbar=None, **faint)


def _diverged(curves: DataFrame) -> DataFrame:
    """Select of every run that diverged the row of the last grid point that it reached, or the first of all."""
    lost = curves.loc[curves["diverged_at"].notna()]
    runs = [column for column in lost.columns if column not in ("steps", "return")]
    reached = lost["steps"].where(lost["steps"] <= lost["diverged_at"], -lost["steps"])
    return lost.loc[reached.groupby([lost[column] for column in runs], sort=False).idxmax()]


def _draw_crosses(axes: Axes, lost: DataFrame, strand: compared.Strand) -> None:
    # Above the mean: a run that is lost must not hide behind it.
    axes.scatter(lost["diverged_at"], lost["return"], zorder=4, clip_on=False, color=strand.look.colour, **_CROSS)


def _draw_threshold(axes: Axes, request: FigureRequest, environment: str) -> None:
    threshold = request.study.environments[environment].threshold
    if threshold is not None:
        axes.axhline(threshold, **style.DASHED_RULE)


def _demonstrators(
    request: FigureRequest, environment: str, strands: Sequence[compared.Strand]
) -> list[tuple[compared.Strand, float]]:
    """List the strands that imitate somebody, with the mean return of their demonstrations."""
    rows = request.rows("summary", environment=environment, metric="demonstrator_return")
    return [(strand, float(level)) for strand in strands for level in strand.rows(rows)["estimate"]]


def _draw_demonstrators(axes: Axes, levels: Sequence[tuple[compared.Strand, float]]) -> None:
    for strand, level in levels:
        axes.axhline(level, color=strand.look.colour, **_DOTTED)


def _entries(request: FigureRequest) -> list[Line2D]:
    strands = compared.strands(request)
    entries = marks.legend_entries(strands, marked=False)
    if any(request.study.environments[name].threshold is not None for name in request.environments):
        entries.append(Line2D([], [], label="threshold", **style.DASHED_RULE))
    if any(_demonstrators(request, name, strands) for name in request.environments):
        entries.append(Line2D([], [], label="demonstrator", color=style.INK, **_DOTTED))
    if request.tables["curves"]["diverged_at"].notna().any():
        entries.append(Line2D([], [], label="diverged", linestyle="", marker="x", color=style.INK, markersize=3.5))
    return entries
