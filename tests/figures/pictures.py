"""What is drawn in a panel, read back from it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection


def scatters(axes: Axes) -> list[PathCollection]:
    """List the clouds of marks of a panel, in the order in which they were drawn."""
    return [one for one in axes.collections if isinstance(one, PathCollection)]


def offsets(scatter: PathCollection) -> np.ndarray:
    """Return where marks stand, a row each; NaN where one was masked."""
    return np.ma.filled(np.ma.asarray(scatter.get_offsets()).astype(np.float64), np.nan)


def clouds(axes: Axes) -> list[np.ndarray]:
    """Return where the marks of each cloud of a panel stand."""
    return [offsets(one) for one in scatters(axes)]


def bars(axes: Axes) -> list[np.ndarray]:
    """Return the bars of intervals, each time that some were drawn: bar by end by (x, y)."""
    return [np.array(one.get_segments()) for one in axes.collections if isinstance(one, LineCollection)]
