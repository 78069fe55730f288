"""What becomes of importance weights as trajectories grow longer, at a policy change of one size."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from pandas import DataFrame

from pg.presentation import marks, style
from pg.presentation.captions import counted, itemised, listed, number, with_interval
from pg.presentation.figures import FigureRequest
from pg.presentation.marks import Place
from pg.study.model import HorizonExperiment

_AXIS_LABELS = {
    "log_weight_variance": "variance of log w",
    "effective_share": "effective share of N",
    "largest_weight": "largest w",
    "median_weight": "median w",
}
_DODGE = 0.05  # factor between neighbouring strands, as a logarithm


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw four measures of the weights against T: a line per variant, the panels of a place beside each other."""
    strands, places, horizons = marks.told_apart(request), marks.places(request), _experiment(request).horizons
    across = 4 if request.figure.width == "two_columns" else 2
    down = len(_AXIS_LABELS) // across
    figure = style.canvas(request.figure.width, 0.25 + 1.45 * down * len(places))
    grid = figure.subplots(down * len(places), across, squeeze=False, sharex=True)
    for start, place in zip(range(0, len(grid), down), places, strict=True):
        panels = grid[start : start + down].flat
        for axes, metric in zip(panels, _AXIS_LABELS, strict=True):
            _draw_panel(axes, _rows(request, place, metric, strands), strands, horizons)
            axes.set_ylabel(_AXIS_LABELS[metric])
        grid[start, 0].set_title(marks.heading(request, place))
    for axes in grid[-1]:
        axes.set_xlabel("horizon T")
    figure.align_ylabels()
    style.legend_below(figure, marks.legend_entries(strands, marked=True), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and every number at the longest horizon."""
    experiment, strands = _experiment(request), marks.told_apart(request)
    snapshots, longest = len(request.tables["long"]["seed"].unique()), max(experiment.horizons)
    lead = (
        f"Importance weights of {experiment.trajectories} trajectories of θ, cut off at T, at a policy θ' in a random "
        f"direction from θ, at mean divergence E[KL(π_θ'‖π_θ)] = {number(experiment.kl)} at the longest horizon and "
        "the same for every T. The variance is that of the logarithm of whole products, where weights are products, "
        "else of single ratios. Lines are means with 95 % intervals over "
        f"{counted(snapshots, 'policy snapshot')}, in brackets below."
    )
    sentences = [lead]
    for place in marks.last_places(request):
        results = {strand.label: _result(request, place, strand, longest) for strand in strands}
        sentences.append(f"{marks.heading(request, place)}, T = {longest} — {itemised(results)}.")
    return "\n".join(sentences)


def _result(request: FigureRequest, place: Place, strand: style.Strand, horizon: int) -> str:
    quoted = {metric: _quoted(request, place, metric, strand, horizon) for metric in _AXIS_LABELS}
    return listed([f"{words} {quoted[metric]}" for metric, words in _AXIS_LABELS.items()])


def _draw_panel(axes: Axes, rows: DataFrame, strands: tuple[style.Strand, ...], horizons: tuple[int, ...]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    if not rows.empty:
        marks.draw_column_intervals(axes, rows.assign(beside=marks.dodged(rows, "horizon", _DODGE)), strands, "beside")
        # An interval that reaches down to nothing must not stretch a logarithmic axis.
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, rows["estimate"].min() / 3), high)
    marks.log_ticks(axes, y=True)
    axes.set_xlabel("")
    axes.xaxis.set_major_locator(FixedLocator(horizons))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(visible=True)


def _rows(request: FigureRequest, place: Place, metric: str, strands: tuple[style.Strand, ...]) -> DataFrame:
    rows = request.rows("summary", environment=place.environment, stage=place.stage, metric=metric)
    # A logarithmic axis has no place for the variance of weights that are all 1.
    return marks.gathered(strands, rows[rows["estimate"] > 0])


def _quoted(request: FigureRequest, place: Place, metric: str, strand: style.Strand, horizon: int) -> str:
    rows = strand.rows(request.rows("summary", environment=place.environment, stage=place.stage, metric=metric))
    rows = rows.loc[rows["horizon"] == horizon, ["estimate", "ci_low", "ci_high"]]
    return "–" if rows.empty else with_interval(*rows.iloc[0])


def _experiment(request: FigureRequest) -> HorizonExperiment:
    """Return the experiment.

    Raises
    ------
    TypeError
        If it lengthens no trajectories.
    """
    experiment = request.study.experiments[request.figure.experiment]
    if not isinstance(experiment, HorizonExperiment):
        raise TypeError(f"{request.figure.kind} draws weights by horizon, and {request.figure.experiment} has none")
    return experiment
