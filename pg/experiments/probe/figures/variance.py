"""Total variance of each estimator's gradient: every snapshot, the geometric mean, and the ratio to the first variant.

The estimators were measured on the same trajectories, so a ratio is taken snapshot by snapshot before it is averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, number, with_interval
from pg.plotting.labels import environment_label
from pg.plotting.layout import Place
from pg.plotting.request import FigureRequest, Table
from pg.statistics.estimates import geometric_mean
from pg.statistics.intervals import Interval

_METRIC = "total_variance"


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw tr Cov on a logarithmic axis: a panel per environment and policy stage, a row per variant."""
    strands, reference = compared.strands(request), _reference(request)
    environments, stages = request.environments, request.probe.source.stages
    beside = _beside(request)
    panels = [Place(*names) for names in _reading_order(environments, stages, beside)]
    rows = len(panels) // beside
    height = 0.3 + rows * (0.42 + 0.15 * len(strands))
    figure = style.canvas(request.figure.width, height)
    grid = figure.subplots(rows, beside, squeeze=False, sharey=True)
    for panel, axes in zip(panels, grid.flat, strict=True):
        _draw_panel(axes, request, panel, strands, reference)
    _share_spans(panels, list(grid.flat))
    for axes in grid.flat:
        layout.log_ticks(axes, x=True)
    for axes in grid[-1]:
        axes.set_xlabel(f"tr Cov (return², N = {compared.batch_shown(request)})")
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and how far below the reference's variance each variant lies at the last stage."""
    environments, stages = request.environments, request.probe.source.stages
    reference = _reference(request)
    lead = (
        "Total variance (the trace of the covariance matrix) of each gradient estimate with "
        f"N = {compared.batch_shown(request)} trajectories. Each dot is one of "
        f"{counted(request.seeds, 'policy snapshot')}; bars are geometric means with 95 % intervals. At the right: the "
        f"ratio to {reference.label} on the same snapshots, below 1 where the variance is lower, with its 95 % "
        "interval in brackets. Panels of one environment span equally many orders of magnitude."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for environment in environments:
        panel = Place(environment, stages[-1])
        ratios = {
            strand.label: with_interval(ratio.estimate, ratio.low, ratio.high, ratio.method)
            for strand in compared.strands(request)
            if strand != reference and (ratio := _ratio(request, panel, strand, reference)) is not None
        }
        if ratios:
            name = environment_label(request.study, environment)
            sentences.append(f"{name}, {stages[-1]} policies, ratio to {reference.label} — {itemised(ratios)}.")
    return "\n".join([*sentences, *_without_variance(request)])


def _without_variance(request: FigureRequest) -> list[str]:
    """Say which dots are missing from the logarithmic axis, and what else is missing with them."""
    strands, zeros = compared.strands(request), dict[str, str]()
    for environment, stage in product(request.environments, request.probe.source.stages):
        panel = Place(environment, stage)
        own = {strand.label: strand.rows(_at(request, panel, "long"))["value"] == 0 for strand in strands}
        name = f"{environment_label(request.study, environment)}, {stage}"
        if all(one.all() for one in own.values()):
            zeros[name] = "all snapshots of all variants"
        else:
            zeros |= {f"{name}, {label}": f"{one.sum()} of {len(one)}" for label, one in own.items() if one.any()}
    if not zeros:
        return []
    lead = (
        "Snapshots whose variance is exactly 0, as where all returns are alike, have no place on the logarithmic axis "
        "and leave the geometric mean undefined; where both variances are 0 a snapshot has no ratio"
    )
    return [f"{lead} — {itemised(zeros)}."]


def _draw_panel(
    axes: Axes, request: FigureRequest, panel: Place, strands: tuple[compared.Strand, ...], reference: compared.Strand
) -> None:
    measured, summary = (_at(request, panel, table) for table in ("long", "summary"))
    # A logarithmic axis has no place for a variance of 0.
    marks.draw_dots(axes, marks.gathered(strands, measured[measured["value"] > 0]), strands, s=5)
    marks.draw_row_intervals(axes, summary[summary["estimate"] > 0], strands)
    for row, strand in enumerate(strands):
        ratio = _ratio(request, panel, strand, reference)
        style.note_beside(axes, row, "1" if strand == reference else _ratio_text(ratio, with_ends=_beside(request) < 3))
    style.note_beside(axes, -1, "ratio")
    style.name_rows(axes, [strand.label for strand in strands], request.figure.width)
    axes.set_xscale("log")
    axes.grid(visible=True, axis="x")
    axes.set_title(f"{environment_label(request.study, panel.environment)}, {panel.stage}")


def _reading_order(environments: tuple[str, ...], stages: tuple[str, ...], beside: int) -> Iterator[tuple[str, str]]:
    if beside == len(environments):
        yield from ((environment, stage) for stage in stages for environment in environments)
    else:
        yield from ((environment, stage) for environment in environments for stage in stages)


def _beside(request: FigureRequest) -> int:
    """Count the panels that fit beside each other: all environments, or the stages of the only one, or one."""
    environments, stages = len(request.environments), len(request.probe.source.stages)
    count = environments if environments > 1 else stages
    return count if request.figure.width == "two_columns" and count <= style.beside(3) else 1


def _share_spans(panels: list[Place], axes: list[Axes]) -> None:
    """Let all stages of an environment span as many orders of magnitude: a length is one ratio in each of them."""
    for environment in {panel.environment for panel in panels}:
        own = [one for panel, one in zip(panels, axes, strict=True) if panel.environment == environment]
        ends = np.log([one.get_xlim() for one in own])
        reach = np.diff(ends).max() / 2
        for one, middle in zip(own, ends.mean(axis=1), strict=True):
            one.set_xlim(*np.exp([middle - reach, middle + reach]))


def _ratio_text(ratio: Interval | None, *, with_ends: bool) -> str:
    if ratio is None:
        return ""
    text = number(ratio.estimate, 2)
    return f"{text} ({number(ratio.low, 2)}–{number(ratio.high, 2)})" if with_ends and ratio.defined else text


def _ratio(
    request: FigureRequest, panel: Place, strand: compared.Strand, reference: compared.Strand
) -> Interval | None:
    measured = _at(request, panel, "long")
    own, other = (marks.by_seed(one.rows(measured)) for one in (strand, reference))
    ratios = (own / other.reindex(own.index)).dropna()
    return geometric_mean(ratios.to_numpy(np.float64)) if len(ratios) else None


def _at(request: FigureRequest, panel: Place, table: Table) -> DataFrame:
    where = {"environment": panel.environment, "stage": panel.stage, "metric": _METRIC}
    return request.rows(table, **where, batch=compared.batch_shown(request))


def _reference(request: FigureRequest) -> compared.Strand:
    """Compare with the lecture's first estimator where it is drawn, else with the first variant."""
    strands = compared.strands(request)
    variants = request.study.variants
    plain = [
        strand
        for strand in strands
        if (variants[strand.variant].returns.name, variants[strand.variant].baseline.name) == ("total", "none")
        and not variants[strand.variant].normalise_advantages
    ]
    return (plain or list(strands))[0]
