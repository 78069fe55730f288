"""How well a gradient estimate points, and how loud it is against its noise, as the batch grows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.experiments.records import ProbeExperiment
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, listed, quoted
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest

_AXIS_LABELS = {"cosine": "cosine to ∇J", "snr": "signal to noise"}
_DODGE = 0.09  # factor between neighbouring strands, as a logarithm


@dataclass(frozen=True, slots=True)
class _Panel:
    environment: str
    metric: str
    stage: str


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the mean cosine and the signal-to-noise ratio against N: a row per policy stage, a line per variant."""
    strands, probe = compared.strands(request), request.probe
    panels = _panels(request, probe)
    rows, columns = len(panels), len(panels[0])
    figure = style.canvas(request.figure.width, 0.35 + 1.25 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for row, line in enumerate(panels):
        for column, panel in enumerate(line):
            axes = grid[row, column]
            _draw_panel(axes, _rows(request, panel, strands), strands)
            _set_axes(axes, panel.metric, probe.sample.batches)
            if panel.metric == "cosine":
                # The pair of panels shares this title: it may run on above the second.
                axes.set_title(_title(request, panel))
    for axes in grid[-1]:
        axes.set_xlabel("batch size N")
    figure.align_ylabels()
    style.legend_below(figure, marks.legend_entries(strands, marked=True), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and the cosines at the smallest and the largest batch of the last stage."""
    probe = request.probe
    strands = compared.strands(request)
    sizes = sorted({min(probe.sample.batches), max(probe.sample.batches)})
    lead = (
        "Mean cosine between a gradient estimate and the true gradient ∇J, and mean signal-to-noise ratio "
        "‖∇J‖² / tr Cov, against the number of trajectories N per batch. All variants were measured on the same "
        f"trajectories of {counted(probe.seeds.count, 'policy snapshot')} per stage; bars are 95 % intervals over "
        "snapshots, in brackets below."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for environment in request.environments:
        panel = _Panel(environment, "cosine", probe.source.stages[-1])
        ends = {
            strand.label: listed([f"{_at_size(request, panel, strand, size)} at N = {size}" for size in sizes])
            for strand in strands
        }
        sentences.append(f"{_title(request, panel)} policies, cosine — {itemised(ends)}.")
    remarks = (_undefined(request), _noisy_references(request, strands[0]), _below_zero(request, strands))
    return "\n".join([*sentences, *chain.from_iterable(remarks)])


def _undefined(request: FigureRequest) -> list[str]:
    """Say why there are dashes, or marks that are missing."""
    drawn = product(request.environments, _AXIS_LABELS)
    measured = [request.rows("summary", environment=environment, metric=metric) for environment, metric in drawn]
    if not any(rows["estimate"].isna().any() for rows in measured):
        return []
    return ["A dash, or no mark: undefined, because ∇J or the variance of some snapshot is zero."]


def _noisy_references(request: FigureRequest, strand: compared.Strand) -> list[str]:
    """Say where ∇J itself is known too poorly; all variants and batch sizes share the reference."""
    flagged = strand.rows(request.rows("summary", metric="reference_flagged"))
    flagged = flagged[flagged["environment"].isin(request.environments) & (flagged["estimate"] > 0)]
    places = {
        f"{environment_label(request.study, row['environment'])}, {row['stage']}": (
            f"{row['estimate'] * row['n']:.0f} of {row['n']}"
        )
        for row in flagged.drop_duplicates(["environment", "stage"]).to_dict("records")
    }
    lead = "Snapshots whose reference for ∇J stayed noisy (signal to noise below 30): cosines come out too low there"
    return [f"{lead} — {itemised(places)}."] if places else []


def _panels(request: FigureRequest, probe: ProbeExperiment) -> list[list[_Panel]]:
    """Lay the panels out: environments, or the stages of the only one, beside each other while they fit."""
    metrics, stages, environments = tuple(_AXIS_LABELS), probe.source.stages, request.environments
    if request.figure.width == "two_columns" and len(environments) == 1 and len(stages) <= 3:
        return [[_Panel(environments[0], metric, stage) for stage in stages] for metric in metrics]
    if request.figure.width == "two_columns" and len(environments) <= 2:
        return [
            [_Panel(environment, metric, stage) for environment, metric in product(environments, metrics)]
            for stage in stages
        ]
    return [
        [_Panel(environment, metric, stage) for metric in metrics]
        for environment, stage in product(environments, stages)
    ]


def _draw_panel(axes: Axes, rows: DataFrame, strands: tuple[compared.Strand, ...]) -> None:
    rows = rows.assign(beside=marks.dodged(rows, "batch", _DODGE))
    marks.draw_column_intervals(axes, rows, strands, "beside")


def _set_axes(axes: Axes, metric: str, batches: tuple[int, ...]) -> None:
    axes.set_ylabel(_AXIS_LABELS[metric])
    axes.set_xscale("log")
    layout.ticks_at(axes, batches)
    axes.grid(visible=True)
    # Zero is in sight in every panel: a cosine of 0 points nowhere, and estimated ratios may lie below it.
    low, high = axes.get_ylim()
    axes.set_ylim(min(0.0, low), max(1.0, high) if metric == "cosine" else high)
    axes.axhline(0, **style.RULE)


def _title(request: FigureRequest, panel: _Panel) -> str:
    return f"{environment_label(request.study, panel.environment)}, {panel.stage}"


def _at_size(request: FigureRequest, panel: _Panel, strand: compared.Strand, size: int) -> str:
    rows = _rows(request, panel, (strand,))
    return quoted(rows[rows["batch"] == size])


def _below_zero(request: FigureRequest, strands: tuple[compared.Strand, ...]) -> list[str]:
    """Say where a ratio is negative, and that this is possible at all."""
    negative: dict[str, str] = {}
    for environment, stage in product(request.environments, request.probe.source.stages):
        panel = _Panel(environment, "snr", stage)
        for strand in strands:
            rows = _rows(request, panel, (strand,))
            rows = rows.loc[rows["estimate"] < 0]
            if len(rows):
                sizes = listed([f"{size:g}" for size in sorted(rows["batch"])])
                negative[f"{_title(request, panel)}, {strand.label}"] = f"N = {sizes}"
    if not negative:
        return []
    possible = (
        "‖∇J‖² is estimated without bias, so that a ratio comes out negative where the gradient is lost in the noise "
        f"of that estimate — {itemised(negative)}."
    )
    return [possible]


def _rows(request: FigureRequest, panel: _Panel, strands: tuple[compared.Strand, ...]) -> DataFrame:
    rows = request.rows("summary", environment=panel.environment, stage=panel.stage, metric=panel.metric)
    return marks.gathered(strands, rows.dropna(subset=["batch", "estimate"]))
