"""Read back what is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from pg.experiments.figures import request as figures
from pg.experiments.figures.request import FigureRequest


def draw(request: FigureRequest[Any]) -> Figure:
    """Return the picture of a figure."""
    return figures.draw(request)[0]


def caption(request: FigureRequest[Any]) -> str:
    """Return the caption of a figure."""
    return figures.draw(request)[1]


def scatters(axes: Axes) -> list[PathCollection]:
    """List the clouds of marks of a panel in the order in which they were drawn."""
    return [one for one in axes.collections if isinstance(one, PathCollection)]


def offsets(scatter: PathCollection) -> np.ndarray:
    """Return the marks of a cloud as (x, y); NaN where one was masked."""
    return np.ma.filled(np.ma.asarray(scatter.get_offsets()).astype(np.float64), np.nan)


def clouds(axes: Axes) -> list[np.ndarray]:
    """Return the marks of each cloud of a panel."""
    return [offsets(one) for one in scatters(axes)]


def bars(axes: Axes) -> list[np.ndarray]:
    """Return the bars of intervals, an array for each call that drew some: bar by end by (x, y)."""
    found = [one.get_segments() for one in axes.collections if isinstance(one, LineCollection)]
    return [np.array([segment for segment in one if len(segment)]) for one in found]


def cells(axes: Axes, names: Axes | None = None) -> dict[str, list[str]]:
    """Return the texts of a heat table by the names of its rows, which may be written at another one."""
    rows = [label.get_text().replace("\n", " ") for label in (names or axes).get_yticklabels()]
    written = [(one.get_position(), one.get_text()) for one in axes.texts if not isinstance(one, Annotation)]
    return {name: [text for (_, at), text in written if at == row] for row, name in enumerate(rows)}


def coloured(axes: Axes) -> np.ndarray:
    """Return the numbers of a heat table's coloured cells; NaN where a cell has no colour."""
    (mesh,) = [one for one in axes.collections if isinstance(one, QuadMesh)]
    return np.ma.filled(np.ma.asarray(mesh.get_array()).astype(np.float64), np.nan)


def lines(axes: Axes, points: int | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return x and y of the lines of a panel, or of those with so many points."""
    drawn = [(np.asarray(one.get_xdata(), float), np.asarray(one.get_ydata(), float)) for one in axes.lines]
    return [one for one in drawn if points is None or len(one[0]) == points]


def panels(figure: Figure) -> list[Axes]:
    """List the panels that are not blank."""
    return [axes for axes in figure.axes if axes.axison]


def numbers(figure: Figure) -> np.ndarray:
    """Return all coordinates that are drawn."""
    found: list[Any] = [np.empty(0)]
    for axes in figure.axes:
        found += [part.ravel() for part in (*clouds(axes), *(part for one in lines(axes) for part in one))]
        found += [np.ravel(path.vertices) for one in axes.collections for path in one.get_paths()]
        found += [part.ravel() for part in bars(axes)]
        found += [coloured(axes).ravel()] if any(isinstance(one, QuadMesh) for one in axes.collections) else []
    values = np.concatenate([np.asarray(part, np.float64) for part in found])
    return np.unique(values[np.isfinite(values)])


def missing(values: Iterable[float], figure: Figure) -> list[float]:
    """List the values that are drawn nowhere."""
    drawn = numbers(figure)
    return [value for value in values if not np.isclose(drawn, value, rtol=1e-6, atol=0).any()]


def colours(figure: Figure) -> set[str]:
    """Return the colours of all lines and marks."""
    found = {to_hex(str(line.get_color())) for axes in figure.axes for line in axes.lines}
    for axes in figure.axes:
        for one in axes.collections:
            faces: Any = (*one.get_facecolor(), *one.get_edgecolor())
            found |= {to_hex(colour) for colour in faces}
    return found


def texts(figure: Figure) -> list[Text]:
    """List the visible texts inside the figure: titles, names and visible ticks of axes, legends, notes."""
    found = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        found += [text for text in axes.get_children() if isinstance(text, Text)]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            found += [axis.label, *(one.label1 for one in axis.get_major_ticks() if low <= one.get_loc() <= high)]
    return [text for text in found if text.get_visible() and text.get_text()]


def words(figure: Figure) -> str:
    """Return all visible texts, without the line breaks of long names."""
    return "\n".join(text.get_text().replace("\n", " ") for text in texts(figure))


def notes(axes: Axes, names: Axes | None = None) -> dict[str, str]:
    """Return the notes at the right of the rows by the names of the rows, which may be written at another panel."""
    rows = [label.get_text().replace("\n", " ") for label in (names or axes).get_yticklabels()]
    written = [(one.xy, one.get_text()) for one in axes.texts if isinstance(one, Annotation)]
    return {rows[int(row)]: text for (across, row), text in written if across > 1 and row >= 0}


def titles(panels: Iterable[Axes]) -> list[str]:
    """List the titles of panels."""
    return [axes.get_title(loc="left") for axes in panels if axes.get_title(loc="left")]
