"""Sizes, type and colours of figures, and their files; a variant has one look in all figures.

Nothing here changes matplotlib's global state: figures are made without pyplot, and `paper_style` is a context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from pg.plotting.record import Width

WIDTHS: Mapping[Width, float] = {"one_column": 3.4, "two_columns": 7.0}
"""Width of a figure on a two-column page, in inches."""

PAGE_HEIGHT = 9.0
"""Height of a figure with its legend on a journal's page at most, in inches."""

FONT_SIZE = 8.0
"""Size of type in points. Heights of figures and small type scale with it; widths are those of the page."""

_USUAL_SIZE = 8.0  # points; all sizes in the code are for this size of type

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
    "#332288", "#999933", "#8c510a", "#aa4499", "#117733", "#5ab4ac", "#cc6677", "#777777",
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

_SAVING: Mapping[str, dict[str, Any]] = {
    ".pdf": {"metadata": {"CreationDate": None}},
    ".svg": {"metadata": {"Date": None}},
    # A higher level takes twice the time for a file that is a few per cent smaller.
    ".png": {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 1}},
}


def scaled(size: float) -> float:
    """Convert a size that is written for the usual size of type to the present one."""
    return size * FONT_SIZE / _USUAL_SIZE


def unscaled(length: float) -> float:
    """Convert a length on the page to sizes that are written for the usual size of type."""
    return length * _USUAL_SIZE / FONT_SIZE


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
    # The palest level must be visible.
    strength = 0.35 + 0.65 * (place + 1) / count
    red, green, blue = (strength * part + (1 - strength) for part in to_rgb(look.colour))
    return replace(look, colour=to_hex((red, green, blue)), dashes=dashes)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PDF, SVG or PNG, by the suffix of the path: the same bytes for the same figure.

    Raises
    ------
    ValueError
        If the suffix is another.
    """
    if path.suffix not in _SAVING:
        raise ValueError(f"{path} must end in .pdf, .svg or .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    with paper_style():
        if (engine := figure.get_layout_engine()) is not None:
            # Compute the layout once; matplotlib would do so for each file. Hinting changes the width of text with the
            # resolution, and panels of fixed aspect need a second pass.
            figure.set_dpi(mpl.rcParams["savefig.dpi"])
            for _ in range(2 if any(axes.get_aspect() != "auto" for axes in figure.axes) else 1):
                engine.execute(figure)
            figure.set_layout_engine(None)
        figure.savefig(path, format=path.suffix[1:], **_SAVING[path.suffix])
