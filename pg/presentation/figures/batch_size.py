"""How well a gradient estimate points, and how loud it is against its noise, as the batch grows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from pandas import DataFrame

from pg.presentation import style
from pg.presentation.captions import counted, itemised, listed, with_interval
from pg.presentation.figures import FigureRequest
from pg.study.equations import environment_label
from pg.study.model import ProbeExperiment

_AXIS_LABELS = {"cosine": "cosine to ∇J", "snr": "signal to noise"}


@dataclass(frozen=True, slots=True)
class _Panel:
    environment: str
    metric: str
    stage: str


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the mean cosine and the signal-to-noise ratio against N: a row per policy stage, a line per variant."""
    strands, probe = style.strands(request), request.probe
    panels = _panels(request, probe)
    rows, columns = len(panels), len(panels[0])
    figure = style.canvas(request.figure.width, 0.75 + 1.25 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for row, line in enumerate(panels):
        for column, panel in enumerate(line):
            axes = grid[row, column]
            for place, strand in enumerate(strands):
                _draw_strand(axes, request, panel, strand, _dodge(place, len(strands)))
            _set_axes(axes, panel.metric, probe.sample.batches)
            if panel.metric == "cosine":
                # The pair of panels shares this title: it may run on above the second.
                axes.set_title(f"{environment_label(request.study, panel.environment)}, {panel.stage}")
    for axes in grid[-1]:
        axes.set_xlabel("batch size N")
    style.legend_below(figure, [_entry(strand) for strand in strands], request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and the cosines at the smallest and the largest batch of the last stage."""
    probe = request.probe
    strands = style.strands(request)
    sizes = sorted({min(probe.sample.batches), max(probe.sample.batches)})
    sentences = [
        "Mean cosine between a gradient estimate and the true gradient ∇J, and the signal-to-noise ratio "
        "‖∇J‖² / tr Cov, against the number of trajectories N per batch. All variants were measured on the same "
        f"trajectories of {counted(probe.seeds.count, 'policy snapshot')} per stage; bars are 95 % intervals over "
        "snapshots, in brackets below: of the mean for the cosine, of the geometric mean for the ratio."
    ]
    for environment in request.environments:
        panel = _Panel(environment, "cosine", probe.source.stages[-1])
        ends = {
            strand.label: listed([f"{_at_size(request, panel, strand, size)} at N = {size}" for size in sizes])
            for strand in strands
        }
        name = environment_label(request.study, environment)
        sentences.append(f"{name}, {panel.stage} policies, cosine — {itemised(ends)}.")
    return "\n".join(sentences)


def _panels(request: FigureRequest, probe: ProbeExperiment) -> list[list[_Panel]]:
    """Lay the panels out: environments beside each other while they fit, else beneath each other."""
    metrics, stages, environments = tuple(_AXIS_LABELS), probe.source.stages, request.environments
    if request.figure.width == "two_columns" and len(environments) <= 2:
        return [
            [_Panel(environment, metric, stage) for environment, metric in product(environments, metrics)]
            for stage in stages
        ]
    return [
        [_Panel(environment, metric, stage) for metric in metrics]
        for environment, stage in product(environments, stages)
    ]


def _draw_strand(axes: Axes, request: FigureRequest, panel: _Panel, strand: style.Strand, dodge: float) -> None:
    rows = _rows(request, panel, strand)
    sizes = rows["batch"].to_numpy(float) * dodge
    axes.vlines(sizes, rows["ci_low"], rows["ci_high"], color=strand.look.colour, linewidth=0.8)
    axes.plot(
        sizes,
        rows["estimate"],
        marker=strand.look.marker,
        markersize=3,
        linewidth=1,
        mec="white",
        mew=0.3,
        **strand.look.line,
    )


def _dodge(place: int, count: int) -> float:
    """Shift a line sideways by a factor, so that intervals at one N stand beside each other."""
    return math.exp(0.09 * (place - (count - 1) / 2))


def _set_axes(axes: Axes, metric: str, batches: tuple[int, ...]) -> None:
    axes.set_ylabel(_AXIS_LABELS[metric])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(batches))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(visible=True)
    if metric == "cosine":
        low, high = axes.get_ylim()
        axes.set_ylim(min(0.0, low), max(1.0, high))
    else:
        axes.set_yscale("log")


def _entry(strand: style.Strand) -> Line2D:
    return Line2D([], [], marker=strand.look.marker, label=strand.label, markersize=3.5, **strand.look.line)


def _at_size(request: FigureRequest, panel: _Panel, strand: style.Strand, size: int) -> str:
    rows = _rows(request, panel, strand)
    rows = rows.loc[rows["batch"] == size, ["estimate", "ci_low", "ci_high"]]
    return "–" if rows.empty else with_interval(*rows.iloc[0])


def _rows(request: FigureRequest, panel: _Panel, strand: style.Strand) -> DataFrame:
    rows = request.rows("summary", environment=panel.environment, stage=panel.stage, metric=panel.metric)
    return strand.rows(rows).dropna(subset=["batch", "estimate"]).sort_values("batch")
