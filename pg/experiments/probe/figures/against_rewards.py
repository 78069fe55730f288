"""How the variance of each estimator follows the offset or the scale of rewards, and the parabola that it must follow.

An estimate that is linear in the rewards has the total variance A + Bc + Cc² at offset c, and Cα² at scale α, policy by
policy: the lines are fitted, and the caption says how far any policy lies from its own.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pandas import DataFrame

from pg.core.signs import signed
from pg.experiments.figures import LEAST_LEVELS, REWARD_LEVELS
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, number, option_in_words, with_interval
from pg.plotting.request import FigureRequest, Table
from pg.statistics.estimates import geometric_mean

_METRIC = "total_variance"
_DEGREE = 2
_POINTS = 200
_AXIS_LABELS = {
    "environment.rewards.offset": "offset c of every reward",
    "environment.rewards.scale": "scale α of every reward",
}
_SPACING = {"environment.rewards.offset": "linear", "environment.rewards.scale": "log"}
_UNCHANGED = {"environment.rewards.offset": 0.0, "environment.rewards.scale": 1.0}

Array = NDArray[np.float64]


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw tr Cov against the level of the rewards: a panel per environment and stage, a line per variant."""
    path = swept_path(request)
    strands = compared.told_apart(request, but=(path,))
    across = layout.beside_each_other(request)
    figure, panels = layout.panels(request, across, 1.9, sharex=True)
    for place, axes in zip(layout.places(request), panels, strict=True):
        _draw_panel(axes, request, place, strands, path)
        axes.set_title(layout.heading(request, place))
    for axes in layout.lowest(panels, across):
        axes.set_xlabel(_AXIS_LABELS[path])
    for axes in panels[::across]:
        axes.set_ylabel(f"tr Cov (return², N = {compared.batch_shown(request)})")
    style.legend_below(figure, marks.legend_entries(strands, marked=True), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, how far variances lie from their parabolas, and what the largest level does to them."""
    path = swept_path(request)
    strands = compared.told_apart(request, but=(path,))
    policies = request.seeds
    held = [_by_policy(request, place, strand, path) for place in layout.places(request) for strand in strands]
    farthest = max(_distance(one) for one in held)
    start, end = _ends(request, path)
    lead = (
        f"Total variance of each gradient estimate with N = {compared.batch_shown(request)} trajectories, on "
        f"{counted(policies, 'policy') if policies == 1 else f'{policies} policies'} per panel, against the "
        f"{option_in_words(path)} of all rewards. Marks are geometric means with 95 % intervals; lines are "
        "geometric means of the parabolas fitted to each policy's values, from which no value lies farther than "
        f"{number(farthest, 2)} of itself. In brackets: 95 % intervals."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for place in layout.last_places(request):
        ratios = {strand.label: _ratio(request, place, strand, path, start, end) for strand in strands}
        ends = f"tr Cov at {signed(end)} over that at {signed(start)}"
        sentences.append(f"{layout.heading(request, place)}, {ends} — {itemised(ratios)}.")
    return "\n".join(sentences)


def swept_path(request: FigureRequest) -> str:
    """Return which level of the rewards the experiment sweeps."""
    sweep = request.study.experiments[request.figure.experiment].sweep
    (path,) = [path for path in REWARD_LEVELS if path in sweep]
    return path


def fitted(levels: Array, variances: Array, at: Array) -> Array:
    """Fit a parabola to one policy's variances, every relative error counting alike, and evaluate it.

    Variances of 0, where all rewards cancel, have no relative error and are left out. The parabola is undefined (NaN)
    where it is not positive, and everywhere if too few variances are left to fit it to.
    """
    positive = variances > 0
    if positive.sum() < LEAST_LEVELS:
        return np.full_like(at, np.nan)
    coefficients = np.polyfit(levels[positive], variances[positive], _DEGREE, w=1 / variances[positive])
    found = np.asarray(np.polyval(coefficients, at), dtype=np.float64)
    return np.where(found > 0, found, np.nan)


def _draw_panel(
    axes: Axes, request: FigureRequest, place: layout.Place, strands: tuple[compared.Strand, ...], path: str
) -> None:
    summary = _rows(request, place, "summary")
    # A logarithmic axis has no place for a variance of 0.
    rows = marks.gathered(strands, summary[summary["estimate"] > 0])
    marks.draw_column_marks(axes, rows, strands, path)
    levels = np.sort(rows[path].unique().astype(np.float64))
    spaced = {"log": np.geomspace, "linear": np.linspace}[_SPACING[path]]
    grid = spaced(levels[0], levels[-1], _POINTS)
    for strand in strands:
        table = _by_policy(request, place, strand, path)
        parabolas = [fitted(table.columns.to_numpy(np.float64), own, grid) for own in table.to_numpy(np.float64)]
        if drawn := [parabola for parabola in parabolas if not np.isnan(parabola).all()]:
            axes.plot(grid, np.exp(np.log(drawn).mean(axis=0)), linewidth=1, zorder=2, **strand.look.line)
    axes.set_yscale("log")
    axes.set_xscale(_SPACING[path])
    axes.grid(visible=True)


def _rows(request: FigureRequest, place: layout.Place, table: Table) -> DataFrame:
    where = {"environment": place.environment, "stage": place.stage, "metric": _METRIC}
    return request.rows(table, **where, batch=compared.batch_shown(request))


def _by_policy(request: FigureRequest, place: layout.Place, strand: compared.Strand, path: str) -> DataFrame:
    """Lay the variances of a strand out with a row per policy and a column per level."""
    return strand.rows(_rows(request, place, "long")).pivot_table(index="seed", columns=path, values="value")


def _distance(table: DataFrame) -> float:
    levels = table.columns.to_numpy(np.float64)
    held = table.to_numpy(np.float64)
    apart = [np.abs(fitted(levels, own, levels)[own > 0] / own[own > 0] - 1) for own in held]
    return float(max((one.max() for one in apart if len(one) and not np.isnan(one).any()), default=0.0))


def _ends(request: FigureRequest, path: str) -> tuple[float, float]:
    """Choose the levels that the caption compares: rewards as they are, or next to it, and the farthest from there."""
    levels = [float(level) for level in request.study.experiments[request.figure.experiment].sweep[path]]
    start = min(levels, key=lambda level: abs(level - _UNCHANGED[path]))
    return start, max(levels, key=lambda level: (abs(level - start), level))


def _ratio(
    request: FigureRequest, place: layout.Place, strand: compared.Strand, path: str, start: float, end: float
) -> str:
    table = _by_policy(request, place, strand, path)
    both = table[(table[start] > 0) & (table[end] > 0)]
    if both.empty:
        return "–"
    found = geometric_mean((both[end] / both[start]).to_numpy(np.float64))
    return with_interval(found.estimate, found.low, found.high, found.method)
