"""Learning curves: the means of all variants with 95 % t intervals, then every seed in a panel per variant."""

from __future__ import annotations

import math
import operator
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.selections import SELECTION
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.record import Width
from pg.plotting.text import counted, first_of, listed

# Inches of a panel of means and of a panel of seeds, at the usual size of type.
_HEIGHTS = (1.7, 0.8)
_LEAST_WIDTHS = (1.6, 0.5)
_LEAST_WIDTH_OF_NUMBERS = 0.9
_LEAST_WIDTH_OF_NAMES = 5.0  # of a panel of means with the names of its lines at the right
_LINE = 0.1  # inches of a line of a small panel's title
_MOST_SEEDS = 20  # lines in a panel of seeds
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

    @property
    def is_numbered(self) -> bool:
        """Whether panels of seeds have room for names and numbers."""
        return self.widths[1] >= _LEAST_WIDTH_OF_NUMBERS


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw mean return against environment steps: a block of panels per environment, all on one page.

    A block has a panel of means, and below it a panel of seeds per variant. Equal runs are drawn once.
    """
    variant, series = request.common_variant(request.distinct_series())
    count = len(request.environments)
    diverged = len(_diverged(request.tables["curves"]))
    taught = marks.gathered(series, request.rows("summary", metric="demonstrator_return"))
    has_demonstrators = bool(taught["environment"].isin(list(request.environments)).any())
    entries: list[Line2D] = []
    if has_demonstrators:
        entries.append(Line2D([], [], label="demonstrations", color=style.INK, **_DOTTED))
    if diverged:
        entries.append(Line2D([], [], label="diverged", linestyle="", marker="x", color=style.INK, markersize=3.5))
    named = marks.legend_entries(series, marked=False)

    room = layout.room_above_legend([*named, *entries], request.figure.width)
    arrangement = _arrangement(count, series, request.figure.width, room)
    across, down, per_row, rows, height, widths = arrangement
    figure = layout.canvas(request.figure.width, height)
    ratios = [part for _ in range(down) for part in (rows[0], sum(rows[1:]))]
    grid = figure.add_gridspec(2 * down, across, height_ratios=ratios)
    for place, environment in enumerate(request.environments):
        row, column = divmod(place, across)
        # Grids of their own: the names of lines take no room from the panels of seeds.
        means = figure.add_subplot(grid[2 * row, column].subgridspec(1, 1)[0])
        small = grid[2 * row + 1, column].subgridspec(len(rows) - 1, per_row)
        seeds: list[Axes] = []
        for index, one in enumerate(series):
            axes = figure.add_subplot(small[divmod(index, per_row)], sharex=means, sharey=means)
            if arrangement.is_numbered:
                how: dict[str, Any] = {"fontsize": style.scaled(6.5), "pad": style.scaled(2), "linespacing": 1.0}
                axes.set_title(_title(one, widths[1]), **how)
            first, lowest = index % per_row == 0, index + per_row >= len(series)
            axes.tick_params(
                labelleft=arrangement.is_numbered and first,
                labelbottom=arrangement.is_numbered and lowest,
                labelsize=style.scaled(6),
            )
            seeds.append(axes)
        _draw_block(means, seeds, series, request, environment)
        if variant:
            means.set_title(f"{request.environment_label(environment)}, {variant}")
        if widths[0] >= _LEAST_WIDTH_OF_NAMES and len(series) > 1:
            _name_lines(means, series, request.rows("means", environment=environment))
    if entries := [*entries, *(() if arrangement.is_numbered else named)]:
        layout.legend_below(figure, entries)
    return figure, _caption(request, series, arrangement, diverged, has_demonstrators=has_demonstrators)


def _caption(
    request: FigureRequest[TrainExperiment],
    series: Sequence[Series],
    arrangement: _Arrangement,
    diverged: int,
    *,
    has_demonstrators: bool,
) -> str:
    last = request.tables["means"]
    last = last.loc[last["steps"] == last["steps"].max()]
    ends = [
        (request.environment_label(name), own)
        for name in request.environments
        if len(own := request.rows("means", environment=name).merge(last))
    ]
    small = "a line per seed" if request.seeds <= _MOST_SEEDS else f"{_MOST_SEEDS} seeds"
    caption = (
        f"Mean curves end {_ends_in_words(series, ends)}. Large panels: mean return of a batch over {request.runs}, "
        f"with 95 % t intervals. Small panels: {small}. Ended runs keep their last value."
    )
    if not arrangement.is_numbered:
        caption += " They have the axes of the large ones."
    if diverged:
        caption += f" Cross: a run diverged ({counted(diverged, 'run')}), and counts as the least return from there."
    if has_demonstrators:
        caption += " Dotted: the imitated demonstrations."
    return caption


def _ends_in_words(series: Sequence[Series], ends: Sequence[tuple[str, pd.DataFrame]]) -> str:
    """Say which curves end highest and lowest in each environment; of more than two, which ends highest most often."""
    if len(ends) <= 2:
        found = [marks.extremes(series, own) + (f" in {name}" if len(ends) > 1 else "") for name, own in ends]
        return listed(found) if found else "undefined"
    last = [marks.gathered(series, own).dropna(subset="estimate") for _, own in ends]
    highest = [{*own.nlargest(1, "estimate", keep="all")["place"]} for own in last if len(own)]
    wins: dict[int, list[str]] = {}
    for place, count in Counter(int(place) for places in highest for place in sorted(places)).most_common():
        wins.setdefault(count, []).append(series[place].label)
    # The first two in order, or more if they are equal.
    shown = [*wins.items()][: 1 if len(next(iter(wins.values()), [])) > 1 else 2]
    found = [f"with {first_of(names)} in {count}{' each' if len(names) > 1 else ''}" for count, names in shown]
    ties = sum(len(places) > 1 for places in highest)
    return f"highest {listed(found)} of {len(ends)} environments{f' (tied in {ties})' if ties else ''}"


def _title(one: Series, inches: float) -> str:
    return textwrap.fill(one.label, round(21 * inches), break_on_hyphens=False)


def _arrangement(environments: int, series: Sequence[Series], width: Width, room: float) -> _Arrangement:
    """Choose the arrangement with the largest panels that fits a page, or the lowest one if none fits."""
    count = len(series)

    def arranged(across: int, per_row: int) -> _Arrangement:
        block, down = style.unscaled(style.WIDTHS[width]) / across, math.ceil(environments / across)
        small = block / per_row
        lines = max(_title(one, small).count("\n") + 1 for one in series)
        title = _LINE * lines if small >= _LEAST_WIDTH_OF_NUMBERS else 0.0
        rows = [_HEIGHTS[0], *[_HEIGHTS[1] + title] * math.ceil(count / per_row)]
        return _Arrangement(across, down, per_row, rows, 0.35 + down * (sum(rows) + 0.3), (block, small))

    across = min(2, environments) if width == "two_columns" else 1
    # With these numbers no row of seeds is nearly empty.
    per_row = {1: 1, 2: 2, 4: 2}.get(count, 3)
    denser = (
        arranged(blocks, panels)
        for blocks in range(across, environments + 1)
        for panels in range(per_row, max(per_row, count) + 1)
    )
    possible = [arranged(across, per_row)]
    possible += [one for one in denser if all(map(operator.ge, one.widths, _LEAST_WIDTHS))]
    lowest = min(possible, key=lambda one: one.height)
    return next((one for one in possible if one.height <= room), lowest._replace(height=room))


def _draw_block(
    together: Axes,
    panels: Sequence[Axes],
    series: Sequence[Series],
    request: FigureRequest[TrainExperiment],
    environment: str,
) -> None:
    threshold = request.environments[environment].threshold if request.figure.threshold_line else None
    together.set_title(request.environment_label(environment))
    together.set_ylabel("return")
    together.set_xlabel("environment steps", labelpad=1)
    curves, means = (
        marks.gathered(series, request.rows(table, environment=environment)) for table in ("curves", "means")
    )
    taught = request.rows("summary", environment=environment, metric="demonstrator_return")
    for one, axes in zip(series, panels, strict=True):
        own = curves.loc[curves["series"] == one.key]
        own = own.loc[own["seed"].isin(sorted(own["seed"].unique())[:_MOST_SEEDS])]
        _draw_seeds(axes, own.dropna(subset="return"), one.look.colour)
    for axes, drawn in ((together, series), *((axes, (one,)) for one, axes in zip(series, panels, strict=True))):
        own = means.loc[means["series"].isin([one.key for one in drawn])]
        if threshold is not None:
            axes.axhline(threshold, **style.DASHED_RULE)
        for one in drawn:
            for level in one.rows(taught)["estimate"]:
                axes.axhline(level, color=one.look.colour, **_DOTTED)
            line = own.loc[(own["series"] == one.key) & own["estimate"].notna()]
            axes.plot(line["steps"], line["estimate"], **one.look.line, linewidth=1.2)
    marks.draw_bands(together, means, series, "steps", alpha=0.15)
    layout.plain_numbers(together.xaxis, together.yaxis)
    layout.few_ticks(4, together.xaxis, together.yaxis)
    together.set_xlim(0, request.experiment.budget.steps)
    # Before names are written at the heights of lines.
    layout.limit([together], request.figure.limits)
    if threshold is not None:
        layout.note_above(together, threshold, "threshold")
    # Names of levels that are close are at different sides.
    for place, (name, level) in enumerate(request.figure.levels.get(environment, {}).items()):
        together.axhline(level, **style.DASHED_RULE)
        layout.note_above(together, level, name, at_right=place % 2 == 1)


def _draw_seeds(axes: Axes, curves: pd.DataFrame, colour: str) -> None:
    """Draw a thin line per run, and a cross where it diverged."""
    runs = [column for column in (SELECTION, "seed") if column in curves]
    lines = [rows[["steps", "return"]].to_numpy() for _, rows in curves.groupby(runs, observed=True, dropna=False)]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.35, alpha=0.6))
    axes.autoscale_view()
    if len(diverged := _diverged(curves)):
        cross: dict[str, Any] = {"marker": "x", "s": 12, "linewidths": 0.8, "zorder": 4, "clip_on": False}
        axes.scatter(diverged["diverged_at"], diverged["return"], color=colour, **cross)


def _name_lines(axes: Axes, series: Sequence[Series], means: pd.DataFrame) -> None:
    ends: list[tuple[float, str, str]] = []
    for one in series:
        rows = one.rows(means).dropna(subset="estimate")
        if len(rows):
            ends.append((float(rows["estimate"].iloc[-1]), one.label, one.look.colour))
    layout.name_ends(axes, ends, _HEIGHTS[0])


def _diverged(curves: pd.DataFrame) -> pd.DataFrame:
    """Select for every run that diverged the row of the last grid point that it reached, or else of the first."""
    diverged = curves.loc[curves["diverged_at"].notna()]
    runs = [column for column in diverged.columns if column not in ("steps", "return", SELECTION)]
    reached = diverged["steps"].where(diverged["steps"] <= diverged["diverged_at"], -diverged["steps"])
    return diverged.loc[reached.groupby([diverged[column] for column in runs], sort=False).idxmax()]
