"""Exact variance and bias of each estimator on the lecture's ladder: every policy, the mean, and what a step changes.

The estimators were enumerated under the same policies, so a ratio of variances is taken policy by policy before it is
averaged.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, listed, number, with_interval
from pg.plotting.request import FigureRequest, Table
from pg.statistics.estimates import geometric_mean
from pg.statistics.intervals import Interval

_VARIANCE, _BIAS = "total_variance", "relative_bias"
_BATCH = "variant.batch"


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw tr Cov and the relative bias beside each other: a pair of panels per environment and stage."""
    strands, beside = _strands(request), _beside(request)
    places = _reading_order(request, beside)
    down = len(places) // beside
    figure = style.canvas(request.figure.width, 0.3 + down * (0.5 + 0.15 * len(strands)))
    grid = figure.subplots(down, 2 * beside, squeeze=False, sharey=True, width_ratios=[2, 1] * beside)
    for place, left, right in zip(places, grid.flat[::2], grid.flat[1::2], strict=True):
        _draw_variance(left, request, place, strands)
        _draw_bias(right, request, place, strands)
        # The pair shares this title: it may run on above the second panel.
        layout.head(left, layout.heading(request, place), "ratio")
        layout.head(right, "", "bias")
    for left, right in zip(grid[-1, ::2], grid[-1, 1::2], strict=True):
        left.set_xlabel(f"tr Cov (N = {compared.batch_shown(request)})")
        right.set_xlabel("relative bias")
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and the ratio of variances and the bias of each variant at the last stage."""
    first, *_ = strands = _strands(request)
    lead = (
        "Exact total variance (the trace of the covariance matrix) and exact bias of each gradient estimate, from "
        f"every possible batch of N = {compared.batch_shown(request)} trajectories. {_which_batch(request)}Each dot is "
        f"the policy of one of {counted(request.seeds, 'seed')}; marks are geometric means of the variance and means "
        "of the bias, bars their 95 % intervals. At the right of the variance: its ratio to "
        f"{first.label} on the same policies, below 1 where the variance is lower. At the right of the bias "
        f"‖E[ĝ] − ∇J‖ / ‖∇J‖: its mean, written 0 where it is below {number(marks.ROUNDING, 1)} under every policy, as "
        "rounding is. Below: the same, with the 95 % intervals of the ratios in brackets."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for place in layout.last_places(request):
        variances, biases = (_at(request, place, metric, "long") for metric in (_VARIANCE, _BIAS))
        means = _at(request, place, _BIAS, "summary")
        steps = {
            strand.label: f"{_ratio_text(_ratio(variances, strand, first))}, bias {_bias(biases, means, strand)}"
            for strand in strands
            if len(strand.rows(variances))
        }
        if steps:
            sentences.append(f"{layout.heading(request, place)}, ratio to {first.label} and bias — {itemised(steps)}.")
    return "\n".join(sentences)


def _draw_variance(
    axes: Axes, request: FigureRequest, place: layout.Place, strands: tuple[compared.Strand, ...]
) -> None:
    variances = _at(request, place, _VARIANCE, "long")
    _draw_rows(axes, request, variances, _at(request, place, _VARIANCE, "summary"), strands)
    for row, strand in enumerate(strands):
        ratio = _ratio(variances, strand, strands[0])
        style.note_beside(axes, row, _ratio_text(ratio, digits=2, with_ends=_has_room(request)))
    axes.set_xscale("log")
    layout.log_ticks(axes, x=True)


def _draw_bias(axes: Axes, request: FigureRequest, place: layout.Place, strands: tuple[compared.Strand, ...]) -> None:
    biases, means = (_at(request, place, _BIAS, table) for table in ("long", "summary"))
    _draw_rows(axes, request, biases, means, strands)
    for row, strand in enumerate(strands):
        style.note_beside(axes, row, _bias(biases, means, strand, digits=2))
    axes.axvline(0, **style.RULE)
    # Where every variant is unbiased, rounding must not fill the panel.
    _, high = axes.get_xlim()
    high = 1.1 * high if high > marks.ROUNDING else 1.0
    axes.set_xlim(-0.08 * high, high)


def _draw_rows(
    axes: Axes, request: FigureRequest, measured: DataFrame, summary: DataFrame, strands: tuple[compared.Strand, ...]
) -> None:
    marks.draw_dots(axes, marks.gathered(strands, measured), strands, s=5)
    marks.draw_row_intervals(axes, summary, strands)
    style.name_rows(axes, [strand.label for strand in strands], request.figure.width)
    axes.grid(visible=True, axis="x")


def _strands(request: FigureRequest) -> tuple[compared.Strand, ...]:
    return compared.told_apart(request, but=(_BATCH,))


def _beside(request: FigureRequest) -> int:
    """Count the environments that fit beside each other: all of them, or one."""
    environments = len(request.environments)
    return environments if request.figure.width == "two_columns" and environments <= 2 else 1


def _reading_order(request: FigureRequest, beside: int) -> list[layout.Place]:
    places = list(layout.places(request))
    stages = len(places) // len(request.environments)
    # A row per stage needs the environments in turn.
    return [place for stage in range(stages) for place in places[stage::stages]] if beside > 1 else places


def _has_room(request: FigureRequest) -> bool:
    return request.figure.width == "two_columns" and _beside(request) == len(request.environments) == 1


def _which_batch(request: FigureRequest) -> str:
    sizes = request.study.experiments[request.figure.experiment].sweep.get(_BATCH, ())
    return f"Of the batch sizes {listed([str(size) for size in sizes])} the smallest is drawn. " if sizes[1:] else ""


def _ratio(variances: DataFrame, strand: compared.Strand, first: compared.Strand) -> Interval | None:
    if strand == first:
        return None
    own, other = (marks.by_seed(one.rows(variances)) for one in (strand, first))
    return geometric_mean((own / other.reindex(own.index)).dropna())


def _ratio_text(ratio: Interval | None, digits: int = 3, *, with_ends: bool = True) -> str:
    if ratio is None:
        return "1"
    if not with_ends:
        return number(ratio.estimate, digits)
    return with_interval(ratio.estimate, ratio.low, ratio.high, ratio.method)


def _bias(biases: DataFrame, means: DataFrame, strand: compared.Strand, digits: int = 3) -> str:
    if (strand.rows(biases)["value"] < marks.ROUNDING).all():
        return "0"
    (mean,) = strand.rows(means)["estimate"]
    return number(mean, digits)


def _at(request: FigureRequest, place: layout.Place, metric: str, table: Table) -> DataFrame:
    batch = compared.batch_shown(request)
    return request.rows(table, environment=place.environment, stage=place.stage, metric=metric, batch=batch)
