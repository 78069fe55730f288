"""What bias buys in variance as one option of a gradient estimate is swept, such as the λ of advantage estimation."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, Formatter, MaxNLocator
from pandas import DataFrame, Series

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, in_words, itemised, listed, option_in_words, quoted
from pg.plotting.layout import Place
from pg.plotting.request import FigureRequest

_BIAS, _NOISE, _VARIANCE = "relative_bias", "relative_bias_noise", "total_variance"
_AXIS_LABELS = {_BIAS: "bias over ‖∇J‖", _VARIANCE: "tr Cov"}
_DASHED: dict[str, Any] = {"linewidth": 0.6, "linestyle": (0, (3, 3))}
_DODGE = 0.12  # of the distance between neighbouring levels


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw bias above and variance below against the swept levels: a column per place, a line per variant."""
    strands, places = _strands(request), layout.places(request)
    across = layout.beside_each_other(request)
    rows_of_places = [places[start : start + across] for start in range(0, len(places), across)]
    figure = style.canvas(request.figure.width, 0.3 + 2.6 * len(rows_of_places))
    grid = figure.subplots(2 * len(rows_of_places), across, squeeze=False, sharex=True)
    for unused in grid[-2:, len(rows_of_places[-1]) :].flat:
        unused.set_axis_off()
    for start, together in zip(range(0, len(grid), 2), rows_of_places, strict=True):
        for column, place in enumerate(together):
            upper, lower = grid[start : start + 2, column]
            upper.set_title(layout.heading(request, place))
            _draw_panel(upper, request, place, _BIAS, strands)
            _draw_panel(lower, request, place, _VARIANCE, strands)
            if place in places[-across:]:
                lower.set_xlabel(_option(request))
                lower.tick_params(labelbottom=True)
        for row, metric in enumerate(_AXIS_LABELS):
            grid[start + row, 0].set_ylabel(_AXIS_LABELS[metric])
    figure.align_ylabels()
    noise = Line2D([], [], color=style.FAINT, label="bias from noise alone", **_DASHED)
    style.legend_below(figure, [*marks.legend_entries(strands, marked=True), noise], request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and both measures at every level of the last stage."""
    strands, snapshots = _strands(request), request.seeds
    lead = (
        f"Bias ‖E[ĝ] − ∇J‖ / ‖∇J‖ and total variance (the trace of the covariance matrix) of gradient estimates, in "
        f"batches of N = {compared.batch_shown(request)}, against {_option(request)}; levels stand evenly. All levels "
        f"are measured on the same trajectories of {counted(snapshots, 'policy snapshot')} per stage; marks and bars "
        "are means of the bias and geometric means of the variance with 95 % intervals over snapshots, in brackets "
        "below. Dashed: the bias that sampling alone would show."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for place in layout.last_places(request):
        for strand in strands:
            results = {
                _level_name(request, level): _result(request, place, strand, level) for level in _levels(request)
            }
            sentences.append(f"{layout.heading(request, place)}, {strand.label} — {itemised(results)}.")
    return "\n".join(sentences)


def _draw_panel(
    axes: Axes, request: FigureRequest, place: Place, metric: str, strands: tuple[compared.Strand, ...]
) -> None:
    if metric == _VARIANCE:
        axes.set_yscale("log")
    marks.draw_column_intervals(axes, _placed(request, place, metric, strands), strands, "beside")
    if metric == _BIAS:
        noise = _placed(request, place, _NOISE, strands)
        for strand in strands:
            own = noise[noise["strand"] == strand.key]
            axes.plot(own["beside"], own["estimate"], color=strand.look.colour, **_DASHED)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(4))
    else:
        layout.log_ticks(axes, y=True)
    axes.xaxis.set_major_locator(FixedLocator(range(len(_levels(request)))))
    axes.xaxis.set_major_formatter(lambda place, _: Formatter.fix_minus(f"{_levels(request)[round(place)]:g}"))
    axes.grid(visible=True)


def _placed(request: FigureRequest, place: Place, metric: str, strands: tuple[compared.Strand, ...]) -> DataFrame:
    """Lay the strands' rows below each other, with where they stand on the axis in column beside."""
    rows = marks.gathered(strands, _rows(request, place, metric))
    ranks = Series({level: rank for rank, level in enumerate(_levels(request))})
    shift = _DODGE * (rows["place"] - (len(strands) - 1) / 2)
    return rows.assign(beside=rows[_path(request)].map(ranks) + shift).sort_values("beside")


def _rows(request: FigureRequest, place: Place, metric: str) -> DataFrame:
    where: dict[str, Any] = {"environment": place.environment, "stage": place.stage, "metric": metric}
    return request.rows("summary", **where, batch=compared.batch_shown(request))


def _result(request: FigureRequest, place: Place, strand: compared.Strand, level: float) -> str:
    results: list[str] = []
    for metric, word in ((_BIAS, "bias"), (_VARIANCE, "variance")):
        rows = strand.rows(_rows(request, place, metric))
        results.append(f"{word} {quoted(rows[rows[_path(request)] == level])}")
    return listed(results)


def _strands(request: FigureRequest) -> tuple[compared.Strand, ...]:
    return compared.told_apart(request, but=(_path(request),))


def _levels(request: FigureRequest) -> list[float]:
    return sorted(request.probe.sweep[_path(request)])


def _level_name(request: FigureRequest, level: float) -> str:
    return in_words(_path(request), float(level))


def _option(request: FigureRequest) -> str:
    name = option_in_words(_path(request))
    return "λ" if name == "lambda" else name


def _path(request: FigureRequest) -> str:
    # Validation asks for exactly one.
    (path,) = request.probe.sweep
    return path
