"""The variance that enumeration predicts against the variance that sampled batches have: a mark per policy."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.experiments.records import ExactExperiment
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, quoted
from pg.plotting.request import FigureRequest

_PREDICTED, _MEASURED, _RATIO = "total_variance", "sampled_variance", "variance_ratio"
_TALLEST = 2.8  # inches; a panel that is alone in its row need not be as tall as it could be wide


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw measured against predicted tr Cov with the diagonal: a square panel per environment and stage."""
    strands = compared.told_apart(request)
    across = layout.beside_each_other(request)
    side = min(_TALLEST, style.unscaled(style.WIDTHS[request.figure.width]) / across)
    figure, panels = layout.panels(request, across, side)
    for place, axes in zip(layout.places(request), panels, strict=True):
        _draw_panel(axes, _pairs(request, place, strands), strands)
        axes.set_title(layout.heading(request, place))
    for axes in layout.lowest(panels, across):
        axes.set_xlabel("tr Cov by enumeration")
    for axes in panels[::across]:
        axes.set_ylabel(f"tr Cov in {_sampled_batches(request):,} batches")
    style.legend_below(figure, marks.mark_entries(strands), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and each variant's ratio of measured to predicted variance at the last stage."""
    lead = (
        "Total variance (the trace of the covariance matrix) of each gradient estimate, predicted from every possible "
        f"batch and measured in {_sampled_batches(request):,} sampled ones. Each mark is the policy of one of "
        f"{counted(request.seeds, 'seed')}; on the diagonal both are equal. Below: geometric means of measured over "
        "predicted variance, with 95 % intervals over policies in brackets."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for place in layout.last_places(request):
        summary = request.rows("summary", environment=place.environment, stage=place.stage, metric=_RATIO)
        ratios = {
            strand.label: quoted(own) for strand in compared.told_apart(request) if len(own := strand.rows(summary))
        }
        if ratios:
            sentences.append(f"{layout.heading(request, place)}, measured over predicted — {itemised(ratios)}.")
    return "\n".join(sentences)


def _draw_panel(axes: Axes, pairs: DataFrame, strands: tuple[compared.Strand, ...]) -> None:
    look = marks.as_marks(strands)
    marks.scatter(axes, pairs, x=_PREDICTED, y=_MEASURED, s=12, linewidth=0.3, alpha=0.8, zorder=3, **look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    # One span for both: the diagonal then runs from corner to corner.
    lows, highs = zip(axes.get_xlim(), axes.get_ylim(), strict=True)
    axes.set(xlim=(min(lows), max(highs)), ylim=(min(lows), max(highs)))
    axes.axline((1, 1), (10, 10), **style.RULE)
    layout.log_ticks(axes, x=True, y=True)
    axes.set_box_aspect(1)
    axes.grid(visible=True)


def _pairs(request: FigureRequest, place: layout.Place, strands: tuple[compared.Strand, ...]) -> DataFrame:
    """Put both variances of each policy beside each other."""
    predicted, measured = (
        request.rows("long", environment=place.environment, stage=place.stage, metric=metric)
        .drop(columns="metric")
        .rename(columns={"value": metric})
        for metric in (_PREDICTED, _MEASURED)
    )
    keys = [column for column in predicted.columns if column != _PREDICTED]
    return marks.gathered(strands, predicted.merge(measured, on=keys))


def _sampled_batches(request: FigureRequest) -> int:
    experiment = request.study.experiments[request.figure.experiment]
    if not isinstance(experiment, ExactExperiment) or experiment.sampled_batches is None:
        raise ValueError(f"{request.figure.experiment} has no sampled_batches to compare with the exact variance")
    return experiment.sampled_batches
