"""Figures as files, in a layout that is settled once and without a trace of when they were written."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from pg.plotting.style import paper_style

_SAVING: Mapping[str, dict[str, Any]] = {
    ".pdf": {"metadata": {"CreationDate": None}},
    ".svg": {"metadata": {"Date": None}},
    # A higher level takes twice the time for a file that is a few per cent smaller.
    ".png": {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 1}},
}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PDF, SVG or PNG, as the path ends, the same bytes for the same figure.

    Raises
    ------
    ValueError
        If the path ends otherwise.
    """
    if path.suffix not in _SAVING:
        raise ValueError(f"{path} must end in .pdf, .svg or .png")
    buffer = io.BytesIO()
    with paper_style():
        _settle(figure)
        figure.savefig(buffer, format=path.suffix[1:], **_SAVING[path.suffix])
    path.parent.mkdir(parents=True, exist_ok=True)
    # An interrupted job must not leave half a file under the final name.
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_bytes(buffer.getvalue())
    unfinished.replace(path)


def _settle(figure: Figure) -> None:
    """Lay the figure out once and for all; matplotlib would do so for each file."""
    if (engine := figure.get_layout_engine()) is not None:
        # As fine as the picture: text is wider or narrower where it is hinted for fewer dots.
        figure.set_dpi(mpl.rcParams["savefig.dpi"])
        engine.execute(figure)
        if any(axes.get_aspect() != "auto" for axes in figure.axes):
            # Panels of a fixed shape fill their place only once it has its size.
            engine.execute(figure)
        figure.set_layout_engine(None)
