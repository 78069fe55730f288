"""How far updates really go, over the limit that is to hold them: on their own batch, and on trajectories unseen."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, concat

from pg.experiments.records import UpdateExperiment
from pg.parts.limits.base import Limit
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, listed, number, quoted
from pg.plotting.layout import Place
from pg.plotting.request import FigureRequest, Table
from pg.study.expansion import cells

_SAMPLES = {"kl_on_batch": "the update's batch", "kl_on_fresh": "fresh trajectories"}
_NUMBERS = {"long": ["value"], "summary": ["estimate", "ci_low", "ci_high"]}


@dataclass(frozen=True, slots=True)
class _Row:
    """A strand that can be compared with a limit: its own, or the one that all limited strands share."""

    strand: compared.Strand
    kl: Limit | None
    limit: float


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the divergence over δ: two panels per environment and stage, a row per variant, a dot per policy."""
    rows, places = _comparable(request), layout.places(request)
    strands = tuple(row.strand for row in rows)
    figure = style.canvas(request.figure.width, 0.3 + len(places) * (0.4 + 0.19 * len(rows)))
    grid = figure.subplots(len(places), 2, squeeze=False, sharex=True, sharey=True)
    for line, place in zip(grid, places, strict=True):
        for axes, metric in zip(line, _SAMPLES, strict=True):
            _draw_panel(axes, request, place, metric, rows)
            axes.set_title(_SAMPLES[metric])
        style.name_rows(line[0], [strand.label for strand in strands], request.figure.width)
        if len(places) > 1:
            title = f"{layout.heading(request, place)}: {_SAMPLES['kl_on_batch']}"
            line[0].set_title(style.broken(title, 3.2))
    for axes in grid[-1]:
        axes.set_xlabel("realised KL / δ")
        layout.log_ticks(axes, x=True)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, what the rows without a limit are compared with, and every number at the last stage."""
    experiment, rows = request.experiment_of(UpdateExperiment), _comparable(request)
    lead = (
        "Mean KL divergence of the policy after one update from the policy before it, over the limit δ: left over the "
        "states of the batch that the update learned from, where a limit is held, right over those of "
        f"{experiment.fresh} trajectories that it has not seen. Each dot is the mean over "
        f"{counted(experiment.updates, 'update')} of one of {counted(request.seeds, 'policy snapshot')}, each from the "
        "snapshot itself on a batch of its own; marks and bars are means with 95 % intervals, in brackets below."
    )
    sentences = [lead + layout.last_stage_quoted(request), *_about_limits(request, rows), *_about_penalties(rows)]
    for place in layout.last_places(request):
        results = {row.strand.label: _result(request, place, row) for row in rows}
        sentences.append(f"{layout.heading(request, place)} — {itemised(results)}.")
    return "\n".join([*sentences, *_undone(request, rows)])


def _about_limits(request: FigureRequest, rows: list[_Row]) -> list[str]:
    said: list[str] = []
    if free := [row.strand.label for row in rows if row.kl is None]:
        shared = number(rows[0].limit)
        said.append(f"Held by no limit, and compared with the δ of the others, {shared} — {listed(free)}.")
    drawn = {row.strand.key for row in rows}
    if left := [strand.label for strand in compared.told_apart(request) if strand.key not in drawn]:
        said.append(f"Without a limit, and not drawn because the others have no δ in common — {listed(left)}.")
    return said


def _about_penalties(rows: list[_Row]) -> list[str]:
    if not any(row.kl is not None and row.kl.name == "penalty" for row in rows):
        return []
    adapting = (
        "A penalty holds no single update: its factor is 1 at a snapshot's first update and adapts from each to the "
        "next, and all of them count."
    )
    return [adapting]


def _undone(request: FigureRequest, rows: list[_Row]) -> list[str]:
    """Say which dots are missing from the logarithmic axis."""
    values = concat([_over_limit(request, place, metric, rows, "long") for place, metric in _every_panel(request)])
    if (values["value"] > 0).all():
        return []
    return ["Policies all of whose updates were undone have a divergence of 0, and no place on the logarithmic axis."]


def _result(request: FigureRequest, place: Place, row: _Row) -> str:
    return ", ".join(
        f"{quoted(_over_limit(request, place, metric, [row], 'summary'))} on {words}"
        for metric, words in _SAMPLES.items()
    )


def _draw_panel(axes: Axes, request: FigureRequest, place: Place, metric: str, rows: list[_Row]) -> None:
    strands = tuple(row.strand for row in rows)
    axes.set_xscale("log")
    dots, means = (_over_limit(request, place, metric, rows, table) for table in ("long", "summary"))
    marks.draw_dots(axes, marks.gathered(strands, dots[dots["value"] > 0]), strands, s=6, alpha=0.4)
    marks.draw_row_intervals(axes, means[means["estimate"] > 0], strands)
    low, high = axes.get_xlim()
    shown = dots.loc[dots["value"] > 0, "value"]
    if not shown.empty:
        # An interval that reaches down to nothing must not stretch a logarithmic axis.
        axes.set_xlim(max(low, shown.min() / 1.5), high)
    axes.axvline(1, color=style.INK, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)


def _over_limit(request: FigureRequest, place: Place, metric: str, rows: list[_Row], table: Table) -> DataFrame:
    """Divide a metric by the limit of each row."""
    found = request.rows(table, environment=place.environment, stage=place.stage, metric=metric)
    parts: list[DataFrame] = []
    for row in rows:
        part = row.strand.rows(found)
        parts.append(part.assign(**{name: part[name] / row.limit for name in _NUMBERS[table]}))
    return concat(parts)


def _comparable(request: FigureRequest) -> list[_Row]:
    """Pair every strand with its limit; those without one with the others', where these share it."""
    limits = {strand.key: _limit(request, strand) for strand in compared.told_apart(request)}
    shared = {kl.limit for kl in limits.values() if kl is not None}
    rows: list[_Row] = []
    for strand in compared.told_apart(request):
        kl = limits[strand.key]
        if kl is not None:
            rows.append(_Row(strand, kl, kl.limit))
        elif len(shared) == 1:
            rows.append(_Row(strand, None, next(iter(shared))))
    return rows


def _limit(request: FigureRequest, strand: compared.Strand) -> Limit | None:
    """Look up the limit of a strand at its level."""
    return next(
        cell.variant.kl
        for cell in cells(request.study, request.figure.experiment)
        if cell.variant_name == strand.variant and strand.levels.items() <= cell.levels.items()
    )


def _every_panel(request: FigureRequest) -> list[tuple[Place, str]]:
    return [(place, metric) for place in layout.places(request) for metric in _SAMPLES]
