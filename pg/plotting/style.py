"""Sizes, type and colours of figures, and their files; a concept has one colour in all figures.

Nothing here changes matplotlib's global state: figures are made without pyplot, and `paper_style` is a context.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zlib import crc32

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType, RcKeyType
from PIL import Image
from pypdfium2 import PdfDocument

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

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "baseline: none": "#747474",
        "baseline: average_reward": "#a94400",
        "baseline: per_step_leave_one_out": "#239bd1",
        "baseline: value_network": "#249f57",
        "baseline: optimal": "#8e70ec",
        "baseline: leave_one_out": "#d17e00",
        "baseline: per_step": "#28469d",
        "baseline: constant": "#75492b",
        "baseline: exact": "#064039",
        "baseline: running_average": "#5f7d00",
        "total: none": "#2b2b2b",
        "total: average_reward": "#561e00",
        "total: leave_one_out": "#5c4a00",
        "total: optimal": "#472a80",
        "total: constant": "#4a2c17",
        "weights: trajectory": "#aa0a08",
        "weights: per_decision": "#d062c8",
        "weights: per_step": "#5653d5",
        "weights: clipped": "#0d6852",
        "weights: exact_state": "#0f6380",
        "limit: early_stop": "#775b21",
        "limit: penalty": "#e5347e",
        "limit: line_search": "#299f9c",
        "limit: natural_gradient": "#cb6b02",
        "start: clone": "#c33c8c",
    }
)
"""The colour of each concept: what is subtracted from the return (for total returns a darker one), how old data are
weighted, how the KL divergence is limited, and where training starts from. Every colour has a contrast of 3:1 with
white, and concepts that meet in a figure are distinct with protanopia and deuteranopia (tests measure both)."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_DASHES = ((), (5, 1.5), (1.2, 1.2), (5, 1.5, 1.2, 1.5))

# What differs from seaborn's "ticks" and "paper".
_RC: dict[RcKeyType, Any] = {
    # Type 42 fonts stay text: searchable, editable, and accepted by publishers who refuse Type 3.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "pg",
    "svg.fonttype": "none",
    # The first comes with matplotlib: every machine draws the same picture. An SVG names the others as well, for
    # machines that show it without the first. A figure may be drawn outside of this style, so it names its own font.
    "font.family": ["STIXGeneral", "serif"],
    "font.serif": ["STIX Two Text", "Times New Roman", "Times", "DejaVu Serif"],
    "mathtext.fontset": "stix",
    "axes.titlelocation": "left",
    # Else matplotlib measures all ticks once more, in case some are at the top.
    "axes.titley": 1.0,
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
    # A picture of two columns is as wide as the text of the report; print takes the PDF.
    "savefig.dpi": 144,
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
}

_ALMOST_WHITE = 253  # of 255, in every channel


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


def look_of(concept: str) -> Look:
    """Return the look of a concept; one that is not listed, such as a part of a user's own, gets one by its name."""
    names = [*COLOURS]
    place = names.index(concept) if concept in COLOURS else crc32(concept.encode()) % len(names)
    return Look(COLOURS[names[place]], _MARKERS[place % len(_MARKERS)], _DASHES[place % len(_DASHES)])


def looks(concepts: Mapping[str, str], chosen: Mapping[str, str] = MappingProxyType({})) -> dict[str, Look]:
    """Return a look for each member of a figure, given with its concept; `chosen` has the colours of some members.

    The first of a concept has the look of the concept. The others have other dashes, and markers that are still free in
    the figure. Members with the same colour have it in other shades, the further the later.
    """
    own = {name: look_of(concept) for name, concept in concepts.items()}
    colours = [chosen.get(name, look.colour) for name, look in own.items()]
    taken = [look.marker for look in own.values()]
    found: dict[str, Look] = {}
    for place, ((name, look), colour) in enumerate(zip(own.items(), colours, strict=True)):
        if nth := [*own.values()][:place].count(look):
            taken.append(min(_MARKERS, key=taken.count))
            look = replace(look, marker=taken[-1], dashes=_DASHES[(_DASHES.index(look.dashes) + nth) % len(_DASHES)])
        if nth := colours[:place].count(colour):
            colour = _shade(colour, nth / (colours.count(colour) - 1))
        found[name] = replace(look, colour=colour)
    return found


def categories(names: Sequence[str]) -> dict[str, Look]:
    """Return looks of things that are not variants, by their place in the list."""
    return looks(dict(zip(names, cycle(COLOURS), strict=False)))


def _shade(colour: str, share: float) -> str:
    """Blend a colour with its darkest shade, or a dark colour with its lightest one that is visible on white."""
    dark = _blend(colour, "black", 0.6)
    light = next(one for tenths in range(9, -1, -1) if contrast(one := _blend(colour, "white", tenths / 10)) >= 3)
    is_light = contrast(dark) / contrast(colour) > contrast(colour) / contrast(light)
    return _blend(colour, dark if is_light else light, share)


def _blend(colour: str, other: str, share: float) -> str:
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(to_rgb(colour), to_rgb(other), strict=True))
    return to_hex((red, green, blue))


def contrast(colour: ColorType) -> float:
    """Return the contrast of a colour with white, from 1 to 21 (WCAG 2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file; see `encoded`, which takes the suffix of the path."""
    (content,) = encoded(figure, path.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def encoded(figure: Figure, *suffixes: str) -> list[bytes]:
    """Return a figure as PDF, SVG or PNG, for each of the suffixes: the same bytes for the same figure.

    A PNG is a picture of the PDF, so that matplotlib draws the figure once for both.

    Raises
    ------
    ValueError
        If a suffix is another.
    """
    if others := {*suffixes} - {*_SAVING, ".png"}:
        raise ValueError(f"a picture must end in .pdf, .svg or .png, not in {', '.join(sorted(others))}")
    with paper_style():
        if (engine := figure.get_layout_engine()) is not None:
            # Compute the layout once; matplotlib would do so for each file. Hinting changes the width of text with the
            # resolution, and panels of fixed aspect need a second pass.
            figure.set_dpi(mpl.rcParams["savefig.dpi"])
            for _ in range(2 if any(axes.get_aspect() != "auto" for axes in figure.axes) else 1):
                engine.execute(figure)
            figure.set_layout_engine(None)
        drawn = {suffix: _drawn(figure, suffix) for suffix in {".pdf" if one == ".png" else one for one in suffixes}}
        return [_pictured(drawn[".pdf"]) if suffix == ".png" else drawn[suffix] for suffix in suffixes]


def _drawn(figure: Figure, suffix: str) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=suffix[1:], **_SAVING[suffix])
    return file.getvalue()


def _pictured(pdf: bytes) -> bytes:
    """Return a PNG of a page, with 256 colours, which has a quarter of the bytes.

    Pillow's octree is fast, makes the smallest files, and keeps the colours of thin lines. It shifts white, which is
    put back.
    """
    # Pdfium draws no line thinner than a pixel, so it draws at twice the resolution.
    with PdfDocument(pdf) as document:
        page = document[0].render(scale=2 * mpl.rcParams["savefig.dpi"] / 72, rev_byteorder=True)
        picture = page.to_pil().convert("RGB").reduce(2)
    reduced = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    colours = np.array(reduced.getpalette()).reshape(-1, 3)
    colours[(colours >= _ALMOST_WHITE).all(axis=1)] = 255
    reduced.putpalette(colours.ravel().tolist())
    file = io.BytesIO()
    reduced.save(file, "PNG", compress_level=6)
    return file.getvalue()
