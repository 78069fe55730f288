"""How figures look: paper sizes, type, one look per variant everywhere.

Nothing here touches matplotlib's global state: figures are made outside pyplot, and `paper_style` is a context.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import Formatter, FuncFormatter
from matplotlib.typing import RcKeyType
from numpy.typing import ArrayLike, NDArray

from pg.plotting.record import Width

WIDTHS: Mapping[Width, float] = {"one_column": 3.4, "two_columns": 7.0}
"""Widths of a figure on a two-column page, in inches."""

PAGE_HEIGHT = 9.0
"""What a journal's page leaves for a figure and its legend, in inches."""

FONT_SIZE = 8.0
"""Size of type in points. Heights of figures, small type and the room for names follow it; widths are the page's."""

_USUAL_SIZE = 8.0  # points of type for which all sizes here and in the figures are written
_LEGEND_ROW = 0.16  # inches

INK = "#222222"
FAINT = "#8a8a8a"

RULE: Mapping[str, Any] = MappingProxyType({"color": FAINT, "linewidth": 0.6, "zorder": 1})
"""Keyword arguments of a line at a value that says nothing, such as 0, behind what was measured."""

DASHED_RULE: Mapping[str, Any] = MappingProxyType({**RULE, "linestyle": (0, (4, 3))})
"""The same at a value that was declared, such as a threshold or a budget."""

# The first eight keep apart under deuteranopia and protanopia (a test simulates both); beyond them, markers and
# dashes help. Markers and dashes have coprime periods, so that their pairs repeat only after 36 variants.
_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#000000",
    "#332288", "#999933", "#117733", "#aa4499", "#8c510a", "#5ab4ac", "#cc6677", "#777777",
)  # fmt: skip
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_DASHES = ((), (5, 1.5), (1.2, 1.2), (5, 1.5, 1.2, 1.5))

# What differs from seaborn's "ticks" and "paper".
_RC: dict[RcKeyType, Any] = {
    # Type 42 fonts stay text: searchable, editable, and accepted by publishers who refuse Type 3.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "pg",
    # Fonts that come with matplotlib, so that every machine draws the same picture.
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "figure.dpi": 100,
    # Twice the dots of a plain screen, for pictures on pages; print takes the PDF.
    "savefig.dpi": 200,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
}

# Points at the usual size of type.
_TYPE: dict[RcKeyType, float] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
}


def scaled(size: float) -> float:
    """Give a size in points, or a length that holds type, for the size of type that is set."""
    return size * FONT_SIZE / _USUAL_SIZE


def unscaled(length: float) -> float:
    """Give a length on the page in the measure of sizes that are written for the usual size of type."""
    return length * _USUAL_SIZE / FONT_SIZE


def beside(most: int) -> int:
    """Count the panels that stand beside each other: so many at the usual size of type, fewer where it is larger."""
    return max(1, round(unscaled(most)))


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw for paper inside this context, and leave matplotlib as it was behind it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        with sns.axes_style("ticks"), sns.plotting_context("paper"), mpl.rc_context(_RC):
            mpl.rcParams.update({key: scaled(size) for key, size in _TYPE.items()})
            yield


@dataclass(frozen=True, slots=True)
class Look:
    """How a variant is drawn: told apart by colour on a screen, by marker and dashes in grey."""

    colour: str
    marker: str
    dashes: tuple[float, ...]

    @property
    def line(self) -> dict[str, Any]:
        """Keyword arguments of a matplotlib line."""
        return {"color": self.colour, "linestyle": (0, self.dashes) if self.dashes else "-"}


def looks(variants: Sequence[str]) -> dict[str, Look]:
    """Give each variant its look by its place among the declared ones.

    A variant that is added behind the others leaves their looks as they are.
    """
    return {
        name: Look(_COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)], _DASHES[place % len(_DASHES)])
        for place, name in enumerate(variants)
    }


def of_level(look: Look, place: int, count: int) -> Look:
    """Vary a look by level; the last level looks as the variant does."""
    dashes = _DASHES[(_DASHES.index(look.dashes) + count - 1 - place) % len(_DASHES)]
    return replace(look, colour=_shade(look.colour, (place + 1) / count), dashes=dashes)


def _shade(colour: str, strength: float) -> str:
    """Mix a colour with white; strength 1 is the colour, and even strength 0 stays visible on paper."""
    mixed = 0.35 + 0.65 * strength
    red, green, blue = (mixed * part + (1 - mixed) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def canvas(width: Width, height: float) -> Figure:
    """Make an empty figure of a width on the page and a height in inches, which grows with the size of type."""
    figure = Figure(figsize=(WIDTHS[width], scaled(height)), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def legend_below(figure: Figure, entries: Sequence[Line2D], width: Width) -> None:
    """Write one legend for the whole figure beneath it, its entries in the order given, read row by row.

    The figure grows by the legend's height, so that long legends leave the panels their room.
    """
    rows = _legend_rows(entries, width)
    columns = math.ceil(len(entries) / rows)
    figure.set_figheight(figure.get_figheight() + scaled(_LEGEND_ROW * rows))
    figure.legend(handles=_row_by_row(entries, columns), loc="outside lower center", ncols=columns)


def room_above_legend(entries: Sequence[Line2D], width: Width) -> float:
    """Return the height of a canvas that a legend beneath it leaves on a page."""
    return unscaled(PAGE_HEIGHT) - _LEGEND_ROW * _legend_rows(entries, width)


def _legend_rows(entries: Sequence[Line2D], width: Width) -> int:
    longest = max(len(str(entry.get_label())) for entry in entries)
    fits = int((unscaled(WIDTHS[width]) * 19) // (longest + 8))
    return math.ceil(len(entries) / max(1, fits))


def _row_by_row(entries: Sequence[Line2D], columns: int) -> list[Line2D]:
    # matplotlib fills a legend column by column; readers read it row by row.
    return [entry for column in range(columns) for entry in entries[column::columns]]


def bounded(ends: ArrayLike) -> NDArray[np.float64]:
    """Leave out ends of intervals that are infinite: too few seeds bound nothing, and nothing is drawn."""
    values = np.array(ends, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def broken(text: str, inches: float) -> str:
    """Break a label into lines that fit a width on the page."""
    return textwrap.fill(text, round(16 * unscaled(inches)))  # letters per inch


def name_rows(axes: Axes, labels: Sequence[str], width: Width) -> None:
    """Name the rows of a panel after what they show, the first on top; long names break into lines."""
    longest = 30 if width == "one_column" else 40
    names = [textwrap.fill(label, longest, break_long_words=False, break_on_hyphens=False) for label in labels]
    axes.set_yticks(range(len(names)), names, linespacing=1.0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def note_beside(axes: Axes, row: float, text: str) -> None:
    """Write a short result at the right of a row."""
    axes.annotate(text, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=scaled(6.5))


def plain_numbers(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Write the ticks of large quantities as 20k rather than 20000, below zero with a minus and not a hyphen."""
    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_formatter(FuncFormatter(lambda value, _: Formatter.fix_minus(_short(value))))


def _short(value: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
