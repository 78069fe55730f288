"""Write figures to files: the same bytes for the same figure."""

from __future__ import annotations

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
    """Write a figure as PDF, SVG or PNG, by the suffix of the path.

    Raises
    ------
    ValueError
        If the suffix is another.
    """
    if path.suffix not in _SAVING:
        raise ValueError(f"{path} must end in .pdf, .svg or .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    with paper_style():
        _settle(figure)
        figure.savefig(path, format=path.suffix[1:], **_SAVING[path.suffix])


def _settle(figure: Figure) -> None:
    """Compute the layout once; matplotlib would do so for each file."""
    if (engine := figure.get_layout_engine()) is not None:
        # At the resolution of the file: hinting changes the width of text.
        figure.set_dpi(mpl.rcParams["savefig.dpi"])
        engine.execute(figure)
        if any(axes.get_aspect() != "auto" for axes in figure.axes):
            # Panels of fixed aspect need a second pass.
            engine.execute(figure)
        figure.set_layout_engine(None)
