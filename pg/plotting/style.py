"""Sizes, type, colours and legends of figures; a variant has one look in all of them.

Nothing here changes matplotlib's global state: figures are made without pyplot, and `paper_style` is a context.
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
"""Width of a figure on a two-column page, in inches."""

PAGE_HEIGHT = 9.0
"""Height of a figure with its legend on a journal's page at most, in inches."""

FONT_SIZE = 8.0
"""Size of type in points. Heights of figures and small type scale with it; widths are those of the page."""

_USUAL_SIZE = 8.0  # points; all sizes in the code are for this size of type
_LEGEND_ROW = 0.16  # inches

INK = "#222222"
FAINT = "#8a8a8a"

RULE: Mapping[str, Any] = MappingProxyType({"color": FAINT, "linewidth": 0.6, "zorder": 1})
"""Keyword arguments of a line at a neutral value, such as 0."""

DASHED_RULE: Mapping[str, Any] = MappingProxyType({**RULE, "linestyle": (0, (4, 3))})
"""Keyword arguments of a line at a declared value, such as a threshold or a budget."""

# The first eight are distinct under deuteranopia and protanopia (a test simulates both); after them, markers and
# dashes help. Markers and dashes have coprime periods: their pairs repeat only after 36 variants.
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
    # These fonts come with matplotlib: every machine draws the same picture.
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

# Points, for the usual size of type.
_TYPE: dict[RcKeyType, float] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
}


def scaled(size: float) -> float:
    """Convert a size that is written for the usual size of type to the present one."""
    return size * FONT_SIZE / _USUAL_SIZE


def unscaled(length: float) -> float:
    """Convert a length on the page to sizes that are written for the usual size of type."""
    return length * _USUAL_SIZE / FONT_SIZE


def panels_in_a_row(most: int) -> int:
    """Return how many panels fit in a row: `most` at the usual size of type, fewer at a larger one."""
    return max(1, round(unscaled(most)))


@contextmanager
def paper_style() -> Iterator[None]:
    """Set matplotlib's parameters for paper inside this context, and restore them after it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        with sns.axes_style("ticks"), sns.plotting_context("paper"), mpl.rc_context(_RC):
            mpl.rcParams.update({key: scaled(size) for key, size in _TYPE.items()})
            yield


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker and dashes of a variant; the last two distinguish it in grey."""

    colour: str
    marker: str
    dashes: tuple[float, ...]

    @property
    def line(self) -> dict[str, Any]:
        """Keyword arguments of a matplotlib line."""
        return {"color": self.colour, "linestyle": (0, self.dashes) if self.dashes else "-"}


def looks(variants: Sequence[str]) -> dict[str, Look]:
    """Return the look of each variant by its place in the list, so that variants added at the end change no other."""
    return {
        name: Look(_COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)], _DASHES[place % len(_DASHES)])
        for place, name in enumerate(variants)
    }


def of_level(look: Look, place: int, count: int) -> Look:
    """Return the look of a level: paler, with other dashes; the last level has the look of the variant."""
    dashes = _DASHES[(_DASHES.index(look.dashes) + count - 1 - place) % len(_DASHES)]
    return replace(look, colour=_shade(look.colour, (place + 1) / count), dashes=dashes)


def _shade(colour: str, strength: float) -> str:
    """Mix a colour with white: strength 1 is the colour, strength 0 is pale but visible."""
    mixed = 0.35 + 0.65 * strength
    red, green, blue = (mixed * part + (1 - mixed) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def canvas(width: Width, height: float) -> Figure:
    """Make an empty figure; its height in inches scales with the size of type."""
    figure = Figure(figsize=(WIDTHS[width], scaled(height)), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def legend_below(figure: Figure, entries: Sequence[Line2D], width: Width) -> None:
    """Write one legend below the whole figure, in the given order row by row; the figure grows by its height."""
    rows = _legend_rows(entries, width)
    columns = math.ceil(len(entries) / rows)
    figure.set_figheight(figure.get_figheight() + scaled(_LEGEND_ROW * rows))
    figure.legend(handles=_row_by_row(entries, columns), loc="outside lower center", ncols=columns)


def room_above_legend(entries: Sequence[Line2D], width: Width) -> float:
    """Return the height that the legend leaves to the panels on a page."""
    return unscaled(PAGE_HEIGHT) - _LEGEND_ROW * _legend_rows(entries, width)


def _legend_rows(entries: Sequence[Line2D], width: Width) -> int:
    longest = max(len(str(entry.get_label())) for entry in entries)
    fits = int((unscaled(WIDTHS[width]) * 19) // (longest + 8))
    return math.ceil(len(entries) / max(1, fits))


def _row_by_row(entries: Sequence[Line2D], columns: int) -> list[Line2D]:
    # matplotlib fills a legend column by column.
    return [entry for column in range(columns) for entry in entries[column::columns]]


def finite(ends: ArrayLike) -> NDArray[np.float64]:
    """Replace infinite ends of intervals by NaN, which is not drawn."""
    values = np.array(ends, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def broken(text: str, inches: float) -> str:
    """Break a label into lines of a width."""
    return textwrap.fill(text, round(16 * unscaled(inches)))  # letters per inch


def name_rows(axes: Axes, labels: Sequence[str], width: Width) -> None:
    """Name the rows of a panel, the first at the top; long names break into lines."""
    longest = 30 if width == "one_column" else 40
    names = [textwrap.fill(label, longest, break_long_words=False, break_on_hyphens=False) for label in labels]
    axes.set_yticks(range(len(names)), names, linespacing=1.0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def note_right(axes: Axes, row: float, text: str) -> None:
    """Write a short result at the right of a row."""
    axes.annotate(text, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=scaled(6.5))


def note_inside(axes: Axes, row: float, text: str, across: float | None = None) -> None:
    """Write into a row, on white so that no line crosses the text: at x = across, or in the middle of the panel."""
    x, system = (0.5, "axes fraction") if across is None else (across, "data")
    box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    where = {"xycoords": (system, "data"), "ha": "center", "va": "center"}
    axes.annotate(text, (x, row), color=FAINT, fontsize=scaled(6.5), bbox=box, **where)


def plain_numbers(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Write the ticks of large numbers as 20k instead of 20000, with a minus sign below zero."""
    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_formatter(FuncFormatter(lambda value, _: Formatter.fix_minus(_short(value))))


def _short(value: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
