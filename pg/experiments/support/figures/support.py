"""What importance sampling costs as the proposal leaves less and less probability to one action."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.plotting import compared, marks, style
from pg.plotting.captions import counted, itemised, listed, number, quoted
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest

_AXIS_LABELS = {"total_variance": "tr Cov (return²)", "median_error": "median error / ‖∇J‖"}


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw exact total variance and median error against the probability left: a column per environment."""
    strands, environments = compared.strands(request), request.environments
    figure = style.canvas(request.figure.width, 3.2)
    grid = figure.subplots(len(_AXIS_LABELS), len(environments), squeeze=False, sharex=True)
    for line, metric in zip(grid, _AXIS_LABELS, strict=True):
        for axes, environment in zip(line, environments, strict=True):
            marks.draw_column_intervals(axes, _rows(request, environment, metric, strands), strands, "left")
            _set_axes(axes, metric)
    for axes, environment in zip(grid[0], environments, strict=True):
        axes.set_title(environment_label(request.study, environment))
    room = style.WIDTHS[request.figure.width] / len(environments)
    for axes in grid[-1]:
        axes.set_xlabel(style.broken("probability p that the proposal leaves to the action", room))
    figure.align_ylabels()
    if len(strands) > 1:
        style.legend_below(figure, marks.legend_entries(strands, marked=True), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, how fast variance grows, and what is lost without support."""
    strands = compared.strands(request)
    batches = listed([f"{size:g}" for size in sorted(request.tables["long"]["batch"].dropna().unique())])
    lead = (
        "Gradient of a target policy from trajectories of a proposal that leaves probability p to one action, each "
        "trajectory weighted by the ratio of its probabilities. Above: total variance of the estimate, exact by "
        f"enumeration. Below: median error over sampled batches of {batches} trajectories. Lines are geometric means "
        f"over {counted(request.seeds, 'seed')}, each with a random target policy, with 95 % intervals."
    )
    sentences = [lead]
    for environment in request.environments:
        name = environment_label(request.study, environment)
        slopes = {strand.label: _slope(request, environment, strand) for strand in strands}
        sentences.append(f"{name}, slope of log tr Cov on log p — {itemised(slopes)}.")
        lost = {strand.label: _lost(request, environment, strand) for strand in strands}
        if any(lost.values()):
            sentences.append(f"{name}, bias over ‖∇J‖ at p = 0, where no weight can help — {itemised(lost)}.")
    return "\n".join(sentences)


def _set_axes(axes: Axes, metric: str) -> None:
    axes.set_ylabel(_AXIS_LABELS[metric])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(visible=True)


def _rows(request: FigureRequest, environment: str, metric: str, strands: tuple[compared.Strand, ...]) -> DataFrame:
    rows = request.rows("summary", environment=environment, metric=metric)
    # A logarithmic axis has no place for p = 0; the caption says what happens there.
    return marks.gathered(strands, rows[rows["left"] > 0].dropna(subset=["estimate"]))


def _slope(request: FigureRequest, environment: str, strand: compared.Strand) -> str:
    return quoted(strand.rows(request.rows("summary", environment=environment, metric="log_variance_slope")))


def _lost(request: FigureRequest, environment: str, strand: compared.Strand) -> str:
    rows = strand.rows(request.rows("summary", environment=environment, metric="relative_bias"))
    rows = rows[rows["left"] == 0]
    return "" if rows.empty else number(rows["estimate"].iloc[0])
