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

from pg.presentation import marks, style
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
            _draw_panel(axes, _rows(request, panel, strands), strands)
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


def _draw_panel(axes: Axes, rows: DataFrame, strands: tuple[style.Strand, ...]) -> None:
    rows = rows.assign(beside=marks.dodged(rows, "batch", _DODGE))
    marks.draw_column_intervals(axes, rows, strands, "beside")


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


def _rows(request: FigureRequest, panel: _Panel, strands: tuple[style.Strand, ...]) -> DataFrame:
    rows = request.rows("summary", environment=panel.environment, stage=panel.stage, metric=panel.metric)
    return marks.gathered(strands, rows.dropna(subset=["batch", "estimate"]))
