"""Where the panels of figures stand, what each is of, and how its axes are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike

from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest
from pg.plotting.style import beside, canvas, note_beside, scaled
from pg.study.sources import stages_of

_TITLE_PAD = 11  # points: leaves a line for the word over the results


@dataclass(frozen=True, slots=True)
class Place:
    """What a panel shows where the laboratory measured: the policies of one stage in one environment.

    Attributes
    ----------
    environment
        Declared name.
    stage
        Name of the snapshots, or "random".
    """

    environment: str
    stage: str


def places(request: FigureRequest) -> tuple[Place, ...]:
    """List the environments of a figure and in each of them the stages, as declared."""
    stages = stages_of(request.study, request.figure.experiment)
    return tuple(Place(environment, stage) for environment in request.environments for stage in stages)


def last_places(request: FigureRequest) -> tuple[Place, ...]:
    """List the places of the last stage, which captions quote."""
    last = stages_of(request.study, request.figure.experiment)[-1]
    return tuple(place for place in places(request) if place.stage == last)


def last_stage_quoted(request: FigureRequest) -> str:
    """Say that a caption quotes the last of several stages alone, as the next sentence of its lead."""
    *others, last = stages_of(request.study, request.figure.experiment)
    return f" Numbers below are those of the last stage, {last}." if others else ""


def heading(request: FigureRequest, place: Place) -> str:
    """Name a place as titles and captions do."""
    return f"{environment_label(request.study, place.environment)}, {place.stage} policies"


def beside_each_other(request: FigureRequest) -> int:
    """Count the panels that stand beside each other: the stages, or the environments where there is but one stage."""
    if request.figure.width == "one_column":
        return 1
    stages = len(places(request)) // len(request.environments)
    return min(beside(3), stages if stages > 1 else len(request.environments))


def panels(request: FigureRequest, across: int, height: float, **how: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure with a panel of some inches' height for each place, so many of them beside each other."""
    return wrapped(request, len(places(request)), across, height, margin=0.2, **how)


def wrapped(
    request: FigureRequest, count: int, across: int, height: float, *, margin: float, **how: Any
) -> tuple[Figure, list[Axes]]:
    """Make a figure of so many panels, in rows of some inches' height that hold so many of them beside each other."""
    down = math.ceil(count / across)
    figure = canvas(request.figure.width, margin + down * height)
    grid = figure.subplots(down, across, squeeze=False, **how)
    return figure, used(list(grid.flat), count)


def used(spots: Sequence[Axes], count: int) -> list[Axes]:
    """Return the first of the places for panels, and leave the others blank."""
    for unused in spots[count:]:
        unused.set_axis_off()
    return list(spots[:count])


def lowest(panels: Sequence[Axes], across: int) -> Sequence[Axes]:
    """Select the panels that have no other one below them."""
    return panels[-across:]


def head(axes: Axes, title: str, results: str) -> None:
    """Write a panel's title above the word over the results that stand beside its rows."""
    note_beside(axes, -1, results)
    axes.set_title(title, pad=scaled(_TITLE_PAD))


def ticks_at(axes: Axes, values: ArrayLike) -> None:
    """Give an axis x ticks at the values that were measured, and no others."""
    axes.xaxis.set_major_locator(FixedLocator(np.asarray(values, np.float64).tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")


def log_ticks(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Label powers of ten on logarithmic axes, or round numbers where few powers are in sight: labels stay apart."""
    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        low, high = axis.get_view_interval()
        if wanted and high < 100 * low:
            axis.set_major_locator(LogLocator(subs=(1.0, 3.0)) if high > 10 * low else MaxNLocator(2))
            axis.set_major_formatter("{x:g}")
        if wanted:
            axis.set_minor_formatter(NullFormatter())
